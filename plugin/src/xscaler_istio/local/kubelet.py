"""The output of real proxies as log files that rotate, as kubelet and container runtime write them."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from xscaler_istio.local.container_log import ContainerLog

# The kubelet's default is 10 MiB; here a file becomes full within a test.
ROTATE_BYTES = 100_000
_PAUSE_SECONDS = 0.2


@dataclasses.dataclass(frozen=True)
class Output:
    """The output of a program, and the container's log that it goes to."""

    file: Path
    log: ContainerLog


@contextlib.asynccontextmanager
async def running(outputs: Iterable[Output]) -> AsyncIterator[None]:
    """Carry output to logs until the end of the block."""
    tasks = [asyncio.create_task(_carry(output)) for output in outputs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _carry(output: Output) -> None:
    rest, position = b"", 0
    while True:
        if output.file.exists():
            with output.file.open("rb") as file:
                file.seek(position)
                news = file.read()
            position += len(news)
            *lines, rest = (rest + news).split(b"\n")
            for line in lines:
                output.log.write(line)
        if output.log.size() > ROTATE_BYTES:
            output.log.rotate()
        await asyncio.sleep(_PAUSE_SECONDS)
