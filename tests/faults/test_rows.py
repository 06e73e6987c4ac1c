"""The rows and the pages that targets serve."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.environments import COLLECTORS

from . import rows
from .rows import CELLS, CONTESTANTS, ROWS, Page, chosen
from .targets import METRIC, SERIES_A_POD, samples, text


def test_names_are_distinct_and_fit_in_a_command() -> None:
    names = [row.name for row in ROWS]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in names)
    assert (*COLLECTORS, rows.LOG_AGENT) == CONTESTANTS


def test_a_text_chooses_cells() -> None:
    assert chosen("") == CELLS
    assert [cell.name for cell in chosen("away-1m")] == [f"away-1m/{name}" for name in COLLECTORS]
    assert {cell.contestant for cell in chosen(f"/{COLLECTORS[0]}")} == {COLLECTORS[0]}
    assert [cell.name for cell in chosen("logs-400/log-agent")] == ["logs-400/log-agent"]
    with pytest.raises(ValueError, match=r"no cell is called away/nothing\. Rows: away-1m"):
        chosen("away/nothing")


@pytest.mark.parametrize("page", [None, *Page])
def test_a_response_has_the_samples_of_the_account(page: Page | None) -> None:
    found = re.findall(
        rf'^{METRIC}\{{.*destination_service_name="(\w+)".*\}} (\S+)$', text("cart-0", 7, page), re.MULTILINE
    )
    assert [(series, float(value)) for series, value in found] == list(samples(7, page))
    assert len(found) >= SERIES_A_POD


def test_a_sample_is_like_no_other() -> None:
    seen = [sample for number in range(1, 50) for sample in samples(number, Page.TWICE)]
    assert len(seen) == len(set(seen))


def test_no_file_here_names_a_collector() -> None:
    # The server behind the backend is called like one.
    allowed = {"prometheus"} & set(COLLECTORS)
    for file in Path(__file__).parent.glob("*.py"):
        words = set(re.findall(r"[\w-]+", file.read_text()))
        assert not words & (set(COLLECTORS) - allowed), file.name
