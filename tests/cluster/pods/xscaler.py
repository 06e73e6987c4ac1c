"""The local xScaler as a pod: both gateways with a mounted certificate, Mimir and Loki behind them.

Beside them, without TLS and for the tests alone, port 9000: `PUT /tokens/<token>` with {"tenant", "scope"}, `DELETE
/tokens/<token>`, and `GET /tokens/<token>`, `GET /samples` and `GET /lines` for the books.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import signal
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from xscaler_istio.local.network import claim
from xscaler_istio.local.xscaler import service
from xscaler_istio.local.xscaler.admission import Scope, Token

if TYPE_CHECKING:
    from xscaler_istio.local.xscaler.service import XScaler

# For people who try the chart in a cluster of `make cluster-up`; tests have tokens of their own.
TOKENS = {"demo-write": Token("acme", Scope.WRITE), "demo-read": Token("acme", Scope.READ)}
MOUNTED = Path("/etc/local-xscaler")
ADMINISTRATION_PORT = 9000


class Mounted:
    """TLS from a mounted Secret, whatever names are asked for."""

    def server_context(self, *_names: str) -> ssl.SSLContext:
        """Return the mounted certificate."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(MOUNTED / "tls.crt", MOUNTED / "tls.key")
        return context

    def client_context(self) -> ssl.SSLContext:
        """Return a context that trusts the mounted authority."""
        return ssl.create_default_context(cafile=str(MOUNTED / "ca.crt"))


class Administration:
    """What the tests ask of the running xScaler."""

    def __init__(self, xscaler: XScaler) -> None:
        self._xscaler = xscaler

    def application(self) -> web.Application:
        """Return the routes."""
        app = web.Application()
        app.router.add_put("/tokens/{token}", self.grant)
        app.router.add_get("/tokens/{token}", self.admitted)
        app.router.add_delete("/tokens/{token}", self.revoke)
        app.router.add_get("/samples", self.samples)
        app.router.add_get("/lines", self.lines)
        app.router.add_get("/ready", self.ready)
        return app

    async def ready(self, request: web.Request) -> web.Response:  # noqa: ARG002 - aiohttp's shape
        """Answer once everything runs."""
        return web.Response(text="ready")

    async def grant(self, request: web.Request) -> web.Response:
        """Make a token valid."""
        asked = await request.json()
        scopes = Scope(0)
        for name in asked["scope"]:
            scopes |= Scope[name.upper()]
        self._xscaler.add_token(request.match_info["token"], Token(asked["tenant"], scopes))
        return web.Response(status=204)

    async def revoke(self, request: web.Request) -> web.Response:
        """Make a token invalid."""
        self._xscaler.revoke_token(request.match_info["token"])
        return web.Response(status=204)

    async def admitted(self, request: web.Request) -> web.Response:
        """Return how many pushes came with a token."""
        return web.json_response({"admitted": self._xscaler.admitted(request.match_info["token"])})

    async def samples(self, request: web.Request) -> web.Response:  # noqa: ARG002 - aiohttp's shape
        """Return the account of samples."""
        return web.json_response(dataclasses.asdict(await self._xscaler.account()))

    async def lines(self, request: web.Request) -> web.Response:
        """Return the lines that arrived of one `cluster`, and the account without them."""
        account = await self._xscaler.logs.account()
        cluster = request.query.get("cluster", "")
        entries = [dataclasses.asdict(entry) for entry in account.entries if entry.labels.get("cluster") == cluster]
        rest = {key: value for key, value in vars(account).items() if key != "entries"}
        return web.json_response({**rest, "entries": entries})


async def main() -> None:
    """Run until SIGTERM."""
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        network = stack.enter_context(claim())
        xscaler = await stack.enter_async_context(
            service.serving(
                network=network,
                authority=Mounted(),
                folder=folder,
                backend="mimir",
                binary=Path("/usr/local/bin/mimir"),
                tokens=TOKENS,
                reader=service.Reader("", ""),
                loki_binary=Path("/usr/local/bin/loki"),
                listen="0.0.0.0",  # noqa: S104 - a pod's own address
            )
        )
        runner = web.AppRunner(Administration(xscaler).application(), access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, None, ADMINISTRATION_PORT).start()
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(main())
