"""Programs that are started and ended side by side."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from typing import TYPE_CHECKING

import pytest

from xscaler_istio.local import processes
from xscaler_istio.local.processes import responds, running, stop_all, together
from xscaler_istio.system.errors import SetupError

if TYPE_CHECKING:
    from pathlib import Path


def test_an_error_is_raised_when_nothing_is_under_way_any_more() -> None:
    ended = []

    async def fails() -> None:
        raise SetupError("no such program", "install it")

    async def goes_on() -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        ended.append("goes on")

    with pytest.raises(SetupError, match="no such program"):
        asyncio.run(together([fails(), goes_on()]))
    assert ended == ["goes on"]


def test_results_come_in_the_order_of_the_starts() -> None:
    async def run() -> list[int]:
        second_has_begun = asyncio.Event()

        async def first() -> int:
            await second_has_begun.wait()
            return 1

        async def second() -> int:
            second_has_begun.set()
            return 2

        return await together([first(), second()])

    assert asyncio.run(run()) == [1, 2]


def test_all_are_asked_to_end_before_any_has(tmp_path: Path) -> None:
    async def run() -> list[int | None]:
        async with contextlib.AsyncExitStack() as stack:
            # The first ends when the second has.
            second = await stack.enter_async_context(running("second", ["sleep", "600"], folder=tmp_path))
            script = (
                f"trap 'tail --pid={second.pid} -f /dev/null; exit 7' TERM; echo ready; while :; do sleep 0.05; done"
            )
            first = await stack.enter_async_context(running("first", ["bash", "-c", script], folder=tmp_path))

            async def trapped() -> bool:
                return "ready" in first.log_tail()

            await first.wait_until(trapped)
            await stop_all([first, second], timeout=60)
            return [child.process.returncode for child in (first, second)]

    assert asyncio.run(run()) == [7, -signal.SIGTERM]


def test_a_program_that_ends_is_not_waited_for(tmp_path: Path) -> None:
    async def run() -> None:
        async with running("short", ["sh", "-c", "echo no such flag; exit 3"], folder=tmp_path) as child:
            await child.wait_until(lambda: responds("http://127.0.0.1:9"), timeout=float("inf"))

    with pytest.raises(SetupError, match="short exited with 3: no such flag"):
        asyncio.run(run())


def test_who_takes_a_question_and_is_silent_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_ANSWER_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not asyncio.run(responds(f"http://127.0.0.1:{silent.getsockname()[1]}"))
