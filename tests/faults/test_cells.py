"""A few cells, with the real programs: what is lost, and what shows it, is still what docs/reliability.md says."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.environments import COLLECTORS, FIRST

from . import cell, page, results, rows

# One of each kind: samples without loss, with a refusal and with a gap, and lines.
CELLS = (
    f"away-10m/{FIRST}",
    f"redirect-302-same/{FIRST}",
    f"sigkill-away/{COLLECTORS[1]}",
    "logs-400/log-agent",
)


@pytest.mark.whole("tests/pipeline has these faults without an account of each sample, and test_page.py the results")
@pytest.mark.parametrize("name", CELLS)
def test_a_cell_still_gives_its_result(name: str) -> None:
    (chosen,) = rows.chosen(name)
    kept = results.load()[name]
    found = asyncio.run(cell.run(chosen, print))
    assert bool(found.lost) is bool(kept.lost), results.line(found)
    assert {alert for alert, _ in page.shown_by(kept)} <= set(found.alerts), results.line(found)
