"""The snippets of xScaler's Istio page and the chart on the same mesh, for docs/from-xscalers-page.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.paths import ROOT
from xscaler_istio.rendered.collectors import COLLECTORS

from . import ways

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anyio.from_thread import BlockingPortal

    from .ways import Result

CHART = [f"chart, {name}" for name in COLLECTORS]
PAGE = ["page, option A", "page, option B", "page, option C"]
TARGETS = 14


pytestmark = [
    pytest.mark.xdist_group("page"),
    pytest.mark.whole("test_series shows what the chart delivers; six more ways for docs/from-xscalers-page.md"),
]


@pytest.fixture(scope="module")
def results(portal: BlockingPortal) -> Mapping[str, Result]:
    # tests/bench/bench_page.py prints the table in front of Mimir: that it is the same shows that both judge alike.
    return {result.title: result for result in portal.call(ways.compare, "prometheus")}


def test_the_chart_delivers_everything_with_every_collector(results: Mapping[str, Result]) -> None:
    for title in CHART:
        found = results[title]
        assert (found.targets, found.down, found.expected, found.pods) == (TARGETS, 0, TARGETS, TARGETS)
        assert found.refused == 0
        assert found.promised["latency buckets"] == 20 * found.promised["istio_requests_total"] > 0
        assert all(found.promised.values())
    assert len({results[title].stored for title in CHART}) == 1


@pytest.mark.parametrize("title", PAGE)
def test_the_page_reads_ports_that_answer_nothing_and_no_sidecar(title: str, results: Mapping[str, Result]) -> None:
    found = results[title]
    # One target for each declared port, of which most speak no metrics.
    assert found.targets > 2 * TARGETS
    assert found.down > found.targets * 0.7
    # What arrives comes from pods that declare their metrics port: waypoint, ztunnel, istiod, istio-cni.
    assert found.promised["istio_requests_total"] == 1


def test_the_page_s_option_c_renames_the_control_plane_s_counters(results: Mapping[str, Result]) -> None:
    assert results["page, option A"].promised["pilot_xds_pushes"] > 0
    assert results["page, option C"].promised["pilot_xds_pushes"] == 0
    # Labels of its own put ztunnel's series over the limit.
    assert results["page, option C"].promised["istio_tcp_connections_opened_total"] == 0
    assert results["page, option C"].refused > 0


def test_the_usual_rules_lose_latency_and_requests_to_the_label_limit(results: Mapping[str, Result]) -> None:
    found = results["usual rules"]
    assert found.pods == TARGETS
    assert found.refused > found.stored
    assert found.promised["latency buckets"] == 0
    assert found.promised["istio_requests_total"] == 0


def test_the_documentation_shows_these_numbers(results: Mapping[str, Result]) -> None:
    assert ways.table(list(results.values())) in (ROOT / "docs/from-xscalers-page.md").read_text(encoding="utf-8")
