"""The server of generated metrics: every pod on its own loopback address and the real ports."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import gzip
import resource
import socket
import time
from typing import TYPE_CHECKING

from aiohttp import web

from xscaler_istio.system.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from xscaler_istio.local.mesh.placed import Member
    from xscaler_istio.mesh.exposition import Page

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PodName = tuple[str, str]


class Clock:
    """The tick for which metrics are rendered; it grows by one every `step_seconds` until it is frozen."""

    def __init__(self, step_seconds: float = 5.0) -> None:
        self._step = step_seconds
        self._start = time.monotonic()
        self._before = 0.0
        self._frozen: int | None = None

    @property
    def tick(self) -> int:
        """The current tick, from 0."""
        if self._frozen is not None:
            return self._frozen
        return int(self._now())

    def pace(self, step_seconds: float) -> None:
        """Change the time between two ticks."""
        self._before, self._start, self._step = self._now(), time.monotonic(), step_seconds

    def _now(self) -> float:
        return self._before + (time.monotonic() - self._start) / self._step

    def freeze(self) -> int:
        """Stop at the current tick and return it."""
        self._frozen = self.tick
        return self._frozen


class MeshServer:
    """Answers scrapes for all members. `scrapes` counts the answers of each pod."""

    def __init__(self, members: Sequence[Member], clock: Clock) -> None:
        self.scrapes: collections.Counter[PodName] = collections.Counter()
        self._members = {member.pod.ip: member for member in members}
        self._clock = clock
        # Pods of a workload share a response: one rendering a tick serves all of them.
        self._cache: dict[tuple[int, bool], tuple[int, bytes]] = {}

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answer with the metrics of the pod that has the requested address."""
        transport = request.transport
        if transport is None:
            # The client has gone: no one reads this, and an exception would be reported as ours.
            return web.Response(status=503)
        ip, port = transport.get_extra_info("sockname")[:2]
        member = self._members[ip]
        page = member.pages.get((port, request.path))
        if page is None:
            return web.Response(status=404, text="404 page not found\n")
        self.scrapes[member.pod.namespace, member.pod.name] += 1
        packed = member.gzip and "gzip" in request.headers.get("Accept-Encoding", "")
        headers = {"Content-Type": _CONTENT_TYPE, **({"Content-Encoding": "gzip"} if packed else {})}
        return web.Response(body=self._body(page, packed=packed), headers=headers)

    def _body(self, page: Page, *, packed: bool) -> bytes:
        key, tick = (id(page), packed), self._clock.tick
        cached = self._cache.get(key)
        if cached and cached[0] == tick:
            return cached[1]
        body = page.render(tick)
        body = gzip.compress(body, 1, mtime=0) if packed else body
        self._cache[key] = (tick, body)
        return body


@contextlib.asynccontextmanager
async def serving(members: Sequence[Member], clock: Clock) -> AsyncIterator[MeshServer]:
    """Serve these pods until the end of the block; raise SetupError when a port is in use."""
    _allow_open_files(2 * len(members) + 1000)
    mesh = MeshServer(members, clock)
    protocol = web.Server(mesh.handle, access_log=None)
    loop = asyncio.get_running_loop()
    servers: list[asyncio.Server] = []
    try:
        for member in members:
            for port in {port for port, _ in member.pages}:
                listener = listen(member.pod.ip, port)
                servers.append(await loop.create_server(protocol, sock=listener))
        yield mesh
    finally:
        for server in servers:
            server.close()
        await protocol.shutdown(timeout=0.5)


def listen(ip: str, port: int) -> socket.socket:
    """Return a listening socket; raise SetupError when the port is in use."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((ip, port))
        listener.listen(64)
    except OSError as error:
        listener.close()
        raise SetupError(
            f"port {port} on {ip} is in use", f"stop the program that uses it (ss -ltnp 'sport = {port}') and run again"
        ) from error
    return listener


def _allow_open_files(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and wanted > hard:
        raise SetupError(f"{wanted} open files are needed and {hard} allowed", "raise the hard limit (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
