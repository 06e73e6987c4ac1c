"""docs/reliability.md is what the results give, and loss is never silent without a reason."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.support.alerts import FILES, KEPT
from tests.support.environments import COLLECTORS

from . import page, results, rows
from .page import SILENT
from .results import Result

if TYPE_CHECKING:
    from pathlib import Path

FOUND = results.load()


def result(**more: Any) -> Result:
    values: dict[str, Any] = {
        "row": rows.ROWS[0].name,
        "contestant": COLLECTORS[0],
        "version": "v1",
        "date": "2026-01-02",
        "seconds": 2.0,
        "written": 100,
        "doubled": 0,
        "lost": 0,
        "catch_up": 3.2,
        "metrics": (),
        "alerts": (),
    }
    return Result(**{**values, **more})


def test_the_page_is_fresh() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.text(FOUND), "python -m tests.faults.page"


def test_a_cell_with_loss_names_a_metric_that_is_sent_and_an_alert_that_reads_it() -> None:
    for found in FOUND.values():
        if not found.lost or found.name in SILENT:
            continue
        shown = page.shown_by(found)
        assert shown, f"{found.name} loses {found.lost}, and no alert reads a metric that shows it"
        for alert, metrics in shown:
            assert alert in {file.stem for file in FILES}
            for name in metrics:
                assert name in page.REPORTED or any(re.fullmatch(kept, name) for kept in KEPT), name


def test_what_is_listed_as_silent_is() -> None:
    listed = {name for name, found in FOUND.items() if found.lost and not page.shown_by(found)}
    assert set(SILENT) == listed


def test_results_are_of_a_machine_that_was_fast_enough() -> None:
    assert not [name for name, found in FOUND.items() if found.spoiled]


def test_a_result_is_kept_in_the_place_of_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    assert results.load(file) == {}
    results.keep(result(row=rows.ROWS[1].name), file)
    results.keep(result(lost=5), file)
    results.keep(result(lost=7, alerts=("A",)), file)
    first, second = results.load(file).values()
    assert (first.row, first.lost, first.alerts, second.row) == (rows.ROWS[0].name, 7, ("A",), rows.ROWS[1].name)


def test_the_page_shows_loss_and_what_has_not_run() -> None:
    lost = result(lost=7, doubled=2, alerts=("XScalerIstioSamplesRefused",))
    text = page.text({lost.name: lost})
    assert "**7** of 100; 2 twice; 3 s | not run" in text
    # No metric that the alert reads has changed.
    assert f"| `{lost.name}` | 7 of 100 | not known yet |" in text


def test_a_result_is_one_line_for_people() -> None:
    line = results.line(result(lost=7, metrics=("m",)))
    assert line == f"{result().name}: 7 of 100 lost, 0 twice, 3.2 s to catch up; m; alerts: none"
