"""The mesh of a cell: two pods whose every sample is distinct, so that each is known by itself at the backend.

A counter's value is the number of the scrape that served it, of its pod. One of the pods may serve what is wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from xscaler_istio.local.mesh.page_server import listen
from xscaler_istio.mesh import pods
from xscaler_istio.mesh.model import Kind, Version

from .account import Event
from .rows import Page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from xscaler_istio.local.network import Network
    from xscaler_istio.mesh.model import PlacedPod

NAMESPACE = "shop"
METRIC = "istio_requests_total"
SERIES = "destination_service_name"
PORT, PATH = 15020, "/stats/prometheus"
SERIES_A_POD = 10
# The pod that serves what is wrong, and the one that does not.
BROKEN, SOUND = "cart-0", "pay-0"
_MORE_LABELS = 31
_MORE_SERIES = 5
# A second value of a series lies between two numbers of scrapes.
_SECOND = 0.5


def key(pod: str, series: str, value: float) -> tuple[str, str, float]:
    """Return by what a sample is known."""
    return pod, series, value


class Targets:
    """The two pods. `written` has every sample of an answer that was given."""

    def __init__(self, network: Network) -> None:
        self.pods = tuple(_pod(name, network.pod(number)) for number, name in enumerate((BROKEN, SOUND)))
        self.written: list[Event] = []
        self.page: Page | None = None
        self._scrapes = dict.fromkeys((BROKEN, SOUND), 0)

    async def answer(self, pod: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the scrapes of one connection."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                page = self.page if pod == BROKEN else None
                if page is Page.HANGS:
                    await reader.read()
                    break
                self._scrapes[pod] += 1
                number = self._scrapes[pod]
                body = text(pod, number, page).encode()
                head = (
                    f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {len(body)}\r\n\r\n"
                )
                cut = page is Page.CUT
                writer.write(head.encode() + (body[: len(body) // 2] if cut else body))
                await writer.drain()
                now = time.time()
                self.written += [Event(key(pod, *sample), now) for sample in samples(number, page)]
                if cut:
                    break
        writer.close()


def samples(number: int, page: Page | None) -> Iterator[tuple[str, float]]:
    """Yield the samples of a scrape, as series and value."""
    for index in range(SERIES_A_POD + (_MORE_SERIES if page is Page.MORE else 0)):
        yield f"s{index}", float(number)
    if page is Page.TWICE:
        yield from ((f"s{index}", number + _SECOND) for index in range(2))
    if page is Page.WIDE:
        yield "wide", float(number)


def text(pod: str, number: int, page: Page | None) -> str:
    """Return the response to a scrape."""
    more = "".join(f',tag_{index}="x"' for index in range(_MORE_LABELS))
    # Beside the counters, what every proxy serves; it is not in the account.
    lines = ['istio_build{component="proxy",tag="1.31.0"} 1', f"# TYPE {METRIC} counter"]
    for series, value in samples(number, page):
        labels = f'reporter="source",source_workload="{pod[:-2]}",{SERIES}="{series}"'
        lines.append(f"{METRIC}{{{labels}{more if series == 'wide' else ''}}} {value:g}")
    if page is Page.MALFORMED:
        lines.append(f"{METRIC}{{ not a sample")
    return "\n".join(lines) + "\n"


def _pod(name: str, ip: str) -> PlacedPod:
    workload = name.partition("-")[0]
    return pods.pod(Kind.SIDECAR, namespace=NAMESPACE, name=name, ip=ip, workload=workload, version=Version(1, 31))


@contextlib.asynccontextmanager
async def serving(network: Network) -> AsyncIterator[Targets]:
    """Serve both pods until the end of the block."""
    targets = Targets(network)
    tasks: set[asyncio.Task[None]] = set()
    servers = []
    for pod in targets.pods:

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str = pod.name) -> None:
            task = asyncio.current_task()
            assert task
            tasks.add(task)
            try:
                await targets.answer(name, reader, writer)
            except asyncio.CancelledError:
                writer.transport.abort()
            finally:
                tasks.discard(task)

        servers.append(await asyncio.start_server(serve, sock=listen(pod.ip, PORT)))
    try:
        yield targets
    finally:
        for server in servers:
            server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
