"""A collector is one entry: with nothing but that, a new name renders, and refuses what it cannot do."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.support import another_collector
from tests.support.another_collector import COLLECTOR, LIKE, NAME
from tests.support.paths import ci
from tests.support.tools import tool
from xscaler_istio.rendered.collectors import COLLECTORS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chart with one collector more."""
    return another_collector.chart(tmp_path_factory.mktemp("chart"))


def run(chart: Path, *sets: str) -> subprocess.CompletedProcess[str]:
    words = [word for item in ("metrics.shards=2", "prometheusRule.enabled=true", *sets) for word in ("--set", item)]
    command = ["template", "t", str(chart), "--namespace", "telemetry", "--values", str(ci("default")), *words]
    return subprocess.run([tool("helm4"), *command], check=False, capture_output=True, text=True)


def test_it_renders_as_the_one_that_it_is_like(chart: Path) -> None:
    found, expected = (run(chart, f"metrics.collector={name}") for name in (NAME, LIKE))
    assert (found.returncode, expected.returncode) == (0, 0), found.stderr
    # The name of its file is its own.
    text = found.stdout.replace(COLLECTOR.config_file, COLLECTORS[LIKE].config_file)
    assert list(yaml.safe_load_all(text)) == list(yaml.safe_load_all(expected.stdout))


def test_its_own_metrics_are_kept_and_alerted_on(chart: Path) -> None:
    rendered = run(chart, f"metrics.collector={NAME}").stdout
    objects = list(yaml.safe_load_all(rendered))
    text, *_ = (
        item["data"][COLLECTOR.config_file] for item in objects if COLLECTOR.config_file in item.get("data", {})
    )
    (keep,) = (job for job in yaml.safe_load(text)["scrape_configs"] if job["job_name"] == "self")
    assert f"{NAME}_storage_samples_(" in keep["metric_relabel_configs"][0]["regex"]
    (rules,) = (item for item in objects if item["kind"] == "PrometheusRule")
    naming = {rule["alert"] for group in rules["spec"]["groups"] for rule in group["rules"] if NAME in rule["expr"]}
    assert naming == {f"XScalerIstio{name}" for name in ("RemoteWriteLag", "SamplesDropped", "SamplesRefused")}


def test_it_refuses_what_it_cannot_honour(chart: Path) -> None:
    done = run(chart, f"metrics.collector={NAME}", f"{NAME}.extraArgs={{--x}}")
    assert done.returncode == 1
    assert f"{NAME}.extraArgs is [--x], but this collector takes no flags" in done.stderr
    assert run(chart, f"metrics.collector={LIKE}", f"{LIKE}.extraArgs={{--x}}").returncode == 0


def test_the_schema_knows_its_name_and_its_block(chart: Path) -> None:
    done = run(chart, f"metrics.collector={NAME}", f"{NAME}.queue.maxShards=many")
    assert done.returncode == 1
    assert f"{NAME}" in done.stderr
    assert "maxShards" in done.stderr
