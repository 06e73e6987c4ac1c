"""With nothing but an entry under a new name the plugin reads, compares, checks and starts another collector."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.support import another_collector
from tests.support.another_collector import COLLECTOR, LIKE, NAME
from tests.support.paths import EXAMPLE
from tests.support.surroundings import SURROUNDINGS
from tests.support.tools import tool
from xscaler_istio import helm
from xscaler_istio.commands import diff, lint
from xscaler_istio.commands.validate import validate
from xscaler_istio.findings.findings import Skipped
from xscaler_istio.helm import Inputs, ValuesArguments
from xscaler_istio.local import oracle
from xscaler_istio.local.command import known_programs
from xscaler_istio.rendered import collectors
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.rendered.release import Release
from xscaler_istio.summary.rendering import Rendering


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chart with one collector more."""
    return another_collector.chart(tmp_path_factory.mktemp("chart"))


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(collectors.MODULES, NAME, another_collector.__name__)
    monkeypatch.setenv("HELM_BIN", str(tool("helm4")))


def inputs(chart: Path, *sets: str) -> Inputs:
    pairs = tuple(("--set", text) for text in sets)
    return Inputs(chart=chart, values=ValuesArguments((str(EXAMPLE),), pairs), namespace="telemetry")


def rendered(chart: Path, name: str) -> Release:
    return Release.of(helm.template(inputs(chart, f"metrics.collector={name}")))


def test_its_configuration_is_found_and_read(chart: Path) -> None:
    found, expected = rendered(chart, NAME), rendered(chart, LIKE)
    assert [config.collector for config in found.configs] == [NAME]
    assert found.jobs == expected.jobs
    assert found.destinations == expected.destinations
    assert found.config_text(NAME, 0) == expected.config_text(LIKE, 0)


def test_it_is_explained_and_compared(chart: Path) -> None:
    each = [Rendering.of(inputs(chart, f"metrics.collector={name}")) for name in (LIKE, NAME)]
    assert each[0].summary().sections[0] == each[1].summary().sections[0]
    more = Rendering.of(inputs(chart, f"metrics.collector={NAME}", f"{NAME}.queue.maxShards=4"))
    (change,) = diff.compare(each[1], more)
    assert f"data.{COLLECTOR.config_file}.remote_write[xscaler].queue_config.max_shards: 10 -> 4" in str(change)


def test_lint_asks_its_own_validator(chart: Path) -> None:
    (config,) = rendered(chart, NAME).configs
    assert lint.check_config(config) == Skipped(f"{NAME}-check is not on PATH (it comes with it)")


def test_values_are_checked_for_it(chart: Path) -> None:
    report = validate(inputs(chart, f"metrics.collector={NAME}", f"{NAME}.queue.maxShards=4"))
    assert sorted((item.rule, item.message) for item in report.findings if item.path.startswith(NAME)) == [
        ("XS272", f"{NAME}.queue.maxShards has no effect: it has one queue"),
    ]


def test_it_is_started_outside_a_cluster(chart: Path) -> None:
    assert NAME in known_programs()
    (config,) = rendered(chart, NAME).configs
    here = dataclasses.replace(SURROUNDINGS, listen_address="127.10.0.1:7777")
    local = config.shipper.apply(config.text, config.shipper.overrides(config.text, here))
    (read,) = (COLLECTOR.read(dataclasses.replace(config, text=local).tree),)
    assert read.destination.url == here.push_url
    assert f"--web.listen-address={here.listen_address}" in config.shipper.command(config.arguments, Path("x"), here)
    assert config.shipper.program == NAME
    own = oracle.Own("telemetry", "xscaler-istio", "xscaler-istio", NAME)
    labels = {"app.kubernetes.io/component": "metrics"}
    named = {"app.kubernetes.io/instance": own.release, "app.kubernetes.io/name": own.name}
    pod = {
        "metadata": {"namespace": own.namespace, "name": "p", "labels": {**labels, **named}},
        "spec": {"containers": [{"name": "collector"}]},
        "status": {"phase": "Running", "podIP": "10.0.0.1"},
    }
    (target,) = oracle.expected_targets([pod], oracle.Choices(cluster="c", own=own))
    assert target.url == f"http://10.0.0.1:{COLLECTORS[NAME].metrics_port}/metrics"
