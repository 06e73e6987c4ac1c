"""Every alert finds its series at the backend, through every collector; what goes wrong on the way is alerted on.

Three releases with access logs send from one mesh. xScaler refuses what they send for a while, and then takes nothing
for longer than they keep samples.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.alerts import FILES, Selector, parser, rule
from tests.support.environments import COLLECTORS, Environment, environment, numbered, release
from tests.support.waiting import until
from xscaler_istio.local import oracle
from xscaler_istio.local.xscaler.gateway import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from anyio.from_thread import BlockingPortal


MESH, OWN = "integrations/istio", "xscaler-istio"
INTERVAL = 2
# Seconds for which samples are kept; the least that the values admit.
AGE_LIMIT = 60
# What only Prometheus and Alloy have, and only the OpenTelemetry Collector.
REMOTE_STORAGE = re.compile(r"prometheus_(remote_storage|target_scrapes)_.*")
OTELCOL = re.compile(r"otelcol_.*")


@pytest.fixture(scope="module")
def troubled(portal: BlockingPortal) -> Iterator[Environment]:
    releases = [release(name, f"{name}.queue.sampleAgeLimit=1m") for name in COLLECTORS]
    with environment(
        portal,
        configs=numbered(*(metrics for metrics, _ in releases)),
        log_configs=tuple(logs for _, logs in releases),
        backend="mimir",
        interval=INTERVAL,
    ) as running:
        targets = sum(len(expected(running, name)) for name in COLLECTORS)
        until(lambda: len(running.query("up")) == targets, 60, f"not {targets} targets")
        answer_with(running, Fault(400))
        until(lambda: refused_by_all(running), 60, "not every push was refused")
        answer_with(running, Fault(503))
        time.sleep(AGE_LIMIT + 15)
        answer_with(running, None)
        since = time.time()
        until(lambda: fresh(running, since), 90, "what waited does not arrive")
        yield running


def expected(running: Environment, collector: str) -> tuple[oracle.ExpectedTarget, ...]:
    own = oracle.Own("telemetry", "t", collector, collector)
    return oracle.expected_targets(running.run.pods, oracle.Choices(cluster=collector, own=own))


def answer_with(running: Environment, fault: Fault | None) -> None:
    running.run.xscaler.inject(fault)
    running.run.xscaler.logs.inject(fault)


def refused_by_all(running: Environment) -> bool:
    """Tell whether enough was refused: each collector pushes at least once in two intervals, and so does an agent."""
    requests: int = running.account().requests.get(400, 0)
    lines: int = sum(running.call(running.run.xscaler.logs.account).rejected.values())
    return requests >= 20 and lines > 0


def fresh(running: Environment, since: float) -> bool:
    newest = running.query(f'min by (cluster) (max by (cluster, pod) (timestamp(up{{job="{OWN}"}})))')
    return len(newest) == len(COLLECTORS) and all(sample.value > since + 3 * INTERVAL for sample in newest)


@pytest.fixture(scope="module")
def parse() -> Iterator[Callable[[str], tuple[Selector, ...]]]:
    with parser() as parsing:
        yield parsing


by_alert = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


# There from its first event on, which takes a full queue: not made here. tests/chart/alerts has its series, made up.
NOT_MADE = frozenset({"otelcol_exporter_enqueue_failed_metric_points"})


def has(collector: str, selector: Selector) -> bool:
    """Tell whether a collector has the metric at all."""
    if selector.name in NOT_MADE:
        return False
    foreign = REMOTE_STORAGE if collector == "opentelemetry" else OTELCOL
    return not foreign.fullmatch(selector.name)


@pytest.mark.parametrize("collector", COLLECTORS)
@by_alert
def test_every_selector_of_an_alert_finds_series(
    file: Path, collector: str, troubled: Environment, parse: Callable[[str], tuple[Selector, ...]]
) -> None:
    selectors = [item for item in parse(rule(file)["expr"]) if has(collector, item)]
    assert selectors
    for selector in selectors:
        matchers = str(selector).removesuffix("}")
        # A release's log agents say nothing of samples: at least one of its pods has the series.
        found = troubled.query(f'last_over_time({matchers},cluster="{collector}"}}[10m])')
        assert found, f"{collector}: {selector}"


def firing(running: Environment, name: str) -> Mapping[str, set[str]]:
    """Return the pods that an alert speaks of, by cluster, whatever its wait."""
    (file,) = [file for file in FILES if file.stem == name]
    found: dict[str, set[str]] = {}
    for sample in running.query(rule(file)["expr"]):
        found.setdefault(sample.labels["cluster"], set()).add(sample.labels["pod"])
    return found


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


def test_refused_samples_are_alerted_on(troubled: Environment) -> None:
    assert firing(troubled, "XScalerIstioSamplesRefused") == own_pods(troubled, "metrics", *COLLECTORS)


def test_samples_that_waited_too_long_are_alerted_on(troubled: Environment) -> None:
    # The OpenTelemetry Collector counts them as refused.
    assert firing(troubled, "XScalerIstioSamplesDropped") == own_pods(troubled, "metrics", "prometheus", "alloy")


def test_refused_lines_are_alerted_on(troubled: Environment) -> None:
    assert firing(troubled, "XScalerIstioLogLinesRefused") == own_pods(troubled, "logs", *COLLECTORS)


@pytest.mark.parametrize(
    "name",
    [
        "XScalerIstioCollectorAbsent",
        "XScalerIstioPodDown",
        "XScalerIstioTargetsDown",
        "XScalerIstioPageOverLimit",
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
    assert firing(troubled, name) == {}


def test_other_than_the_mesh_and_the_release_nothing_arrives(troubled: Environment) -> None:
    found = troubled.query("count by (job) (up)")
    assert {sample.labels["job"] for sample in found} == {MESH, OWN}
