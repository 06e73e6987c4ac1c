"""Every alert finds its series at the backend, through every collector; what goes wrong on the way is alerted on.

Three releases with access logs send from one mesh. xScaler rejects what they send for a while, and then takes nothing
for longer than they keep samples.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.alerts import FILES, Selector, parser, rule
from tests.support.environments import COLLECTORS, Environment, own_metric
from tests.support.waiting import until
from xscaler_istio.local import oracle
from xscaler_istio.local.xscaler.gateway import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.xdist_group("releases")

MESH, OWN = "integrations/istio", "xscaler-istio"
# What only Prometheus and Alloy have, and only the OpenTelemetry Collector.
REMOTE_STORAGE = re.compile(r"prometheus_(remote_storage|target_scrapes)_.*")
OTELCOL = re.compile(r"(otelcol|http_client)_.*")
# What each collector counts of itself where the backend refuses samples, and where they became too old.
REFUSED = {
    "prometheus": "prometheus_remote_storage_samples_failed_total",
    "alloy": "prometheus_remote_storage_samples_failed_total",
    "opentelemetry": "otelcol_exporter_send_failed_metric_points",
}
DROPPED = {
    "prometheus": "prometheus_remote_storage_samples_dropped_total",
    "alloy": "prometheus_remote_storage_samples_dropped_total",
    "opentelemetry": "otelcol_exporter_send_failed_metric_points",
}
LINES_REFUSED = "loki_write_dropped_entries_total"
# So many in a row without an alert are no chance.
SCRAPES = 5


@pytest.fixture(scope="module")
def rejected(releases: Environment) -> Environment:
    until(lambda: counters_are_there(releases), "not every counter arrives")
    # A redirect, the one rejection that a program might follow.
    answer_with(releases, Fault(302))
    until(lambda: refused_by_all(releases), "not every push was refused")
    answer_with(releases, None)
    return releases


@pytest.fixture(scope="module")
def troubled(rejected: Environment) -> Environment:
    releases = rejected
    answer_with(releases, Fault(503))
    refused = {name: own(releases, name, DROPPED[name]) for name in COLLECTORS}
    until(lambda: all(own(releases, name, DROPPED[name]) > refused[name] for name in COLLECTORS), "nothing is too old")
    answer_with(releases, None)
    since = time.time()
    until(lambda: fresh(releases, since), "what waited does not arrive")
    return releases


def counters_are_there(running: Environment) -> bool:
    """Tell whether xScaler knows what was counted before the trouble: an increase is seen from there only."""
    targets = sum(len(expected(running, name)) for name in COLLECTORS)
    refused = {sample.labels["pod"] for sample in running.query(f'{REFUSED["prometheus"]}{{job="{OWN}"}}')}
    lines = {sample.labels["pod"] for sample in running.query(f'{LINES_REFUSED}{{job="{OWN}"}}')}
    collectors = set().union(*own_pods(running, "metrics", "prometheus", "alloy").values())
    agents = set().union(*own_pods(running, "logs", *COLLECTORS).values())
    return len(running.query("up")) == targets and refused >= collectors and lines == agents


def expected(running: Environment, collector: str) -> tuple[oracle.ExpectedTarget, ...]:
    own = oracle.Own("telemetry", "t", collector, collector)
    return oracle.expected_targets(running.run.pods, oracle.Choices(cluster=collector, own=own))


def answer_with(running: Environment, fault: Fault | None) -> None:
    running.run.xscaler.inject(fault)
    running.run.xscaler.logs.inject(fault)


def own(running: Environment, collector: str, name: str) -> float:
    return running.metric(COLLECTORS.index(collector), name)


def refused_by_all(running: Environment) -> bool:
    """Tell whether each collector and each log agent has counted a refusal."""
    agents = [running.call(own_metric, f"{agent.url}/metrics", LINES_REFUSED) for agent in running.run.log_agents]
    return all(agents) and all(own(running, name, REFUSED[name]) for name in COLLECTORS)


def fresh(running: Environment, since: float) -> bool:
    newest = running.query(f'min by (cluster) (max by (cluster, pod) (timestamp(up{{job="{OWN}"}})))')
    return len(newest) == len(COLLECTORS) and all(sample.value > since for sample in newest)


def firing(running: Environment, name: str) -> Mapping[str, set[str]]:
    """Return the pods that an alert speaks of, by cluster, whatever its wait."""
    (file,) = [file for file in FILES if file.stem == name]
    found: dict[str, set[str]] = {}
    for sample in running.query(rule(file)["expr"]):
        found.setdefault(sample.labels["cluster"], set()).add(sample.labels.get("pod", ""))
    return found


def lately(running: Environment, name: str) -> list[Mapping[str, str]]:
    """Return what an alert spoke of at any of the last scrapes, whatever its wait."""
    (file,) = [file for file in FILES if file.stem == name]
    interval = running.run.plan.interval
    found = running.query(f"count_over_time(({rule(file)['expr']})[{SCRAPES * interval}s:{interval}s])")
    return [sample.labels for sample in found]


def own_pods(running: Environment, component: str, *collectors: str) -> Mapping[str, set[str]]:
    """Return the pods of a component by release."""
    return {
        name: {
            target.labels["pod"]
            for target in expected(running, name)
            if target.job == oracle.OWN_JOB and f"-{component}-" in target.labels["pod"]
        }
        for name in collectors
    }


def fires(running: Environment, name: str, pods: Mapping[str, set[str]]) -> None:
    """Wait until an alert speaks of these pods, by cluster, and of no others."""
    until(lambda: firing(running, name) == pods, lambda: f"{firing(running, name)} instead of {pods}")


# First: what they see is an increase of the last ten minutes, and everything below waits. And before anything becomes
# too old: Prometheus and Alloy count some of that as failed and some not, so that it may hide a rejection.
def test_rejected_samples_are_alerted_on(rejected: Environment) -> None:
    fires(rejected, "XScalerIstioSamplesRefused", own_pods(rejected, "metrics", *COLLECTORS))


def test_samples_that_waited_too_long_are_alerted_on(troubled: Environment) -> None:
    # The OpenTelemetry Collector counts them as refused.
    fires(troubled, "XScalerIstioSamplesDropped", own_pods(troubled, "metrics", "prometheus", "alloy"))


def test_refused_lines_are_alerted_on(troubled: Environment) -> None:
    fires(troubled, "XScalerIstioLogLinesRefused", own_pods(troubled, "logs", *COLLECTORS))


@pytest.fixture(scope="module")
def parse() -> Iterator[Callable[[str], tuple[Selector, ...]]]:
    with parser() as parsing:
        yield parsing


by_alert = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


# There from the first event on, which takes a full queue, or native histograms that become too old: not made here.
# tests/chart/alerts has these series, made up.
NOT_MADE = frozenset(
    {"otelcol_exporter_enqueue_failed_metric_points", "prometheus_remote_storage_histograms_dropped_total"}
)
# It has no counter of responses over a limit; XScalerIstioScrapeRejected reports them.
NO_TERM = {("XScalerIstioPageOverLimit", "opentelemetry")}


def has(collector: str, selector: Selector) -> bool:
    """Tell whether a collector has the metric at all."""
    if selector.name in NOT_MADE:
        return False
    # What Alloy counts by component is asked of Prometheus only.
    if collector == "alloy" and any(label == "component_id" for label, _, _ in selector.matchers):
        return False
    foreign = REMOTE_STORAGE if collector == "opentelemetry" else OTELCOL
    return not foreign.fullmatch(selector.name)


@pytest.mark.parametrize("collector", COLLECTORS)
@by_alert
def test_every_selector_of_an_alert_finds_series(
    file: Path, collector: str, troubled: Environment, parse: Callable[[str], tuple[Selector, ...]]
) -> None:
    selectors = [item for item in parse(rule(file)["expr"]) if has(collector, item)]
    assert bool(selectors) is ((file.stem, collector) not in NO_TERM)
    for selector in selectors:
        matchers = str(selector).removesuffix("}")
        # A release's log agents say nothing of samples: at least one of its pods has the series.
        query = f'last_over_time({matchers},cluster="{collector}"}}[1h])'
        until(lambda query=query: bool(troubled.query(query)), f"{collector}: {selector}")  # type: ignore[misc]


@pytest.mark.parametrize(
    "name",
    [
        "XScalerIstioCollectorAbsent",
        "XScalerIstioPodDown",
        "XScalerIstioTargetsDown",
        "XScalerIstioPageOverLimit",
        "XScalerIstioScrapeRejected",
        "XScalerIstioRestarts",
        "XScalerIstioRemoteWriteLag",
        "IstioMetricsAbsent",
        "IstiodDown",
        "IstioProxyCertificateExpiry",
        "IstioRootCertificateExpiry",
        "IstioListenerConflicts",
    ],
)
def test_what_is_well_is_not_alerted_on(name: str, troubled: Environment) -> None:
    # For a moment it may be: a busy machine is late with a scrape. An alert waits longer than that.
    until(lambda: lately(troubled, name) == [], lambda: f"{lately(troubled, name)}")


def test_other_than_the_mesh_and_the_release_nothing_arrives(troubled: Environment) -> None:
    found = troubled.query("count by (job) (up)")
    assert {sample.labels["job"] for sample in found} == {MESH, OWN}
