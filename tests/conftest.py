"""Common to all tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests import session

if TYPE_CHECKING:
    from collections.abc import Generator

    from xdist.scheduler import Scheduling

# Their assertions explain themselves as those of tests do.
pytest.register_assert_rewrite("tests.support")

# No test is timed: machines are slow, and busy with other tests.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


# Before xdist reads the groups, and before pytest deselects.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    session.check(items)
    session.arrange(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling | None:
    return session.BothEnds(config, log) if config.getoption("dist") == "loadgroup" else None


# Around pytest's own, which makes an expected failure of a skip.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a skipped test under CI=true; only the cluster tier may skip what a cluster of yours cannot show."""
    report = yield
    skipped = report.skipped and not hasattr(report, "wasxfail")
    if skipped and os.environ.get("CI") == "true" and not item.nodeid.startswith("tests/cluster/"):
        report.outcome, report.longrepr = "failed", f"CI=true, and this is skipped: {report.longrepr}"
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Name a test without its group, so that its name can be given to pytest."""
    head, _, group = report.nodeid.rpartition("@")
    if head and "]" not in group:
        report.nodeid = head
