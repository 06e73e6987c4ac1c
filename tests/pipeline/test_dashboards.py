"""Every query of every dashboard gives data: PromQL on what each collector stored in Mimir, LogQL on Loki.

A mesh of real Envoys with traffic and of generated pods moves on while the three collectors scrape it, each with a
cluster label of its own, and a log agent reads the access logs. Variables are filled in from their own queries.
"""

from __future__ import annotations

import dataclasses
import math
import random
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from dashboards import grafana
from tests.support.environments import COLLECTORS, Environment, environment, release
from tests.support.waiting import until
from xscaler_istio.local import oracle
from xscaler_istio.local.container_log import ContainerLog
from xscaler_istio.local.mesh import envoy
from xscaler_istio.wire.answers import Window

from . import dashboards, log_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anyio.from_thread import BlockingPortal

    from dashboards.draw import Answers
    from dashboards.grafana import Dashboard

# The panels that are not on traffic, of the dashboards that show it.
OF_HEALTH = {
    "mesh": (),
    "service": (),
    "ambient": (),
    "workload": ("Certificate expires in", "Envoy memory", "Configuration that Envoy rejected"),
}
# What the values state and no series says.
STATED = {"active_series": ("20000",)}
pytestmark = pytest.mark.xdist_group("releases")


@pytest.fixture(scope="module")
def moving(releases: Environment) -> Environment:
    """Five scrapes of every target stored by each collector, and lines of every kind in Loki."""
    write_lines(releases)
    wanted, began = sum(len(expected(releases, name)) for name in COLLECTORS), time.time()

    def five_scrapes() -> bool:
        since = max(1, int(time.time() - began))
        return [sample.value for sample in releases.query(f"count(count_over_time(up[{since}s]) >= 5)")] == [wanted]

    until(five_scrapes, f"not 5 x {wanted} scrapes")
    lines = 'count(sum by (pod) (count_over_time({job="integrations/istio"}[5m])))'
    pods = len(envoy._ROLES) + 1
    until(lambda: [s.value for s in releases.call(releases.run.xscaler.logs.query, lines)] == [pods], "no lines")
    return releases


def expected(running: Environment, collector: str) -> tuple[oracle.ExpectedTarget, ...]:
    """Return the targets of a release, its own pods included."""
    own = oracle.Own("telemetry", "t", collector, collector)
    return oracle.expected_targets(running.run.pods, oracle.Choices(cluster=collector, own=own))


def write_lines(running: Environment) -> None:
    """Write what the real Envoys do not say: lines of ztunnel, of programs, and of requests that a proxy refused."""
    assert running.run.envoys
    rng = random.Random(3)
    log_of_a_ztunnel = ztunnel_log(running)
    for fails in (False, False, True):
        log_of_a_ztunnel.write(log_lines.ztunnel_line(rng, as_json_=False, fails=fails).text.encode())
    for log in running.run.envoys.logs:
        refused = (log_lines.text_line(rng, case) for case in ("no route", "unavailable"))
        for line in (*refused, *log_lines.system_lines(rng)):
            log.write(line.text.encode(), line.stream)


def ztunnel_log(running: Environment) -> ContainerLog:
    """Return the log of the ztunnel on the node of the real Envoys."""
    pods = (member.pod for member in running.run.members)
    manifest: Any = next(pod.manifest for pod in pods if pod.name == "ztunnel-0")
    metadata = manifest["metadata"]
    assert manifest["spec"]["nodeName"] == envoy.NODE
    root = running.run.plan.folder / "pods"
    return ContainerLog(root, metadata["namespace"], metadata["name"], metadata["uid"], "istio-proxy")


def ask(
    running: Environment, asked: Dashboard, fixed: Mapping[str, tuple[str, ...]], *, points: int = 8
) -> tuple[dashboards.Choices, Mapping[int, Answers]]:
    """Return what the variables offer and what the panels show of the last points in time."""
    now = time.time()
    interval = running.run.plan.interval
    span = Window(now - points * interval, now, interval)
    chosen = running.call(dashboards.choices, running.run.xscaler, asked, span, fixed)
    return chosen, running.call(dashboards.answers, running.run.xscaler, asked, span, chosen)


def empty(asked: Dashboard, answers: Mapping[int, Answers]) -> list[str]:
    """Return the queries that gave no number and no line."""
    found = []
    for panel in asked.panels:
        given = answers[panel.id]
        if panel.type == "logs":
            found += [] if given.lines else [panel.title]
            continue
        for target, series in zip(panel.targets, given.series, strict=True):
            values = [value for item in series for _, value in item.points]
            found += [] if any(math.isfinite(value) for value in values) else [f"{panel.title}: {target.expr}"]
    return found


def answered(
    running: Environment, asked: Dashboard, fixed: Mapping[str, tuple[str, ...]], *, points: int = 8
) -> tuple[dashboards.Choices, Mapping[int, Answers]]:
    """Ask until everything has an answer, and return it: on a busy machine the newest scrapes are late."""
    found = ask(running, asked, fixed, points=points)

    def all_there() -> bool:
        nonlocal found
        chosen, answers = found
        if all(chosen.values()) and not empty(asked, answers):
            return True
        found = ask(running, asked, fixed, points=points)
        return False

    until(all_there, lambda: f"{found[0]}: nothing for {empty(asked, found[1])}")
    return found


