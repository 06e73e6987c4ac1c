"""docs/troubleshooting.md says for each answer of a backend what each program prints: it still does."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.paths import ROOT
from tests.support.waiting import until

from .refusals import CASES, PROGRAMS, SAME, refusing, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from anyio.from_thread import BlockingPortal

    from .refusals import Followed, Instance

PAGE = ROOT / "docs/troubleshooting.md"
# The table's columns behind the first.
COLUMNS = {"prometheus": 1, "alloy": 1, "opentelemetry": 2, "log agent": 3}
NOTHING = "nothing"


def rows() -> dict[str, list[str]]:
    """Return the cells of each row of the table, by the answer."""
    text = PAGE.read_text().partition("### What is printed\n")[2].partition("\n## ")[0].partition("\n### ")[0]
    lines = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {cells[0].strip(): [cell.strip() for cell in cells] for cells in lines[1:]}


def marked(program: str) -> Any:
    group = pytest.mark.xdist_group(f"refusals of {program}")
    more = (
        []
        if program == "prometheus"
        else [pytest.mark.whole("eighteen instances of one program show that the table is held")]
    )
    return pytest.param(program, marks=[group, *more])


@pytest.fixture(scope="module", params=[marked(name) for name in PROGRAMS])
def instances(
    request: pytest.FixtureRequest, portal: BlockingPortal
) -> Iterator[tuple[str, Mapping[str, Instance], Followed]]:
    with tempfile.TemporaryDirectory(prefix="xscaler-istio-refusals-") as folder:
        manager = portal.wrap_async_context_manager(refusing(request.param, Path(folder)))
        with manager as (running, followed):
            yield request.param, running, followed


def test_the_table_has_a_row_for_each_answer() -> None:
    assert list(rows()) == list(CASES)


@pytest.mark.parametrize("case", CASES)
def test_it_prints_what_the_table_says(
    case: str, instances: tuple[str, Mapping[str, Instance], Followed], portal: BlockingPortal
) -> None:
    program, running, followed = instances
    instance, cell = running[case], rows()[case][COLUMNS[program]]
    expected = re.findall(r"`([^`]+)`", cell)
    assert expected
    _until_it_says(cell, expected, instance, portal)
    # What a redirect leads to gets neither samples nor token; docs/security.md has the exception of OpenTelemetry.
    if not (program == "opentelemetry" and case.endswith(SAME)):
        assert followed.by(case) == []


def _until_it_says(cell: str, expected: Sequence[str], instance: Instance, portal: BlockingPortal) -> None:
    if not cell.startswith(NOTHING):
        until(lambda: all(text in instance.said() for text in expected), lambda: f"{expected}: {instance.said()}")
        return

    def counted() -> bool:
        # Its last metrics: a name that counts something, and the label on any that does, if the table names one.
        name, *labels = expected
        lines = [line for line in portal.call(instance.metrics).splitlines() if not line.endswith(" 0")]
        count = sum(float(line.split()[-1]) for line in lines if line.startswith(name))
        # What prints late would print by the third time.
        return count >= 3 and all(any(label in line for line in lines) for label in labels)

    until(counted, f"nothing counts {expected} three times")
    assert told(instance.said()) == []
