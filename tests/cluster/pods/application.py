"""An application of the mesh: `serve` answers HTTP and echoes TCP, `load SECONDS URL...` asks URLs in turn."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import sys

import aiohttp
from aiohttp import web

HTTP_PORT, TCP_PORT = 8080, 9000
_PAGE = "# TYPE shop_orders_total counter\nshop_orders_total 42\n"


async def _answer(request: web.Request) -> web.Response:
    """Answer /status/N with that status, /bytes/N with a body of that size, and everything else with hello."""
    kind, _, number = request.path.strip("/").partition("/")
    if kind == "status":
        return web.Response(status=int(number), text="as asked for\n")
    return web.Response(text="x" * int(number) if kind == "bytes" else "hello\n")


async def _metrics(request: web.Request) -> web.Response:  # noqa: ARG001 - aiohttp's shape
    return web.Response(text=_PAGE)


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while line := await reader.readline():
            writer.write(line)
            await writer.drain()
    writer.close()


async def serve() -> None:
    app = web.Application()
    app.router.add_get("/metrics", _metrics)
    app.router.add_get("/{path:.*}", _answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, None, HTTP_PORT).start()
    await asyncio.start_server(_echo, None, TCP_PORT)
    await asyncio.Event().wait()


async def _ask_tcp(address: str) -> None:
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"ping\n")
    await reader.readline()
    writer.close()


async def load(seconds: float, urls: list[str]) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(5)) as session:
        for number, url in enumerate(itertools.cycle(urls)):
            with contextlib.suppress(OSError, aiohttp.ClientError, asyncio.TimeoutError):
                if url.startswith("tcp://"):
                    await _ask_tcp(url.removeprefix("tcp://"))
                else:
                    async with session.get(url.replace("NUMBER", str(number))) as answer:
                        await answer.read()
            await asyncio.sleep(seconds)


def main() -> None:
    """Run until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    asyncio.run(serve() if sys.argv[1] == "serve" else load(float(sys.argv[2]), sys.argv[3:]))


if __name__ == "__main__":
    main()
