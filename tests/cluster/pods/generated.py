"""A pod of the mesh that does not run here for real: serves the pages of the small mesh of `test --local`, by its name.

python -m tests.cluster.pods.generated WORKLOAD
"""

from __future__ import annotations

import asyncio
import functools
import signal
import sys
from typing import TYPE_CHECKING

from aiohttp import web

from xscaler_istio.local.mesh.page_server import Clock
from xscaler_istio.mesh import topology

if TYPE_CHECKING:
    from xscaler_istio.mesh.exposition import Page


async def _serve(page: Page, clock: Clock, request: web.Request) -> web.Response:  # noqa: ARG001 - aiohttp's shape
    return web.Response(body=page.render(clock.tick), content_type="text/plain")


async def main(name: str) -> None:
    workload = next(item for item in topology.small() if item.name == name)
    clock = Clock()

    ports: dict[int, web.Application] = {}
    for (port, path), page in topology.pages_of(workload).items():
        ports.setdefault(port, web.Application()).router.add_get(path, functools.partial(_serve, page, clock))
    for port, app in ports.items():
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, None, port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    asyncio.run(main(sys.argv[1]))
