"""The generated mesh alone: 2,000 proxies of 1,000 series each, read every 15 s by a plain client.

    PYTHONPATH=. python tests/bench/bench_mesh.py [PROXIES] [SERIES]

Prints how long one round of scrapes takes, as a share of the interval, and as a ratio to the same client reading the
same bytes from a server that renders nothing (aiohttp, one constant body). The mesh has a process of its own, as the
collector in front of it has.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
import time
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from xscaler_istio.local.mesh import page_server, placed
from xscaler_istio.local.network import Network, claim
from xscaler_istio.mesh import topology
from xscaler_istio.mesh.model import Kind

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event


INTERVAL_SECONDS = 15
ROUNDS = 3
CONCURRENT = 64
PORT = 15020


def serve_mesh(network: Network, proxies: int, series: int, ready: Event, stop: Event) -> None:
    async def run() -> None:
        members = placed.build(topology.scaled(proxies, series), network, 0)
        async with page_server.serving(members, page_server.Clock(INTERVAL_SECONDS)):
            ready.set()
            await asyncio.to_thread(stop.wait)

    asyncio.run(run())


def serve_constant(network: Network, proxies: int, series: int, ready: Event, stop: Event) -> None:
    async def run() -> None:
        [member] = placed.build(topology.scaled(1, series)[:1], network, 0)
        body = member.page.render(1) if member.page else b""

        async def handle(_: web.BaseRequest) -> web.Response:
            return web.Response(body=body)

        protocol = web.Server(handle, access_log=None)
        loop = asyncio.get_running_loop()
        for index in range(proxies):
            await loop.create_server(protocol, sock=page_server.listen(network.pod(index), PORT))
        ready.set()
        await asyncio.to_thread(stop.wait)

    page_server._allow_open_files(2 * proxies + 1000)
    asyncio.run(run())


async def read_all(network: Network, proxies: int) -> tuple[float, int, int]:
    """Read every page once, a round an interval; return the mean seconds, bytes and series of a round."""
    seconds, size, series = 0.0, 0, 0
    connector = aiohttp.TCPConnector(limit=CONCURRENT)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:

        async def one(index: int) -> tuple[int, int]:
            async with session.get(f"http://{network.pod(index)}:{PORT}/stats/prometheus") as answer:
                page = await answer.read()
                return len(page), page.count(b"\n") - page.count(b"\n#") - page.startswith(b"#")

        for _ in range(ROUNDS):
            start = time.perf_counter()
            found = await asyncio.gather(*(one(index) for index in range(proxies)))
            spent = time.perf_counter() - start
            seconds += spent / ROUNDS
            size, series = sum(item[0] for item in found), sum(item[1] for item in found)
            await asyncio.sleep(max(0.0, INTERVAL_SECONDS - spent))
    return seconds, size, series


def measure(serve: Any, proxies: int, series: int) -> tuple[float, int, int]:
    context = multiprocessing.get_context("spawn")
    ready, stop = context.Event(), context.Event()
    with claim() as network:
        process = context.Process(target=serve, args=(network, proxies, series, ready, stop))
        process.start()
        try:
            if not ready.wait(120):
                raise SystemExit("the server did not start")
            return asyncio.run(read_all(network, proxies))
        finally:
            stop.set()
            process.join()


def main() -> None:
    proxies, series = (int(word) for word in (sys.argv[1:] + ["2000", "1000"][len(sys.argv) - 1 :])[:2])
    mesh, size, found = measure(serve_mesh, proxies, series)
    constant, _, _ = measure(serve_constant, proxies, series)
    sidecars = [item for item in topology.scaled(proxies, series) if item.kind is Kind.SIDECAR]
    print(f"{proxies} proxies in {len(sidecars)} workloads, {found} series, {size / 1e6:.0f} MB a round")
    print(f"one round: {mesh:.1f} s of {INTERVAL_SECONDS} s ({mesh / INTERVAL_SECONDS:.0%})")
    print(f"ratio to a constant body from aiohttp: {mesh / constant:.2f} ({constant:.1f} s)")


if __name__ == "__main__":
    main()
