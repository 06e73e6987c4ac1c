"""Waits for conditions. A test never waits for a length of time: a busy machine needs more, and an idle one less."""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

# How long a condition may take on a machine that does much else. Only a failure takes that long.
PATIENCE_SECONDS = 300.0


def until(condition: Callable[[], bool], what: str | Callable[[], str]) -> None:
    """Wait for a condition; fail with `what` when it does not come."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, _said(what)
        time.sleep(0.25)


async def comes(condition: Callable[[], bool | Awaitable[bool]], what: str | Callable[[], str]) -> None:
    """Do the same where everything else runs."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = condition()
        if await found if inspect.isawaitable(found) else found:
            return
        assert time.monotonic() < deadline, _said(what)
        await asyncio.sleep(0.1)


def _said(what: str | Callable[[], str]) -> str:
    return what if isinstance(what, str) else what()
