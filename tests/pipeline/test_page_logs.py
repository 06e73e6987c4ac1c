"""What the logs snippet of xScaler's Istio page delivers, and the chart on the same files: docs/options.md shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from xscaler_istio.commands import lint

from . import log_ways

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anyio.from_thread import BlockingPortal

    from .log_ways import LogResult


# One environment for all.
pytestmark = [
    pytest.mark.xdist_group("logs of the page"),
    pytest.mark.whole("test_logs shows what the chart delivers; here are two more ways, for docs/options.md"),
]


@pytest.fixture(scope="module")
def results(portal: BlockingPortal) -> Mapping[str, LogResult]:
    return {result.title: result for result in portal.call(log_ways.compare)}


def test_alloy_refuses_the_snippet_as_it_is_published() -> None:
    findings = lint.check_config(log_ways.page())
    assert 'unrecognized block name "http_client_config"' in str(findings)
    assert lint.check_config(log_ways.ways()["page, authorization in its place"].config) == []


def test_without_a_search_for_files_nothing_arrives(results: Mapping[str, LogResult]) -> None:
    found = results["page, authorization in its place"]
    assert (found.written, found.arrived, found.of_applications) == (200, 0, 0)


def test_with_one_the_runtime_s_framing_queries_and_other_containers_arrive(results: Mapping[str, LogResult]) -> None:
    found = results["page, and globs expanded"]
    # One line comes as two pieces; none is as it was said.
    assert (found.arrived, found.framed, found.whole, found.with_fields) == (201, 201, 0, 0)
    assert found.with_secrets > 50
    assert found.of_applications == 20


def test_the_chart_sends_every_line_of_the_proxies_as_it_was_said(results: Mapping[str, LogResult]) -> None:
    found = results["chart"]
    assert (found.arrived, found.framed, found.whole, found.with_fields) == (200, 0, 200, 200)
    assert (found.with_secrets, found.of_applications) == (0, 0)
