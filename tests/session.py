"""How one session runs all tests: which are in it, what shares a worker, and what begins first.

Tests that wait for real collectors and tests that compute are in one session with more workers than cores: some
workers begin with what waits, the others compute beside it.
"""

from __future__ import annotations

import functools
import itertools
import json
import platform
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xdist.workermanage import WorkerController

# Folders whose tests wait for what they have started, and then those that take longest.
FIRST = ("tests/pipeline", "tests/faults", "tests/release", "tests/website")
# Tests that share nothing go to a worker by this many: fewer is more talk between processes, more is a longer end.
CHUNK = 2


def check(items: Iterable[pytest.Item]) -> None:
    """Refuse a marker `whole` that does not say why its test is not in `make test`."""
    for item in items:
        for mark in item.iter_markers("whole"):
            match mark.args:
                case (str() as reason,) if reason.strip() and not mark.kwargs:
                    continue
            message = f"{item.nodeid}: whole(reason) takes one sentence: why is this test not in `make test`?"
            raise pytest.UsageError(message)


def only_here(items: Iterable[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """Divide tests into those for this machine and those marked `only_on` another system or architecture."""
    here = (sys.platform, platform.machine())
    ours: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        fits = all(mark.args == here for mark in item.iter_markers("only_on"))
        (ours if fits else others).append(item)
    return ours, others


def arrange(items: list[pytest.Item]) -> None:
    """Make groups for workers. What waits is in front, and what computes long in one piece at the back."""
    shared = {item: _shared(item) for item in items}
    items.sort(key=lambda item: (_rank(item.nodeid), bool(shared[item])))
    for file, tests in itertools.groupby(items, key=lambda item: item.nodeid.partition("::")[0]):
        numbers = itertools.count()
        for item in tests:
            if not item.get_closest_marker("xdist_group"):
                item.add_marker(pytest.mark.xdist_group(shared[item] or f"{file}-{next(numbers) // CHUNK}"))


def publish(items: Iterable[pytest.Item], run: str) -> None:
    """Write the groups, for the process that schedules: it collects no tests. xdist's own way needs an older pytest."""
    groups = {item.nodeid: mark.args[0] for item in items if (mark := item.get_closest_marker("xdist_group"))}
    with tempfile.NamedTemporaryFile("w", dir=_file(run).parent, delete=False, encoding="utf-8") as written:
        json.dump(groups, written)
    # Every worker writes the same.
    Path(written.name).replace(_file(run))


def unpublish(run: str) -> None:
    """Remove what was published; a session may end before it was read."""
    _file(run).unlink(missing_ok=True)


def _file(run: str) -> Path:
    return Path(tempfile.gettempdir()) / f"xscaler-istio-groups-{run}.json"


def _rank(name: str) -> int:
    return next((rank for rank, folder in enumerate(FIRST) if name.startswith(f"{folder}/")), len(FIRST))


def _shared(item: pytest.Item) -> str:
    """Return where the narrowest fixture is defined that a test shares with others; nothing where it shares none."""
    # pytest has no public name for it.
    found = item._fixtureinfo.name2fixturedefs.values() if isinstance(item, pytest.Function) else ()
    shared = (each[-1] for each in found if each[-1].scope != "function")
    # What pytest and its plugins define has no place.
    return max((each.baseid for each in shared), key=len, default="")


class BothEnds(LoadScopeScheduling):  # type: ignore[misc]
    """Schedules by group. Two of three workers take groups from the front, the third takes them from the back.

    An only worker begins at the front.
    """

    def _split_scope(self, nodeid: str) -> str:
        return str(self._groups.get(nodeid, nodeid))

    @functools.cached_property
    def _groups(self) -> dict[str, str]:
        file = _file(self.nodes[0].workerinput["testrunuid"])
        read: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
        return read

    def _assign_work_unit(self, node: WorkerController) -> None:
        if self.nodes.index(node) >= max(1, len(self.nodes) * 2 // 3):
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)
