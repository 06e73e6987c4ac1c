"""The applications of the real mesh and the traffic through it, counted by workload and code."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import itertools
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from xscaler_istio.mesh import pages

if TYPE_CHECKING:
    from collections.abc import Sequence

# A typical query string, which must not appear in a log.
SECRET = "token-of-a-customer"  # noqa: S105 - not one
# Deterministic answers: one in ten 404, one in twenty 503; a few slow ones, so that p50 and p99 differ.
_CODES = (200,) * 9 + (404,) + (200,) * 9 + (503,)
_DELAYS_SECONDS = (0.003, 0.008, 0.004, 0.015, 0.006, 0.03, 0.005, 0.012, 0.007, 0.18)


class Application:
    """One workload's HTTP server. `answered` counts its answers by code; `calls` are what it asks of others first."""

    def __init__(self, workload: str, session: aiohttp.ClientSession, calls: Sequence[str]) -> None:
        self.workload = workload
        self.answered: collections.Counter[int] = collections.Counter()
        self._session = session
        self._calls = calls
        self._codes = itertools.cycle(_CODES)
        self._delays = itertools.cycle(_DELAYS_SECONDS)

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answer one request; `/metrics` has the application's own metrics and is not traffic."""
        if request.path == "/metrics":
            return web.Response(body=pages.application_page().render(1))
        await asyncio.gather(*(fetch(self._session, url) for url in self._calls))
        await asyncio.sleep(next(self._delays))
        code = next(self._codes)
        self.answered[code] += 1
        return web.Response(status=code, text=f"{self.workload} says {code}\n")


async def fetch(session: aiohttp.ClientSession, url: str) -> int:
    """Ask and return the status, or 0 when there is no answer."""
    try:
        async with session.get(url, headers={"Connection": "keep-alive"}) as answer:
            await answer.read()
            return answer.status
    except aiohttp.ClientError:
        return 0


class Client:
    """Sends requests and opens TCP connections at a steady rate until it is stopped."""

    def __init__(self, session: aiohttp.ClientSession, url: str, tcp: tuple[str, int], per_second: float) -> None:
        self.received: collections.Counter[int] = collections.Counter()
        self.connections = 0
        self._session = session
        self._url = url
        self._tcp = tcp
        self._pause = 1 / per_second
        self._running: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin."""
        self._loops = [asyncio.create_task(self._http()), asyncio.create_task(self._connections())]

    def pace(self, per_second: float) -> None:
        """Send requests at another rate from now on."""
        self._pause = 1 / per_second

    async def stop(self) -> None:
        """Stop sending, and wait for all answers."""
        for loop in self._loops:
            loop.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await loop
        self._loops = []
        await asyncio.gather(*self._running)

    async def _http(self) -> None:
        while True:
            task = asyncio.create_task(self._one())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            await asyncio.sleep(self._pause)

    async def _one(self) -> None:
        self.received[await fetch(self._session, f"{self._url}?token={SECRET}")] += 1

    async def _connections(self) -> None:
        while True:
            task = asyncio.create_task(self._connect())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            await asyncio.sleep(0.5)

    async def _connect(self) -> None:
        reader, writer = await asyncio.open_connection(*self._tcp)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: tcp\r\nConnection: close\r\n\r\n")
        await reader.read()
        writer.close()
        self.connections += 1
