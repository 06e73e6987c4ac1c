"""Each form of histograms, through every collector: the same series, and equal answers to dashboards and alerts.

A mesh of generated pods moves on while each collector reads it in two releases: one sends native histograms, one both
forms. Questions are asked of a moment at which all scrapes before it have arrived. No range reaches back to the
beginning of a series: there `rate` cuts its extrapolation at zero, of each classic bucket, and of a native histogram
once.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from dashboards import grafana
from tests.support.alerts import rule
from tests.support.environments import Environment, asked_for, by_collector, configs, environment, numbered
from tests.support.estimates import COUNTED_BY, estimated, estimated_of_stored
from tests.support.paths import CHART, ci
from tests.support.rendering import of_kind, template
from tests.support.waiting import until
from xscaler_istio.local import oracle
from xscaler_istio.mesh import topology
from xscaler_istio.wire.answers import Window

from . import dashboards

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from anyio.from_thread import BlockingPortal

    from dashboards.grafana import Dashboard
    from xscaler_istio.wire.answers import NativeHistogram, Sample, ValuesOverTime

pytestmark = pytest.mark.xdist_group("histograms")
MESH = 'job="integrations/istio"'
INTERVAL = 5
# Scrapes before the moment, of which panels show the last SHOWN, each with a rate over four; and those after it.
BEFORE, SHOWN, AFTER = 11, 3, 2
LabelSet = frozenset[tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class Readers(Environment):
    """Two releases of each collector, <collector>-native and <collector>-both, and the moment of the questions."""

    moment: float

    def at(self, promql: str) -> tuple[Sample, ...]:
        """Ask of the moment."""
        return self.portal.call(functools.partial(self.run.xscaler.query, promql, at=self.moment))


def release(collector: str, form: str) -> Any:
    name = f"{collector}-{form}"
    sets = (f"metrics.collector={collector}", f"metrics.histograms={form}", f"cluster.name={name}")
    return configs(*sets, f"nameOverride={name}")


@pytest.fixture(scope="module")
def readers(request: pytest.FixtureRequest, portal: BlockingPortal) -> Iterator[Readers]:
    found = [config for name in asked_for(request) for form in ("native", "both") for config in release(name, form)]
    with environment(
        portal,
        configs=numbered(*found),
        backend="mimir",
        interval=INTERVAL,
        workloads=topology.small(),
        real_envoys=False,
    ) as up:
        pods = [member.pod.manifest for member in up.run.members]
        each = len(oracle.expected_targets(pods, oracle.Choices(cluster="")))
        began = time.time()

        def scraped(times: int) -> bool:
            since = max(1, int(time.time() - began))
            count = up.query(f"count(count_over_time(up{{{MESH}}}[{since}s]) >= {times})")
            return [sample.value for sample in count] == [each * len(found)]

        until(lambda: scraped(BEFORE), f"not {BEFORE} scrapes of {each * len(found)} targets")
        moment = time.time()
        until(lambda: scraped(BEFORE + AFTER), "no scrapes after the moment")
        yield Readers(up.run, portal, moment)


def test_nothing_is_refused_and_no_request_is_too_large(readers: Readers) -> None:
    account = readers.account()
    assert account.rejected == {}
    assert account.largest_request <= 2000
    assert account.native > 1000


def plain(labels: Mapping[str, str]) -> LabelSet:
    """Return the labels of a series without the one by which the releases differ."""
    return frozenset((name, value) for name, value in labels.items() if name != "cluster")


def native(readers: Readers, cluster: str) -> dict[LabelSet, tuple[float, NativeHistogram]]:
    found = readers.at(f'{{{MESH},cluster="{cluster}"}}')
    return {plain(item.labels): (item.value, item.histogram) for item in found if item.histogram}


@by_collector()
def test_native_histograms_are_the_classic_ones(readers: Readers, collector: str) -> None:
    """Of one scrape: the same numbers of observations, sums, and observations up to each bound that both have."""
    cluster = f"{collector}-both"
    found = {
        plain(item.labels): item.value for item in readers.at(f'{{{MESH},cluster="{cluster}"}}') if not item.histogram
    }
    histograms = native(readers, cluster)
    assert len({dict(labels)["__name__"] for labels in histograms}) >= 5
    compared = 0
    for labels, (count, histogram) in histograms.items():
        base = dict(labels)["__name__"]
        others = labels - {("__name__", base)}
        assert found[others | {("__name__", f"{base}_count")}] == count
        assert found[others | {("__name__", f"{base}_sum")}] == pytest.approx(histogram.sum)
        for bound in ("100", "1000", "10000", "+Inf"):
            bucket = others | {("__name__", f"{base}_bucket"), ("le", bound)}
            if bucket in found:
                below = sum(number for _, high, number in histogram.buckets if high <= float(bound))
                assert found[bucket] == below
                compared += 1
    assert compared > 100


@by_collector()
def test_a_collector_sends_the_same_series_as_the_others(readers: Readers, collector: str) -> None:
    def series(name: str, form: str) -> set[LabelSet]:
        found = readers.at(f'{{{MESH},cluster="{name}-{form}"}}')
        return {plain(sample.labels) for sample in found}

    for form in ("native", "both"):
        own, first = series(collector, form), series("prometheus", form)
        assert sorted(map(sorted, own ^ first)) == []
        assert len(own) > 300
    classic = {labels for labels in series(collector, "both") if dict(labels)["__name__"].startswith("istio_request_d")}
    assert len(classic) > 20 * len([1 for labels in series(collector, "native") if classic >= {labels}])


@by_collector()
def test_a_native_release_has_no_part_of_a_classic_histogram(readers: Readers, collector: str) -> None:
    assert readers.at(f'count({{{MESH},cluster="{collector}-native",le!=""}})') == ()
    assert (
        readers.at(
            f'count({{cluster="{collector}-native",__name__=~"istio_(request|response)_.*_(bucket|sum|count)"}})'
        )
        == ()
    )
    assert native(readers, f"{collector}-native").keys() == native(readers, f"{collector}-both").keys()


@by_collector()
@pytest.mark.parametrize("form", ["native", "both"])
def test_the_estimate_of_fit_is_what_arrives(readers: Readers, form: str, collector: str) -> None:
    (config,) = release(collector, form)
    stored = readers.at(f'count({{{MESH},cluster="{collector}-{form}"}})')
    assert [sample.value for sample in stored] == [estimated(config, readers.run.members)]


@by_collector()
@pytest.mark.parametrize("form", ["native", "both"])
def test_the_estimate_of_fit_from_what_is_stored_is_what_arrives(readers: Readers, form: str, collector: str) -> None:
    (config,) = release(collector, form)
    counts = readers.at(f'count by ({", ".join(COUNTED_BY)}) ({{{MESH},cluster="{collector}-both"}})')
    arrived = readers.at(f'count({{{MESH},cluster="{collector}-{form}"}})')
    assert [sample.value for sample in arrived] == [estimated_of_stored(config, counts)]


@by_collector()
def test_bounds_are_those_of_the_proxies(readers: Readers, collector: str) -> None:
    bounds = {0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1.8e6, 3.6e6}
    for labels, (_, histogram) in native(readers, f"{collector}-native").items():
        if dict(labels)["__name__"] in ("istio_request_bytes", "istio_request_duration_milliseconds"):
            assert {high for _, high, _ in histogram.buckets} <= {*bounds, math.inf}


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, tuple[Dashboard, Dashboard]]:
    """The dashboards as the chart renders them for classic and for native histograms."""
    folder = tmp_path_factory.mktemp("boards")
    return {name: (read(folder, "classic", name), read(folder, "native", name)) for name in dashboards.of("prometheus")}


def off_bounds(text: str) -> str:
    """Return queries with other shares, since exactly half of what the generated pods observe is in one bucket.

    If the next bucket is empty, the median is any number in it, and rounding chooses one of its bounds.
    """
    return re.sub(r"(histogram_quantile\(\s*)(0\.\d+)", lambda found: f"{found[1]}{float(found[2]) + 0.0031:.4f}", text)


def objects(form: str) -> str:
    flags = ("dashboards.enabled=true", "prometheusRule.enabled=true", f"metrics.histograms={form}")
    return template("helm4", "--values", str(ci("default")), *(word for flag in flags for word in ("--set", flag)))


def read(folder: Path, form: str, name: str) -> Dashboard:
    maps = (item["data"] for item in of_kind(objects(form), "ConfigMap"))
    (text,) = (data[f"{name}.json"] for data in maps if f"{name}.json" in data)
    file = folder / f"{form}-{name}.json"
    file.write_text(off_bounds(text))
    return grafana.read(file)


@by_collector()
@pytest.mark.parametrize("name", dashboards.of("prometheus"))
def test_every_panel_answers_alike_in_both_forms(
    readers: Readers, boards: Mapping[str, tuple[Dashboard, Dashboard]], name: str, collector: str
) -> None:
    span = Window(readers.moment - SHOWN * INTERVAL, readers.moment, INTERVAL)
    classic, converted = boards[name]
    fixed = {"cluster": (f"{collector}-both",)}
    chosen = readers.call(dashboards.choices, readers.run.xscaler, classic, span, fixed)
    asked = [
        readers.call(dashboards.answers, readers.run.xscaler, board, span, chosen) for board in (classic, converted)
    ]
    compared = 0
    for panel, other in zip(classic.panels, converted.panels, strict=True):
        pairs = zip(panel.targets, other.targets, *(of[panel.id].series for of in asked), strict=True)
        for target, changed, before, after in pairs:
            if target.expr != changed.expr:
                assert points(before), f"{panel.title}: {target.expr} has no answer"
                assert points(after) == pytest.approx(points(before), rel=1e-9, nan_ok=True), panel.title
                compared += 1
    assert compared or name in ("ambient", "pipeline")


def points(found: tuple[ValuesOverTime, ...]) -> dict[Any, float]:
    return {(frozenset(item.labels.items()), time): value for item in found for time, value in item.points}


@by_collector()
@pytest.mark.parametrize("alert", ["IstioHighRequestLatency", "IstioSlowConvergence"])
def test_every_alert_about_histograms_answers_alike_in_both_forms(readers: Readers, alert: str, collector: str) -> None:
    rules = [
        item
        for form in ("classic", "native")
        for found in of_kind(objects(form), "PrometheusRule")
        for group in found["spec"]["groups"]
        for item in group["rules"]
        if item["alert"] == alert
    ]
    assert rules[0]["expr"] == rule(CHART / f"files/alerts/mesh/{alert}.yaml")["expr"]
    # Of a mesh that is well an alert has no answer: every number is above this threshold.
    always = [re.sub(r"> [0-9.]+", "> -1", off_bounds(item["expr"])).replace("[5m]", "[25s]") for item in rules]
    assert always[0] != always[1]
    selected = [expression.replace(f"{{{MESH}", f'{{{MESH},cluster="{collector}-both"') for expression in always]
    before, after = ({plain(s.labels): s.value for s in readers.at(expression)} for expression in selected)
    assert before
    assert after == pytest.approx(before, rel=1e-9)


@by_collector()
def test_the_queries_of_the_page_answer_alike_in_both_forms(readers: Readers, collector: str) -> None:
    """docs/histograms.md: each row of the table of queries, on what one release sends in both forms."""
    page = (CHART.parent / "docs/histograms.md").read_text()
    rows = re.findall(r"(?m)^\| [^|]+ \| `([^`]+)` \| `([^`]+)` \|$", page)
    assert len(rows) == 4
    for row in (map(off_bounds, row) for row in rows):
        own = (
            re.sub(r"(istio_\w+)(?:\{([^}]*)\})?\[5m\]", rf'\1{{cluster="{collector}-both",\2}}[25s]', one)
            for one in row
        )
        before, after = ({plain(s.labels): s.value for s in readers.at(one)} for one in own)
        assert before
        assert after == pytest.approx(before, rel=1e-9, nan_ok=True), row
