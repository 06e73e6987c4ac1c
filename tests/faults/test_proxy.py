"""The proxy breaks the network as it says."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from xscaler_istio.local.network import claim

from .proxy import HEAD_BYTES, NARROW_BYTES, Proxy, proxying
from .rows import Link

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

PORT, UPSTREAM_PORT = 9443, 8443
QUESTION, ANSWER = b"q" * (HEAD_BYTES + 100), b"a" * 1000


class Ends:
    """A server behind a proxy that answers a question with its `answer`."""

    def __init__(self, proxy: Proxy, host: str) -> None:
        self.proxy = proxy
        self.host = host
        self.asked = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readexactly(len(QUESTION))
            self.asked += 1
            writer.write(ANSWER)
            await writer.drain()
        writer.close()

    async def ask(self) -> bytes:
        """Ask through the proxy, and return what came until the end of the connection."""
        reader, writer = await asyncio.open_connection(self.host, PORT)
        try:
            writer.write(QUESTION)
            return await reader.read()
        finally:
            writer.transport.abort()


@contextlib.asynccontextmanager
async def ends() -> AsyncIterator[Ends]:
    with claim() as network:
        host = network.infrastructure
        async with proxying(host, PORT, (host, UPSTREAM_PORT)) as proxy:
            found = Ends(proxy, host)
            server = await asyncio.start_server(found.serve, host, UPSTREAM_PORT)
            try:
                yield found
            finally:
                server.close()


def run(test: Callable[[Ends], Awaitable[None]]) -> None:
    async def body() -> None:
        async with ends() as found:
            await test(found)

    asyncio.run(body())


def test_it_passes_everything_on() -> None:
    async def test(found: Ends) -> None:
        assert await found.ask() == ANSWER

    run(test)


def test_connections_are_refused_until_it_is_repaired() -> None:
    async def test(found: Ends) -> None:
        await found.proxy.set(Link.REFUSED)
        with pytest.raises(ConnectionRefusedError):
            await found.ask()
        await found.proxy.set(None)
        assert await found.ask() == ANSWER

    run(test)


def test_a_request_is_reset_in_its_middle() -> None:
    async def test(found: Ends) -> None:
        await found.proxy.set(Link.RESET)
        with pytest.raises(ConnectionResetError):
            await found.ask()
        assert found.asked == 0

    run(test)


def test_half_of_an_answer_comes() -> None:
    async def test(found: Ends) -> None:
        await found.proxy.set(Link.HALF)
        assert await found.ask() == ANSWER[: len(ANSWER) // 2]
        assert found.asked == 1

    run(test)


def test_nothing_passes_and_connections_begin_again_when_it_is_repaired() -> None:
    async def test(found: Ends) -> None:
        await found.proxy.set(Link.SILENT)
        asking = asyncio.create_task(found.ask())
        reader, writer = await asyncio.open_connection(found.host, PORT)
        writer.write(b"x")
        await writer.drain()
        assert not asking.done()
        await found.proxy.set(None)
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        with contextlib.suppress(ConnectionResetError):
            assert await asking == b""
        assert found.asked == 0
        writer.transport.abort()

    run(test)


def test_little_passes_in_a_second() -> None:
    async def test(found: Ends) -> None:
        loop = asyncio.get_running_loop()
        await found.proxy.set(Link.NARROW)
        began = loop.time()
        assert await found.ask() == ANSWER
        # A slow machine takes longer, and none takes less.
        assert loop.time() - began > len(ANSWER) / NARROW_BYTES / 2

    run(test)


def test_it_leads_elsewhere_when_told_to() -> None:
    async def test(found: Ends) -> None:
        found.proxy.point((found.host, 1))
        with contextlib.suppress(ConnectionResetError):
            assert await found.ask() == b""
        found.proxy.point((found.host, UPSTREAM_PORT))
        assert await found.ask() == ANSWER

    run(test)