@pytest.mark.parametrize("collector", COLLECTORS)
@pytest.mark.parametrize("name", dashboards.of("prometheus"))
def test_every_query_gives_data(moving: Environment, name: str, collector: str) -> None:
    answered(moving, dashboards.dashboard(name), {"cluster": (collector,), **STATED})


@pytest.mark.whole("make test asks all panels of the default profile, which keeps more")
def test_the_profile_traffic_answers_every_panel_on_traffic(portal: BlockingPortal) -> None:
    metrics, _ = release("prometheus", "metrics.profile=traffic")
    with environment(portal, configs=(metrics,), backend="mimir", interval=2, request_rate=10.0) as running:
        # What the variables choose from.
        named = ("istio_requests_total", 'istio_tcp_connections_opened_total{app="ztunnel"}', "istio_build")
        until(lambda: all(running.query(f"{series} offset 8s") for series in named), "the mesh is not scraped")
        for name, health in OF_HEALTH.items():
            board = dashboards.dashboard(name)
            panels = tuple(panel for panel in board.panels if panel.title not in health)
            assert len(panels) == len(board.panels) - len(health)
            answered(running, dataclasses.replace(board, panels=panels), {"cluster": ("prometheus",)})


def test_every_log_query_gives_data(moving: Environment) -> None:
    (name,) = dashboards.of("loki")
    asked = dashboards.dashboard(name)
    # Some lines were written once, when all began.
    chosen, _ = answered(moving, asked, {}, points=300)
    assert set(chosen["cluster"]) == set(COLLECTORS)
    assert set(chosen["namespace"]) == {"shop", "istio-system"}


@pytest.mark.parametrize("name", list(dashboards.FILES))
def test_thresholds_are_what_the_variables_say(moving: Environment, name: str) -> None:
    asked = dashboards.dashboard(name)
    window = Window(time.time() - 60, time.time(), 5)
    # Not the defaults, which the panel has without asking.
    chosen: dashboards.Choices = {
        variable.name: (variable.options[-1][1],) for variable in asked.variables if variable.options
    }
    values = dashboards.filled_in(asked, chosen, window)
    backend = moving.run.xscaler.logs if name in dashboards.of("loki") else moving.run.xscaler
    followed = 0
    for panel in (panel for panel in asked.panels if panel.limits):
        names = re.findall(r'"(step_\d+)", "([^"]+)"', panel.limits)
        wanted = {step: grafana.filled(limit, values) for step, limit in names}
        (sample,) = moving.call(backend.query, grafana.filled(panel.limits, values))
        assert dict(sample.labels) == wanted, panel.title
        assert [float(limit) for limit in wanted.values()] != [value for _, value in panel.thresholds], panel.title
        followed += 1
    assert followed


@pytest.mark.parametrize("name", dashboards.of("prometheus"))
def test_the_variables_know_all_clusters(moving: Environment, name: str) -> None:
    def known() -> set[str]:
        return set(ask(moving, dashboards.dashboard(name), {})[0]["cluster"])

    until(lambda: known() == set(COLLECTORS), lambda: f"{known()}")


@pytest.mark.parametrize("name", ["mesh", "service"])
def test_the_clients_side_gives_data_too(moving: Environment, name: str) -> None:
    asked = dashboards.dashboard(name)
    (reporter,) = (variable for variable in asked.variables if variable.name == "reporter")
    for _, value in reporter.options:
        answered(moving, asked, {"cluster": ("prometheus",), "reporter": (value,)})


def test_a_choice_of_services_and_workloads(moving: Environment) -> None:
    # One that gets HTTP and TCP, and few that together have a page of each kind.
    cases = {"service": ("checkout",), "workload": ("catalog", "checkout", "frontend")}
    for name, chosen in cases.items():
        answered(moving, dashboards.dashboard(name), {"cluster": ("alloy",), name: chosen})


def test_rows_of_a_table_are_services_with_all_their_columns(moving: Environment) -> None:
    asked = dashboards.dashboard("mesh")
    (panel,) = (panel for panel in asked.panels if panel.title == "Services")

    def rows() -> list[set[str]]:
        _, answers = ask(moving, asked, {"cluster": ("opentelemetry",)})
        return [
            {item.labels["destination_service_name"] for item in series if item.labels["cluster"] == "opentelemetry"}
            for series in answers[panel.id].series
        ]

    services = {"frontend", "checkout", "payments", "catalog", "reviews", "ratings", "ledger"}
    until(lambda: all(row == found[0] >= services for found in [rows()] for row in found), lambda: str(rows()))


def test_no_request_is_counted_twice(moving: Environment) -> None:
    """Both sides of a request count it; what a dashboard selects is what the applications answered, once."""
    assert moving.run.envoys
    moving.call(moving.run.envoys.freeze)
    answered = sum(sum(codes.values()) for codes in moving.run.envoys.answered.values())
    (reporter,) = (v for v in dashboards.dashboard("mesh").variables if v.name == "reporter")

    def stored() -> list[float]:
        shop = f'destination_service_namespace="{envoy.NAMESPACE}"'
        by_cluster = 'sum by (cluster) (istio_requests_total{%s, reporter=~"%s"})'
        asked = [by_cluster % (shop, value) for _, value in reporter.options]
        return [sample.value for promql in asked for sample in moving.query(promql)]

    assert answered > 0
    wanted = [answered] * len(COLLECTORS) * len(reporter.options)
    until(lambda: stored() == wanted, lambda: f"not {wanted} but {stored()}")
