"""What becomes of log lines when something goes wrong: docs/logs.md has the outcomes that these tests hold true."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.environments import TENANT
from tests.support.log_environment import LogEnvironment, count, log_environment
from tests.support.tools import tool
from xscaler_istio.local.processes import stop
from xscaler_istio.local.xscaler.admission import Fault, Scope, Token

from .log_lines import text_line
from .test_logs import Case

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    from anyio.from_thread import BlockingPortal

    from xscaler_istio.local.container_log import ContainerLog
    from xscaler_istio.local.log_oracle import LogCount

# Source, processing and writer each take a line with one hand and give it with the other: what they hold when they are
# told to end is lost.
HANDS = 6
# What waits in the queue at most: chart/values.yaml, logAgent.queue, and what is under way or being collected.
QUEUE_BYTES = (1024 + 256 + 256) * 1024


@pytest.fixture(scope="module")
def environment(portal: BlockingPortal) -> Iterator[LogEnvironment]:
    tool("alloy")
    # Lines are counted one by one at the gateway; Loki is not asked here.
    with portal.wrap_async_context_manager(log_environment(loki=False)) as running:
        yield running


@pytest.fixture(autouse=True)
def all_is_well(environment: LogEnvironment) -> Iterator[None]:
    yield
    environment.xscaler.logs.inject(None)
    environment.xscaler.logs.limit_rate(None)


@pytest.fixture
def go(portal: BlockingPortal) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    return lambda coroutine: portal.call(lambda: coroutine)


class Writer:
    """Writes lines to a log at a steady rate, until it is stopped."""

    def __init__(self, log: ContainerLog, per_second: int = 1000) -> None:
        self.log = log
        self._rng = random.Random(time.time_ns())
        self._pause = 0.05
        self._batch = int(per_second * self._pause)

    def some(self, number: int) -> None:
        for _ in range(number):
            self.log.write(text_line(self._rng, "http").text.encode())

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async def loop() -> None:
            while True:
                self.some(self._batch)
                await asyncio.sleep(self._pause)

        task = asyncio.create_task(loop())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@dataclasses.dataclass(frozen=True)
class Lost:
    """The account of a case, and the bytes of the lines that never came."""

    count: LogCount
    bytes: int


async def account(case: Case, *, seconds: float = 20) -> Lost:
    """Wait until nothing more comes, and compare."""
    await case.arrived(sum(len(log.written) for log in case.logs), seconds)
    found = count(case.logs, await case.entries())
    mean = sum(len(item.text) for log in case.logs for item in log.written) / max(1, found.written)
    return Lost(found, round(found.lost * mean))


async def tailed(case: Case, writer: Writer) -> None:
    """Write until something arrives: from then on the agent follows the file."""
    before = len(await case.entries())
    writer.some(1)
    await case.arrived(before + 1)


def test_an_orderly_end_loses_at_most_what_is_in_a_hand(environment: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run() -> Lost:
        # The first lines are older than the agent.
        case = Case(environment, "logs.startAt=beginning")
        writer = Writer(await case.container("a"))
        async with writer.running():
            for _ in range(3):
                async with case.agent():
                    await asyncio.sleep(4)
        async with case.agent():
            return await account(case)

    lost = go(run())
    assert lost.count.written > 8_000
    assert (lost.count.more, lost.count.foreign) == (0, 0)
    assert lost.count.lost <= 3 * HANDS


def test_the_end_while_the_backend_is_away_loses_at_most_the_queue(
    environment: LogEnvironment, go: Callable[..., Any]
) -> None:
    async def run() -> Lost:
        case = Case(environment)
        writer = Writer(await case.container("a"), 2000)
        async with case.agent() as agent:
            await tailed(case, writer)
            environment.xscaler.logs.inject(Fault(503))
            async with writer.running():
                await asyncio.sleep(6)
            # As the kubelet does, with less patience than the chart asks it for: it changes nothing.
            await stop(agent.child, timeout=5)
        environment.xscaler.logs.inject(None)
        async with case.agent():
            return await account(case)

    lost = go(run())
    assert (lost.count.more, lost.count.foreign) == (0, 0)
    assert 0 < lost.bytes < QUEUE_BYTES * 1.1


def test_rotation_loses_nothing(environment: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run() -> Lost:
        case = Case(environment)
        log = await case.container("a")
        writer = Writer(log)
        async with case.agent():
            await tailed(case, writer)
            async with writer.running():
                for _ in range(6):
                    await asyncio.sleep(1)
                    log.rotate()
            return await account(case)

    lost = go(run())
    assert (lost.count.lost, lost.count.more, lost.count.foreign) == (0, 0, 0)
    assert lost.count.written > 4000


def test_a_container_that_starts_again_is_read_on(environment: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run() -> Lost:
        case = Case(environment)
        log = await case.container("a")
        writer = Writer(log)
        async with case.agent():
            for _ in range(3):
                writer.some(50)
                await asyncio.sleep(2)
                log.restart()
            writer.some(50)
            return await account(case)

    lost = go(run())
    assert (lost.count.once, lost.count.more) == (200, 0)


def test_a_kill_loses_at_most_the_queue_and_doubles_lines_byte_for_byte(
    environment: LogEnvironment, go: Callable[..., Any]
) -> None:
    async def run() -> tuple[Lost, list[tuple[int, str]]]:
        case = Case(environment, "logs.startAt=beginning")
        writer = Writer(await case.container("a"))
        async with writer.running():
            async with case.agent() as agent:
                await asyncio.sleep(14)
                agent.child.process.kill()
                await agent.child.process.wait()
            async with case.agent():
                await asyncio.sleep(4)
        async with case.agent():
            lost = await account(case)
        return lost, [(entry.nanoseconds, entry.line) for entry in await case.entries()]

    lost, entries = go(run())
    assert lost.bytes <= QUEUE_BYTES
    assert lost.count.foreign == 0
    # What comes twice has the same time and text, so that Loki stores it once.
    assert lost.count.more > 0
    assert len(entries) - len(set(entries)) == lost.count.more


@pytest.mark.parametrize(("before", "after"), [(500, 300), (200, 800)], ids=["smaller", "larger"])
def test_rotation_while_the_agent_is_away(
    environment: LogEnvironment, go: Callable[..., Any], before: int, after: int
) -> None:
    meanwhile = 300

    async def run() -> Lost:
        case = Case(environment)
        log = await case.container("a")
        writer = Writer(log)
        async with case.agent():
            await tailed(case, writer)
            writer.some(before - 1)
            await account(case)
        writer.some(meanwhile)
        log.rotate()
        writer.some(after)
        async with case.agent():
            # Until it has opened the new file.
            await asyncio.sleep(6)
            writer.some(50)
            return await account(case, seconds=5)

    lost = go(run())
    assert lost.count.more == 0
    # What was written to the old file meanwhile is not read: the agent looks at *.log alone.
    if after < before:
        # A new file that is shorter than the place where the old one was left is read from its end on.
        assert lost.count.lost == meanwhile + after
    else:
        # One that has grown beyond that place is read from there on, perhaps within a line.
        assert abs(lost.count.lost - meanwhile - before) < 0.1 * before
        assert lost.count.foreign <= 1


@pytest.mark.parametrize("rotations", [0, 1, 2])
def test_an_outage(environment: LogEnvironment, go: Callable[..., Any], rotations: int) -> None:
    async def run() -> tuple[Lost, list[int]]:
        case = Case(environment)
        log = await case.container("a")
        writer = Writer(log, 2000)
        starts = [0]
        async with case.agent():
            await tailed(case, writer)
            environment.xscaler.logs.inject(Fault(503))
            async with writer.running():
                # The queue is full after three seconds; then the agent stops reading.
                await asyncio.sleep(5)
                for _ in range(rotations):
                    log.rotate()
                    starts.append(len(log.written))
                    await asyncio.sleep(1)
            environment.xscaler.logs.inject(None)
            return await account(case, seconds=30), starts

    lost, starts = go(run())
    assert (lost.count.more, lost.count.foreign) == (0, 0)
    # What is passed over are the files between the one in hand and the newest.
    assert lost.count.lost == starts[-1] - starts[min(1, rotations)]


def test_old_lines_come_at_the_rate_that_the_backend_takes(environment: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run() -> tuple[Lost, int]:
        case = Case(environment, "logs.startAt=beginning")
        writer = Writer(await case.container("a"))
        writer.some(20_000)
        deferred = (await environment.xscaler.logs.account()).deferred.get(429, 0)
        # Compressed, as it travels.
        environment.xscaler.logs.limit_rate(120_000)
        async with case.agent():
            await case.arrived(4000, 30)
        async with case.agent():
            lost = await account(case, seconds=60)
        return lost, (await environment.xscaler.logs.account()).deferred.get(429, 0) - deferred

    lost, deferred = go(run())
    assert deferred > 0
    assert (lost.count.more, lost.count.foreign) == (0, 0)
    assert lost.count.lost <= HANDS


def test_a_new_token_is_taken_up_and_a_wrong_one_counted(environment: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run() -> None:
        token = environment.surroundings.auth_folder / "token"
        case = Case(environment)
        writer = Writer(await case.container("a"))
        async with case.agent():
            await tailed(case, writer)
            environment.xscaler.add_token("rotated", Token(TENANT, Scope.WRITE))
            token.write_text("rotated")
            environment.xscaler.revoke_token("write")
            writer.some(50)
            assert len(await case.arrived(51)) == 51
            token.write_text("wrong")
            writer.some(20)
            await asyncio.sleep(4)
            refused = (await environment.xscaler.logs.account()).rejected["unauthorized"]
            # Dropped, as every collector does with 401; counted here and in loki_write_dropped_entries_total.
            assert refused == 20
            token.write_text("rotated")
            writer.some(20)
            assert len(await case.arrived(71)) == 71
        environment.xscaler.add_token("write", Token(TENANT, Scope.WRITE))
        token.write_text("write")

    go(run())


async def until_refused(environment: LogEnvironment, seconds: float = 20) -> str:
    """Return what the backend says when it first refuses a line."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if said := (await environment.xscaler.logs.account()).last_refusal:
            return said
        await asyncio.sleep(0.2)
    return ""


def test_a_backend_without_structured_metadata_says_so(portal: BlockingPortal) -> None:
    async def run() -> tuple[str, int]:
        async with log_environment(structured_metadata=False) as strict:
            refused = Case(strict)
            writer = Writer(await refused.container("a"))
            async with refused.agent():
                writer.some(10)
                said = await until_refused(strict)
            case = Case(strict, "logs.fields=none")
            plain = Writer(await case.container("b"))
            async with case.agent():
                plain.some(10)
                return said, len(await case.arrived(10))

    said, arrived = portal.call(run)
    assert "structured metadata" in said
    assert arrived == 10
