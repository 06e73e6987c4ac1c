"""What becomes of log lines when something goes wrong: docs/logs.md has the outcomes that these tests hold true."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.environments import TENANT, change, own_metric
from tests.support.log_environment import LogEnvironment, log_environment
from tests.support.waiting import comes
from xscaler_istio.local.processes import stop
from xscaler_istio.local.xscaler.admission import Fault, Scope, Token

from .log_cases import HANDS, Case
from .log_lines import text_line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from anyio.from_thread import BlockingPortal

    from xscaler_istio.local.container_log import ContainerLog
    from xscaler_istio.local.log_agents import Agent
    from xscaler_istio.local.log_oracle import LogCount

# What waits in the queue at most: chart/values.yaml, logAgent.queue, and what is under way or being collected.
QUEUE_BYTES = (1024 + 256 + 256) * 1024
one_by_one = pytest.mark.whole("an orderly end and an outage show that lines are neither lost nor doubled")
# More lines than the queue takes.
MORE_THAN_THE_QUEUE = 8000


@pytest.fixture(autouse=True)
def all_is_well(counted: LogEnvironment) -> Iterator[None]:
    yield
    counted.xscaler.logs.inject(None)
    counted.xscaler.logs.limit_rate(None)


class Writer:
    """Writes lines to a log, some at once or at a steady rate until it is stopped."""

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


async def account(case: Case) -> Lost:
    """Wait until all that will come has, and compare."""
    await case.all_read()
    found = case.count()
    mean = sum(len(item.text) for log in case.logs for item in log.written) / max(1, found.written)
    return Lost(found, round(found.lost * mean))


async def more_arrived(case: Case, number: int) -> None:
    """Wait until this many further lines have arrived."""
    await case.arrived(len(case.entries()) + number)


async def stuck(agent: Agent, case: Case) -> None:
    """Wait until an agent has stopped reading before the end, since its queue is full and the backend is away."""
    written = sum(len(log.written) for log in case.logs)

    async def lines() -> float:
        return await own_metric(f"{agent.url}/metrics", "loki_source_file_read_lines_total")

    async def stands_still() -> bool:
        read = await lines()
        for _ in range(3):
            await asyncio.sleep(0.5)
            if await lines() != read:
                return False
        return 0 < read < written

    await comes(stands_still, "it does not stop reading")


def test_an_orderly_end_loses_at_most_what_is_in_a_hand(counted: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run() -> Lost:
        # The first lines are older than the agent.
        case = Case(counted, "logs.startAt=beginning")
        writer = Writer(await case.container("a"))
        async with writer.running():
            for _ in range(3):
                async with case.agent():
                    await more_arrived(case, 1500)
        async with case.agent():
            return await account(case)

    lost = go(run())
    assert lost.count.written > 4500
    assert (lost.count.more, lost.count.foreign) == (0, 0)
    assert lost.count.lost <= 3 * HANDS


@one_by_one
def test_the_end_while_the_backend_is_away_loses_at_most_the_queue(
    counted: LogEnvironment, go: Callable[..., Any]
) -> None:
    async def run() -> Lost:
        case = Case(counted)
        writer = Writer(await case.container("a"))
        async with case.agent() as agent:
            counted.xscaler.logs.inject(Fault(503))
            writer.some(MORE_THAN_THE_QUEUE)
            await stuck(agent, case)
            # As the kubelet does, with less patience than the chart asks it for: it changes nothing.
            await stop(agent.child, timeout=5)
        counted.xscaler.logs.inject(None)
        async with case.agent():
            return await account(case)

    lost = go(run())
    assert (lost.count.more, lost.count.foreign) == (0, 0)
    assert 0 < lost.bytes < QUEUE_BYTES * 1.1


@one_by_one
def test_rotation_loses_nothing(counted: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run() -> Lost:
        case = Case(counted)
        log = await case.container("a")
        writer = Writer(log)
        async with case.agent():
            async with writer.running():
                for _ in range(6):
                    # A file that is renamed before the agent has opened it is not read: a line of it has come by then.
                    await case.arrived(len(log.written) + 1)
                    log.rotate()
            return await account(case)

    lost = go(run())
    assert (lost.count.lost, lost.count.more, lost.count.foreign) == (0, 0, 0)
    assert lost.count.written > 300


@one_by_one
def test_a_container_that_starts_again_is_read_on(counted: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run() -> Lost:
        case = Case(counted)
        log = await case.container("a")
        writer = Writer(log)
        async with case.agent():
            for _ in range(3):
                writer.some(50)
                await more_arrived(case, 50)
                log.restart()
            writer.some(50)
            return await account(case)

    lost = go(run())
    assert (lost.count.once, lost.count.lost, lost.count.more) == (200, 0, 0)


def position(agent: Agent) -> int:
    """Return where the agent would go on reading after its next start, in bytes."""
    written = "".join(file.read_text(encoding="utf-8") for file in agent.state.rglob("positions.yml"))
    return sum(map(int, re.findall(r': "(\d+)"', written)))


@one_by_one
def test_a_kill_loses_at_most_the_queue_and_doubles_lines_byte_for_byte(
    counted: LogEnvironment, go: Callable[..., Any]
) -> None:
    async def run() -> tuple[Lost, list[tuple[int, str]]]:
        case = Case(counted, "logs.startAt=beginning")
        writer = Writer(await case.container("a"))
        async with writer.running():
            async with case.agent() as agent:
                # It is written down every ten seconds how far it has read; what comes after that is read again.
                await comes(lambda: position(agent) > 0, "it does not write down how far it has read")
                await more_arrived(case, 500)
                agent.child.process.kill()
                await agent.child.process.wait()
            async with case.agent():
                await more_arrived(case, 500)
        async with case.agent():
            lost = await account(case)
        return lost, [(entry.nanoseconds, entry.line) for entry in case.entries()]

    lost, entries = go(run())
    assert lost.bytes <= QUEUE_BYTES
    assert lost.count.foreign == 0
    # What comes twice has the same time and text, so that Loki stores it once.
    assert lost.count.more > 0
    assert len(entries) - len(set(entries)) == lost.count.more


@one_by_one
@pytest.mark.parametrize(("before", "after"), [(500, 300), (200, 800)], ids=["smaller", "larger"])
def test_rotation_while_the_agent_is_away(
    counted: LogEnvironment, go: Callable[..., Any], before: int, after: int
) -> None:
    meanwhile = 300

    async def run() -> Lost:
        case = Case(counted)
        log = await case.container("a")
        writer = Writer(log)
        async with case.agent():
            writer.some(before)
            await case.arrived(before)
        writer.some(meanwhile)
        log.rotate()
        writer.some(after)
        async with case.agent():
            writer.some(50)
            return await account(case)

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


@pytest.mark.parametrize("rotations", [pytest.param(0, marks=one_by_one), 1, pytest.param(2, marks=one_by_one)])
def test_an_outage(counted: LogEnvironment, go: Callable[..., Any], rotations: int) -> None:
    async def run() -> tuple[Lost, list[int]]:
        case = Case(counted)
        log = await case.container("a")
        writer = Writer(log)
        starts = [0]
        async with case.agent() as agent:
            counted.xscaler.logs.inject(Fault(503))
            writer.some(MORE_THAN_THE_QUEUE)
            await stuck(agent, case)
            for _ in range(rotations):
                log.rotate()
                starts.append(len(log.written))
                writer.some(1000)
            counted.xscaler.logs.inject(None)
            return await account(case), starts

    lost, starts = go(run())
    assert (lost.count.more, lost.count.foreign) == (0, 0)
    # What is passed over are the files between the one in hand and the newest.
    assert lost.count.lost == starts[-1] - starts[min(1, rotations)]


@one_by_one
def test_old_lines_come_at_the_rate_that_the_backend_takes(counted: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run() -> tuple[Lost, int]:
        case = Case(counted, "logs.startAt=beginning")
        writer = Writer(await case.container("a"))
        writer.some(5000)

        async def deferred() -> int:
            return (await counted.xscaler.logs.account()).deferred.get(429, 0)

        async def held_back() -> bool:
            return await deferred() > before and len(case.entries()) > 500

        before = await deferred()
        # Compressed, as it travels.
        counted.xscaler.logs.limit_rate(120_000)
        async with case.agent():
            await comes(held_back, "nothing is held back")
        async with case.agent():
            lost = await account(case)
        return lost, await deferred() - before

    lost, deferred = go(run())
    assert deferred > 0
    assert (lost.count.more, lost.count.foreign) == (0, 0)
    assert lost.count.lost <= HANDS


@one_by_one
def test_a_new_token_is_taken_up_and_a_wrong_one_counted(counted: LogEnvironment, go: Callable[..., Any]) -> None:
    async def refused() -> int:
        return (await counted.xscaler.logs.account()).rejected.get("unauthorized", 0)

    async def run() -> None:
        token = counted.surroundings.auth_folder / "token"
        case = Case(counted)
        writer = Writer(await case.container("a"))
        async with case.agent():
            writer.some(1)
            await case.arrived(1)
            counted.xscaler.add_token("rotated", Token(TENANT, Scope.WRITE))
            change(token, "rotated")
            counted.xscaler.revoke_token("write")
            writer.some(50)
            await case.arrived(51)
            before = await refused()
            change(token, "wrong")
            writer.some(20)

            async def all_refused() -> bool:
                return await refused() >= before + 20

            await comes(all_refused, "not every line is refused")
            change(token, "rotated")
            writer.some(20)
            # Dropped, as every collector does with 401; counted here and in loki_write_dropped_entries_total.
            assert len(await case.all_read()) == 71
            assert await refused() == before + 20
        counted.xscaler.add_token("write", Token(TENANT, Scope.WRITE))
        change(token, "write")

    go(run())


@one_by_one
def test_a_backend_without_structured_metadata_says_so(portal: BlockingPortal) -> None:
    async def run() -> tuple[str, int]:
        async with log_environment(structured_metadata=False) as strict:

            async def said() -> str:
                return (await strict.xscaler.logs.account()).last_refusal

            async def refuses() -> bool:
                return bool(await said())

            refused = Case(strict)
            writer = Writer(await refused.container("a"))
            async with refused.agent():
                writer.some(10)
                await comes(refuses, "nothing is refused")
            case = Case(strict, "logs.structuredMetadata=false")
            plain = Writer(await case.container("b"))
            async with case.agent():
                plain.some(10)
                return await said(), len(await case.all_read())

    said, arrived = portal.call(run)
    assert "structured metadata" in said
    assert arrived == 10
