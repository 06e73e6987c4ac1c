"""A TCP proxy between a collector and the backend, which breaks the network in a chosen way."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
import struct
from typing import TYPE_CHECKING

from .rows import Link

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_PIECE = 64 * 1024
# How long a piece waits, and how much passes in a second.
SLOW_SECONDS = 2.0
NARROW_BYTES = 300
_SLICES_A_SECOND = 10
# A client has said so much before the body of its first request: a handshake of TLS and the head.
HEAD_BYTES = 1500


@dataclasses.dataclass(eq=False)
class _Connection:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    # Bytes that the client has sent since the fault began.
    asked: int = 0

    def abort(self) -> None:
        """End it with a reset, as a host that has gone away."""
        for writer in (self.client, self.server):
            if writer is None:
                continue
            found = writer.get_extra_info("socket")
            if found is not None:
                with contextlib.suppress(OSError):
                    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class Proxy:
    """Passes bytes on until something is wrong. It sees ciphertext only."""

    def __init__(self, host: str, port: int, upstream: tuple[str, int]) -> None:
        self._listen = (host, port)
        self._upstream = upstream
        self._link: Link | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def link(self) -> Link | None:
        """What is wrong."""
        return self._link

    async def open(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._serve, *self._listen)

    async def set(self, link: Link | None) -> None:
        """Break the network in this way from now on; None repairs it, and connections begin again."""
        before, self._link = self._link, link
        for connection in self._connections:
            connection.asked = 0
        if link is Link.REFUSED:
            await self._shut()
        elif before is not None:
            self._cut()
        if before is Link.REFUSED and link is not Link.REFUSED:
            await self.open()

    def point(self, upstream: tuple[str, int]) -> None:
        """Lead to another server from now on; connections begin again."""
        self._upstream = upstream
        self._cut()

    async def close(self) -> None:
        """End everything."""
        await self._shut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _shut(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        self._cut()

    def _cut(self) -> None:
        for connection in list(self._connections):
            connection.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        connection = _Connection(writer)
        self._connections.add(connection)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                from_server, connection.server = await asyncio.open_connection(*self._upstream)
                await asyncio.gather(
                    self._pass(connection, reader, connection.server, asks=True),
                    self._pass(connection, from_server, writer, asks=False),
                )
        except asyncio.CancelledError:
            # Only `close` cancels.
            pass
        finally:
            connection.abort()
            self._connections.discard(connection)
            self._tasks.discard(task)

    async def _pass(
        self, connection: _Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, asks: bool
    ) -> None:
        while piece := await reader.read(_PIECE):
            if asks:
                connection.asked += len(piece)
            past_the_head = connection.asked > HEAD_BYTES
            if self._link is Link.RESET and asks and past_the_head:
                writer.write(piece[: len(piece) // 2])
                await writer.drain()
                connection.abort()
                return
            if self._link is Link.HALF and not asks and past_the_head:
                writer.write(piece[: len(piece) // 2])
                await writer.drain()
                # Closed and not reset, so that the client has what came.
                writer.close()
                return
            await self._write(writer, piece)
        if writer.can_write_eof():
            with contextlib.suppress(OSError):
                writer.write_eof()

    async def _write(self, writer: asyncio.StreamWriter, piece: bytes) -> None:
        if self._link is Link.SILENT:
            return
        if self._link is Link.SLOW:
            await asyncio.sleep(SLOW_SECONDS)
        while piece and self._link is Link.NARROW:
            size = NARROW_BYTES // _SLICES_A_SECOND
            writer.write(piece[:size])
            piece = piece[size:]
            await asyncio.sleep(1 / _SLICES_A_SECOND)
        writer.write(piece)
        await writer.drain()


@contextlib.asynccontextmanager
async def proxying(host: str, port: int, upstream: tuple[str, int]) -> AsyncIterator[Proxy]:
    """Run a proxy until the end of the block."""
    proxy = Proxy(host, port, upstream)
    await proxy.open()
    try:
        yield proxy
    finally:
        await proxy.close()
