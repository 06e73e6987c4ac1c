"""How one session runs all tests: which are in it, what shares a worker, and what begins first.

Tests that wait for real collectors and tests that compute are in one session with more workers than cores: some
workers begin with what waits, the others compute beside it.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadGroupScheduling

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xdist.workermanage import WorkerController

# Folders whose tests wait for what they have started, and then those that take longest.
FIRST = ("tests/pipeline", "tests/release", "tests/website")
# Tests that share nothing go to a worker by this many: fewer is more talk between processes, more is a longer end.
CHUNK = 8


def check(items: Iterable[pytest.Item]) -> None:
    """Refuse a marker `whole` that does not say why its test is not in `make test`."""
    for item in items:
        for mark in item.iter_markers("whole"):
            match mark.args:
                case (str() as reason,) if reason.strip() and not mark.kwargs:
                    continue
            message = f"{item.nodeid}: whole(reason) takes one sentence: why is this test not in `make test`?"
            raise pytest.UsageError(message)


def arrange(items: list[pytest.Item]) -> None:
    """Put what begins first to the front, and tests that share what a fixture has made into one group."""
    items.sort(key=lambda item: _rank(item.nodeid))
    for file, tests in itertools.groupby(items, key=lambda item: item.nodeid.partition("::")[0]):
        alone = 0
        for item in tests:
            if item.get_closest_marker("xdist_group"):
                continue
            name = _shared(item)
            if not name:
                name, alone = f"{file}-{alone // CHUNK}", alone + 1
            item.add_marker(pytest.mark.xdist_group(name))


def _rank(name: str) -> int:
    return next((rank for rank, folder in enumerate(FIRST) if name.startswith(f"{folder}/")), len(FIRST))


def _shared(item: pytest.Item) -> str:
    """Return where the narrowest fixture is defined that a test shares with others; nothing where it shares none."""
    # pytest has no public name for it.
    found = item._fixtureinfo.name2fixturedefs.values() if isinstance(item, pytest.Function) else ()
    shared = (each[-1] for each in found if each[-1].scope != "function")
    # What pytest and its plugins define has no place.
    return max((each.baseid for each in shared), key=len, default="")


class BothEnds(LoadGroupScheduling):  # type: ignore[misc]
    """Two of three workers take groups from the front, the third takes them from the back."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        if self.nodes.index(node) >= len(self.nodes) * 2 // 3:
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)
