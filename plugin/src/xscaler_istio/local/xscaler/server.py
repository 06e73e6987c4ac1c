"""The local xScaler as a whole: gateway and backend, and questions to it through the gateway."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from xscaler_istio.errors import SetupError, UnreachableError
from xscaler_istio.local import network as ports
from xscaler_istio.local.xscaler.backends import BACKENDS
from xscaler_istio.local.xscaler.gateway import PUSH_PATH, Fault, Gateway, Token
from xscaler_istio.local.xscaler.limits import XSCALER, Limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from xscaler_istio.local.certificates import Authority
    from xscaler_istio.local.network import Network
    from xscaler_istio.local.xscaler.account import Account


@dataclasses.dataclass(frozen=True)
class Sample:
    """One element of an instant vector."""

    labels: Mapping[str, str]
    value: float


@dataclasses.dataclass(frozen=True)
class Reader:
    """Who asks: a token with the read scope and its tenant."""

    token: str
    tenant: str

    @property
    def headers(self) -> dict[str, str]:
        """The two headers that every request to xScaler carries."""
        return {"Authorization": f"Bearer {self.token}", "X-Scope-OrgID": self.tenant}


class XScaler:
    """A running local xScaler. `push_url` and `query_url` are what a collector and a user of xScaler would have."""

    def __init__(self, base_url: str, gateway: Gateway, session: aiohttp.ClientSession, reader: Reader) -> None:
        self.push_url = f"{base_url}{PUSH_PATH}"
        self.query_url = base_url
        self._gateway = gateway
        self._session = session
        self._reader = reader

    def inject(self, fault: Fault | None) -> None:
        """Answer pushes with a fault from now on; None ends it."""
        self._gateway.fault = fault

    def add_token(self, token: str, granted: Token) -> None:
        """Make a token valid."""
        self._gateway.tokens[token] = granted

    def revoke_token(self, token: str) -> None:
        """Make a token invalid."""
        self._gateway.tokens.pop(token, None)

    async def account(self) -> Account:
        """Return what was accepted and refused so far."""
        return await self._gateway.account()

    async def query(self, promql: str, *, at: float | None = None) -> tuple[Sample, ...]:
        """Ask an instant query, at a Unix time in seconds or now."""
        parameters = {"query": promql} if at is None else {"query": promql, "time": str(at)}
        result = (await self._ask("query", parameters))["result"]
        return tuple(_sample(item) for item in result)

    async def series(self, matcher: str) -> tuple[Mapping[str, str], ...]:
        """Return the label sets of the series that match."""
        found: list[dict[str, str]] = await self._ask("series", {"match[]": matcher})
        return tuple(found)

    async def _ask(self, path: str, parameters: Mapping[str, str]) -> Any:
        url = f"{self.query_url}/api/v1/{path}"
        async with self._session.get(url, params=parameters, headers=self._reader.headers) as response:
            if response.status != 200:
                raise UnreachableError(f"the local xScaler answered {response.status} to {path}")
            return (await response.json())["data"]


def _sample(item: dict[str, Any]) -> Sample:
    return Sample(item["metric"], float(item["value"][1]))


@contextlib.asynccontextmanager
async def serving(
    *,
    network: Network,
    authority: Authority,
    folder: Path,
    backend: str,
    binary: Path,
    tokens: Mapping[str, Token],
    reader: Reader,
    limits: Limits = XSCALER,
) -> AsyncIterator[XScaler]:
    """Run a local xScaler until the end of the block; `backend` is a name in BACKENDS and `binary` its program.

    Raises SetupError when a port is in use or the backend does not start.
    """
    address = network.infrastructure
    async with contextlib.AsyncExitStack() as stack:
        store = await stack.enter_async_context(
            BACKENDS[backend](network=network, folder=folder, binary=binary, limits=limits)
        )
        gateway = Gateway(store, tokens, limits)
        stack.push_async_callback(gateway.close)
        runner = web.AppRunner(gateway.application(), access_log=None, shutdown_timeout=1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        tls = authority.server_context(address)
        try:
            await web.TCPSite(runner, address, ports.GATEWAY_PORT, ssl_context=tls).start()
        except OSError as error:
            raise SetupError(
                f"port {ports.GATEWAY_PORT} on {address} is in use", "end the program that has it (ss -ltnp)"
            ) from error
        connector = aiohttp.TCPConnector(ssl=authority.client_context())
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        yield XScaler(f"https://{address}:{ports.GATEWAY_PORT}", gateway, session, reader)
