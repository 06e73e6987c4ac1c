"""The logs snippet of xScaler's Istio page and the chart on the same files, for docs/from-xscalers-page.md."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.tools import tool

from . import log_ways

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from anyio.from_thread import BlockingPortal

    from xscaler_istio.rendered.manifests import CollectorConfig

    from .log_ways import LogResult


# One environment for all.
pytestmark = [
    pytest.mark.xdist_group("logs of the page"),
    pytest.mark.whole("test_logs shows what the chart delivers; two more ways for docs/from-xscalers-page.md"),
]


@pytest.fixture(scope="module")
def results(portal: BlockingPortal) -> Mapping[str, LogResult]:
    return {result.title: result for result in portal.call(log_ways.compare)}


def said(config: CollectorConfig, folder: Path) -> str:
    """Return what Alloy says to a configuration; nothing if it takes it."""
    file = folder / "config.alloy"
    file.write_text(config.text, encoding="utf-8")
    done = subprocess.run([str(tool("alloy")), "validate", str(file)], check=False, capture_output=True, text=True)
    return done.stdout + done.stderr if done.returncode else ""


def test_alloy_rejects_the_published_snippet(tmp_path: Path) -> None:
    assert 'unrecognized block name "http_client_config"' in said(log_ways.page(), tmp_path)
    assert said(log_ways.ways()["page, authorization in its place"].config, tmp_path) == ""


def test_without_expanded_globs_nothing_arrives(results: Mapping[str, LogResult]) -> None:
    found = results["page, authorization in its place"]
    assert (found.written, found.arrived, found.of_applications) == (200, 0, 0)


def test_with_globs_expanded_prefixes_queries_and_other_containers_arrive(results: Mapping[str, LogResult]) -> None:
    found = results["page, and globs expanded"]
    # One line comes as two pieces; none is unchanged.
    assert (found.arrived, found.with_prefix, found.unchanged, found.with_fields) == (201, 201, 0, 0)
    assert found.with_secrets > 50
    assert found.of_applications == 20


def test_the_chart_sends_every_line_of_the_proxies_unchanged(results: Mapping[str, LogResult]) -> None:
    found = results["chart"]
    assert (found.arrived, found.with_prefix, found.unchanged, found.with_fields) == (200, 0, 200, 200)
    assert (found.with_secrets, found.of_applications) == (0, 0)
