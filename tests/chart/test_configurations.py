"""The configurations of the collectors: loaded by the real programs, and what holds for each of them."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.paths import ci
from tests.support.rendering import configs, objects, of_kind, parsed, prometheus_config, template
from tests.support.tools import tool
from xscaler_istio.commands import lint
from xscaler_istio.rendered.alloy_syntax import parse
from xscaler_istio.rendered.collectors import COLLECTORS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEFAULT = ("--values", str(ci("default")))


@pytest.fixture(autouse=True)
def pinned_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in {entry.validator.program for entry in COLLECTORS.values()}:
        monkeypatch.setenv(f"XSCALER_{name.upper()}", str(tool(name)))


@pytest.mark.parametrize("collector", COLLECTORS)
def test_the_collector_accepts_every_configuration(helm: str, ci_file: Path, collector: str) -> None:
    found = configs(template(helm, "--values", str(ci_file), "--set", f"metrics.collector={collector}"))
    assert {config.collector for config in found} == {collector}
    # Shards differ in a number only.
    assert lint.check_config(found[0]) == []


@pytest.mark.parametrize(
    ("collector", "right", "wrong"),
    [
        ("prometheus", "remote_timeout: 30s", "remote_timeout: 30 seconds"),
        ("alloy", "scrape_protocols =", "scrape_protocol ="),
        ("opentelemetry", "check_interval: 1s", "check_every: 1s"),
        ("opentelemetry", "[memory_limiter, batch]", "[memory_limiter, batches]"),
    ],
)
def test_the_collector_says_what_is_wrong(collector: str, right: str, wrong: str) -> None:
    config = configs(template("helm4", *DEFAULT, "--set", f"metrics.collector={collector}"))[0]
    assert right in config.text
    found = lint.check_config(dataclasses.replace(config, text=config.text.replace(right, wrong)))
    assert isinstance(found, list)
    (finding,) = found
    assert finding.rule == "XS320"
    assert finding.location.file == config.file
    assert tempfile.gettempdir() not in finding.message


def known_places(node: object, place: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield place
    # What it prints as a list of pairs is free in its names.
    if isinstance(node, dict) and place[-1:] != ("headers",):
        for key, child in node.items():
            yield from known_places(child, (*place, key))


def test_opentelemetry_knows_every_setting_of_its_exporter(tmp_path: Path) -> None:
    # Its `validate` takes unknown keys of this exporter without a word; what it makes of the file shows them.
    found = configs(template("helm4", *DEFAULT, "--set", "metrics.collector=opentelemetry"))[0]
    (tmp_path / "token").write_text("x")
    (tmp_path / "config").write_text(found.text.replace("/etc/xscaler/auth", str(tmp_path)))
    command = [str(tool("otelcol")), "print-config", f"--config={tmp_path / 'config'}"]
    printed = yaml.safe_load(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    written = set(known_places(parsed(found)["exporters"]))
    assert ("prometheus_remote_write", "http", "timeout") in written
    # Switched off it is not printed; that no such series is sent is seen where all series are compared.
    off = {("prometheus_remote_write", "target_info"), ("prometheus_remote_write", "target_info", "enabled")}
    assert written - set(known_places(printed["exporters"])) == off


def prometheus(*sets: str) -> dict[str, Any]:
    flags = [word for item in sets for word in ("--set", item)]
    return prometheus_config(template("helm4", *DEFAULT, *flags))


def test_every_job_discovers_with_the_same_words() -> None:
    discoveries = [job["kubernetes_sd_configs"] for job in prometheus()["scrape_configs"]]
    assert len(discoveries) == 5
    assert all(discovery == [{"role": "pod"}] for discovery in discoveries)


def test_every_job_asks_for_text_and_keeps_its_own_labels() -> None:
    for job in prometheus()["scrape_configs"]:
        assert job["scrape_protocols"] == ["PrometheusText0.0.4"]
        assert job["honor_labels"] is False


def test_what_one_language_leaves_out_is_its_default() -> None:
    """Alloy's defaults, which Prometheus' configuration spells out."""
    (alloy,) = configs(template("helm4", *DEFAULT, "--set", "metrics.collector=alloy"))
    assert not re.search(r"honor_labels|scrape_fallback_protocol|remote_timeout", alloy.text)
    written = prometheus()
    assert [endpoint["remote_timeout"] for endpoint in written["remote_write"]] == ["30s"]
    for job in written["scrape_configs"]:
        assert (job["honor_labels"], job["fallback_scrape_protocol"]) == (False, "PrometheusText0.0.4")


def test_names_are_checked_late_where_responses_may_be_an_application_s() -> None:
    apart = "metrics.targets.agents.enabled=true,metrics.targets.proxies.port=15090"
    words = ("--set", f"{apart},metrics.collector=alloy")
    (alloy,) = configs(template("helm4", *DEFAULT, *words))
    scrapes = [block for header, block in parse(alloy.text).items() if header.startswith("prometheus.scrape ")]
    assert len(scrapes) == 6
    late = {block["job_name"] for block in scrapes if "metric_name_validation_scheme" in block}
    assert late == {'"proxies"', '"agents"'}


def test_a_change_restarts_only_collectors_that_do_not_watch_their_file() -> None:
    def checksum(collector: str, *sets: str) -> object:
        words = [word for item in (f"metrics.collector={collector}", *sets) for word in ("--set", item)]
        (deployment,) = of_kind(template("helm4", *DEFAULT, *words), "Deployment")
        return deployment["spec"]["template"]["metadata"]["annotations"].get("checksum/config")

    assert checksum("prometheus") is None
    for collector in ("alloy", "opentelemetry"):
        assert checksum(collector) == checksum(collector, "commonLabels.a=b")
        assert checksum(collector) != checksum(collector, "metrics.scrapeInterval=31s")


@pytest.mark.parametrize(
    ("memory", "expected"),
    [("2Gi", str(2**31 * 8 // 10)), ("1.5Gi", "1288490188"), ("500M", "400000000"), ("1000000000", "800000000")],
)
def test_go_keeps_below_the_memory_limit(memory: str, expected: str) -> None:
    block = "opentelemetry.resources"
    words = ("--set", f"metrics.collector=opentelemetry,{block}.limits.memory={memory},{block}.requests.memory=null")
    (deployment,) = of_kind(template("helm4", *DEFAULT, *words), "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "GOMEMLIMIT", "value": expected}]


def test_without_a_memory_limit_there_is_none_for_go() -> None:
    words = ("--set", "metrics.collector=opentelemetry", "--set", "opentelemetry.resources.limits=null")
    (deployment,) = of_kind(template("helm4", *DEFAULT, *words), "Deployment")
    assert "env" not in deployment["spec"]["template"]["spec"]["containers"][0]


def test_none_renders_no_workload(helm: str) -> None:
    rendered = template(helm, *DEFAULT, "--set", "metrics.collector=none,prometheusRule.enabled=true")
    assert [item["kind"] for item in objects(rendered)] == ["PrometheusRule"]


def test_the_secret_volume_holds_only_the_keys_in_use(helm: str) -> None:
    auth = ci("auth")
    pod = of_kind(template(helm, "--values", str(auth)), "Deployment")[0]["spec"]["template"]["spec"]
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "auth"]
    keys = {item["key"]: item["path"] for item in volume["secret"]["items"]}
    assert keys == {"api-token": "token", "tenant": "tenant-id", "username": "username"}
