"""The event loop that everything of a worker runs in, and the environments that several files share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from anyio.from_thread import start_blocking_portal

from tests.support.environments import COLLECTORS, Environment, environment, numbered, release
from tests.support.log_environment import LogEnvironment, log_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from anyio.from_thread import BlockingPortal

FOLDER = Path(__file__).parent


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    """One event loop in a thread for the whole session."""
    with start_blocking_portal() as running:
        yield running


@pytest.fixture(scope="session")
def counted(portal: BlockingPortal) -> Iterator[LogEnvironment]:
    """What access logs need. Lines are counted one by one at the gateway; there is no Loki to ask."""
    with portal.wrap_async_context_manager(log_environment(loki=False)) as running:
        yield running


@pytest.fixture(scope="session")
def go(portal: BlockingPortal) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine where everything runs."""
    return lambda coroutine: portal.call(lambda: coroutine)


@pytest.fixture(scope="session")
def releases(portal: BlockingPortal) -> Iterator[Environment]:
    """A release with access logs for each collector, all on one mesh of real Envoys with traffic and of generated pods.

    Tests that ask for it are in one xdist group.
    """
    # Samples are kept for the least time that the values admit.
    found = [release(name, f"{name}.queue.sampleAgeLimit=1m") for name in COLLECTORS]
    with environment(
        portal,
        configs=numbered(*(metrics for metrics, _ in found)),
        log_configs=tuple(logs for _, logs in found),
        backend="mimir",
        interval=2,
        # Of ten requests one is answered otherwise: enough for every panel.
        request_rate=10.0,
    ) as running:
        yield running


# Files whose groups take longest, which begin first.
LONGEST = ("test_alerts", "test_dashboards", "test_series", "test_logs")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    places = [place for place, item in enumerate(items) if item.path.parent == FOLDER]
    ours = sorted((items[place] for place in places), key=lambda item: item.path.stem not in LONGEST)
    for place, item in zip(places, ours, strict=True):
        items[place] = item


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let every test that names no group run beside the others: it starts what it needs."""
    if not item.get_closest_marker("xdist_group"):
        item.add_marker(pytest.mark.xdist_group(item.nodeid))
