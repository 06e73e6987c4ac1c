"""Child processes that never outlive their parent."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import dataclasses
import os
import signal
import time
from typing import TYPE_CHECKING, TypeVar

import aiohttp

from xscaler_istio.system.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
    from pathlib import Path

T = TypeVar("T")

# Time to start on a busy machine. Only a program that hangs takes that long.
START_SECONDS = 120.0
# Time until a starting program is asked again.
_ANSWER_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    # The kernel ends the child when the thread that made it ends, so that even SIGKILL of a run leaves
    # nothing behind. The new session keeps the terminal's ^C from reaching the child before its parent.
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclasses.dataclass(frozen=True)
class Child:
    """A running program, its name for messages and the file that holds its output."""

    name: str
    process: asyncio.subprocess.Process
    log_file: Path

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def log_tail(self, lines: int = 5) -> str:
        """Return the last lines that the program printed."""
        text = self.log_file.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    async def wait_until(
        self, ready: Callable[[], Awaitable[bool]], *, timeout: float = START_SECONDS, what: str = "ready"
    ) -> None:
        """Poll `ready` every 50 ms; raise SetupError when the child exits or `timeout` (seconds) passes."""
        deadline = time.monotonic() + timeout
        while not await ready():
            if self.process.returncode is not None:
                raise SetupError(
                    f"{self.name} exited with {self.process.returncode}: {self.log_tail(1) or 'no output'}",
                    f"read its log: {self.log_file}",
                )
            if time.monotonic() > deadline:
                raise SetupError(f"{self.name} is not {what} after {timeout:.0f} s", f"read its log: {self.log_file}")
            await asyncio.sleep(0.05)


async def responds(url: str) -> bool:
    """Return whether a URL answers 200, for `Child.wait_until`."""
    timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
            return response.status == 200
    except (aiohttp.ClientError, asyncio.TimeoutError):
        return False


@contextlib.asynccontextmanager
async def running(
    name: str,
    command: Sequence[str | os.PathLike[str]],
    *,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    stop_timeout: float = 10.0,
) -> AsyncIterator[Child]:
    """Run `command` in `folder` until the end of the block; its output goes to `folder/<name>.log`.

    At the end the child gets SIGTERM, and SIGKILL after `stop_timeout` seconds.
    Raises SetupError when the program cannot be started.
    """
    log_file = folder / f"{name}.log"
    with log_file.open("ab") as log:
        try:
            process = await asyncio.create_subprocess_exec(
                *[os.fspath(word) for word in command],
                cwd=folder,
                env=dict(os.environ, **(environment or {})),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        except OSError as error:
            raise SetupError(f"cannot start {name}: {error.strerror}: {command[0]}") from error
    child = Child(name, process, log_file)
    try:
        yield child
    finally:
        await stop(child, timeout=stop_timeout)


async def together(starts: Iterable[Awaitable[T]]) -> list[T]:
    """Await all of them in parallel; raise the first error when all have ended."""
    results = await asyncio.gather(*starts, return_exceptions=True)
    found: list[T] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        found.append(result)
    return found


async def stop_all(children: Iterable[Child], *, timeout: float) -> None:
    """Stop these children in parallel."""
    await asyncio.gather(*(stop(child, timeout=timeout) for child in children))


async def stop(child: Child, *, timeout: float = 10.0) -> None:
    """End the child: SIGTERM, then SIGKILL after `timeout` seconds."""
    if child.process.returncode is not None:
        return
    child.process.terminate()
    try:
        await asyncio.wait_for(asyncio.shield(child.process.wait()), timeout)
    except (asyncio.TimeoutError, asyncio.CancelledError):
        with contextlib.suppress(ProcessLookupError):
            child.process.kill()
        await child.process.wait()
