"""Any values that the chart renders are explained, with every job that the collector has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.any_values import ForHelm, values
from tests.support.paths import CHART, ROOT
from tests.support.rendering import configs, render
from tests.support.tools import tool
from xscaler_istio import helm
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.summary import text
from xscaler_istio.summary.rendering import Rendering
from xscaler_istio.system.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def of_prometheus(config: str) -> list[str]:
    return [job["job_name"] for job in yaml.safe_load(config)["scrape_configs"]]


def of_opentelemetry(config: str) -> list[str]:
    return of_prometheus(yaml.safe_dump(yaml.safe_load(config)["receivers"]["prometheus"]["config"]))


def of_alloy(config: str) -> list[str]:
    return re.findall(r'(?m)^prometheus\.scrape "([^"]*)" \{$', config)


# The jobs of a configuration, read without the reader under test.
JOBS: Mapping[str, Callable[[str], list[str]]] = {
    "prometheus": of_prometheus,
    "opentelemetry": of_opentelemetry,
    "alloy": of_alloy,
}


def section(said: str, title: str) -> str:
    """Return the lines of a section."""
    found = re.search(rf"(?m)^{title}\n((?: .*\n)*)", said)
    return found[1] if found else ""


_OTHERS = pytest.mark.whole("Alloy's configuration is written in another way; the others are Prometheus' own")


@pytest.mark.parametrize(
    "collector", [pytest.param(name, marks=[] if name == "alloy" else [_OTHERS]) for name in COLLECTORS]
)
@settings(max_examples=15, deadline=None, report_multiple_bugs=False, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_values_are_explained_with_every_job(collector: str, data: st.DataObject, tmp_path_factory: Any) -> None:
    chosen = data.draw(values())
    chosen.setdefault("metrics", {})["collector"] = collector
    chosen.setdefault("logs", {}).setdefault("enabled", data.draw(st.booleans()))
    file = tmp_path_factory.mktemp("values") / "values.yaml"
    file.write_text(yaml.dump(chosen, Dumper=ForHelm))
    refused = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELM_BIN", str(tool("helm4")))
        release = helm.Inputs(chart=CHART, values=helm.ValuesArguments((str(file),)))
        try:
            rendering = Rendering.of(release)
        except helm.ChartError as error:
            # Said by a rule of the chart or a condition of its schema, and not by what reads the rendered objects.
            refused = error
    if refused:
        assert refused.problems or "meet the specifications of the schema" in refused.message, refused.message
        return
    terminal = Terminal(colour=False, width=data.draw(st.sampled_from([0, 20, 80])))
    said = text.text(rendering.summary(), terminal)
    assert text.overview(rendering.overview(), terminal).startswith("destination\n")
    config = configs(render("helm4", "--values", str(file)).stdout)[0]
    jobs = JOBS[collector](config.text)
    assert jobs
    assert re.findall(r"(?m)^  (\S+)$", section(said, "jobs")) == jobs


def test_jobs_are_read_from_the_golden_configurations() -> None:
    golden = {name: entry.config_file for name, entry in COLLECTORS.items()}
    for collector, name in golden.items():
        config = (ROOT / "tests/chart/golden" / name).read_text()
        assert JOBS[collector](config) == ["proxies", "ztunnel", "istiod", "cni", "self"]
