"""Common to all tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.session import BothEnds, arrange, check, only_here, publish, unpublish

if TYPE_CHECKING:
    from collections.abc import Generator

    from xdist.scheduler import Scheduling
    from xdist.workermanage import WorkerController

# Their assertions explain themselves as those of tests do.
pytest.register_assert_rewrite("tests.support")

# By what the process that schedules knows its run.
RUN = pytest.StashKey[str]()

# No test is timed: machines are slow, and busy with other tests.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


# Before pytest deselects.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    check(items)
    # Not skipped: no machine shows everything, and a skip fails in continuous integration.
    items[:], elsewhere = only_here(items)
    if elsewhere:
        config.hook.pytest_deselected(items=elsewhere)
    if config.getoption("loadgroup", False):
        arrange(items)


# Before xdist says that the worker has collected.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    worker = getattr(session.config, "workerinput", None)
    if worker and session.config.getoption("loadgroup", False):
        publish(session.items, worker["testrunuid"])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    node.config.stash[RUN] = node.workerinput["testrunuid"]


# When xdist has ended its workers.
@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if run := session.config.stash.get(RUN, ""):
        unpublish(run)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling | None:
    return BothEnds(config, log) if config.getoption("dist") == "loadgroup" else None


# Around pytest's own, which makes an expected failure of a skip.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a skipped test under CI=true; only the cluster tier may skip what a cluster of yours cannot show."""
    report = yield
    skipped = report.skipped and not hasattr(report, "wasxfail")
    if skipped and os.environ.get("CI") == "true" and not item.nodeid.startswith("tests/cluster/"):
        report.outcome, report.longrepr = "failed", f"CI=true, and this is skipped: {report.longrepr}"
    return report
