"""The local xScaler as a whole: gateway and backend, and queries through the gateway."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from xscaler_istio.local.network import GATEWAY_PORT, LOG_GATEWAY_PORT, Network
from xscaler_istio.local.xscaler import loki
from xscaler_istio.local.xscaler.backends import BACKENDS
from xscaler_istio.local.xscaler.gateway import PUSH_PATH, Fault, Gateway, Token
from xscaler_istio.local.xscaler.limits import XSCALER, AccountLimits
from xscaler_istio.local.xscaler.log_gateway import PUSH_PATHS, QUERY_PATHS, LogAccount, LogGateway, RateLimit
from xscaler_istio.system.errors import SetupError, UnreachableError
from xscaler_istio.wire.answers import LogLine, NativeHistogram, Sample, ValuesOverTime, Window

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from xscaler_istio.local.certificates import Contexts
    from xscaler_istio.local.xscaler.account import Account
    from xscaler_istio.wire.log_push import Entry


@dataclasses.dataclass(frozen=True)
class Reader:
    """The credentials of a query: a token with the read scope and its tenant."""

    token: str
    tenant: str

    @property
    def headers(self) -> dict[str, str]:
        """The two headers that every request to xScaler carries."""
        return {"Authorization": f"Bearer {self.token}", "X-Scope-OrgID": self.tenant}


class LogSide:
    """The part for logs, on a separate host (here: a separate port)."""

    def __init__(self, base_url: str, gateway: LogGateway, session: aiohttp.ClientSession, reader: Reader) -> None:
        self.gateway = gateway
        self.push_url = f"{base_url}{PUSH_PATHS[0]}"
        self.query_url = f"{base_url}{QUERY_PATHS[0]}"
        self._session = session
        self._reader = reader

    def inject(self, fault: Fault | None) -> None:
        """Answer pushes with a fault from now on; None ends it."""
        self.gateway.admission.fault = fault

    def limit_rate(self, bytes_per_second: float | None) -> None:
        """Answer 429 to lines above this rate; None removes the limit."""
        self.gateway.rate_limit = None if bytes_per_second is None else RateLimit(bytes_per_second)

    def entries(self, since: int = 0) -> tuple[Entry, ...]:
        """Return the lines that arrived, from this one on."""
        return self.gateway.entries(since)

    async def account(self) -> LogAccount:
        """Return every line that arrived, and what was refused."""
        return await self.gateway.account()

    async def query(self, logql: str, *, at: float | None = None) -> tuple[Sample, ...]:
        """Ask a metric query of LogQL, at a Unix time in seconds or now. Raises UnreachableError without a Loki."""
        result = (await self._ask("query", _instant(logql, at)))["result"]
        return tuple(_sample(item) for item in result)

    async def query_range(self, logql: str, window: Window) -> tuple[ValuesOverTime, ...]:
        """Ask a metric query of LogQL over a range of time."""
        result = (await self._ask("query_range", {"query": logql, **window.parameters}))["result"]
        return tuple(_series(item) for item in result)

    async def lines(self, logql: str, window: Window, *, limit: int = 100) -> tuple[LogLine, ...]:
        """Ask for lines, newest first."""
        parameters = {"query": logql, "limit": str(limit), **window.parameters}
        streams = (await self._ask("query_range", parameters))["result"]
        found = [
            LogLine(stream["stream"], int(time) / 1e9, text) for stream in streams for time, text in stream["values"]
        ]
        return tuple(sorted(found, key=lambda line: line.time, reverse=True))

    async def label_values(self, label: str, selector: str, window: Window) -> tuple[str, ...]:
        """Return the values of a label among the streams that a selector finds."""
        span = {key: window.parameters[key] for key in ("start", "end")}
        found: list[str] = await self._ask(f"label/{label}/values", {"query": selector, **span}) or []
        return tuple(sorted(found))

    async def _ask(self, path: str, parameters: Mapping[str, str]) -> Any:
        url = f"{self.query_url}/{path}"
        async with self._session.get(url, params=parameters, headers=self._reader.headers) as response:
            if response.status != 200:
                raise UnreachableError(f"the local xScaler answered {response.status}: {await response.text()}")
            return (await response.json()).get("data")


class XScaler:
    """A running local xScaler. `push_url` and `query_url` are what a collector and a user of xScaler would have."""

    def __init__(
        self, base_url: str, gateway: Gateway, logs: LogSide, session: aiohttp.ClientSession, reader: Reader
    ) -> None:
        self.logs = logs
        self.push_url = f"{base_url}{PUSH_PATH}"
        self.query_url = base_url
        self._gateway = gateway
        self._session = session
        self._reader = reader

    def inject(self, fault: Fault | None) -> None:
        """Answer pushes with a fault from now on; None ends it."""
        self._gateway.admission.fault = fault

    def add_token(self, token: str, granted: Token) -> None:
        """Make a token valid."""
        for gateway in (self._gateway, self.logs.gateway):
            gateway.admission.tokens[token] = granted

    def revoke_token(self, token: str) -> None:
        """Make a token invalid."""
        for gateway in (self._gateway, self.logs.gateway):
            gateway.admission.tokens.pop(token, None)

    def admitted(self, token: str) -> int:
        """Return how many requests came with a token while it was valid."""
        return self._gateway.admission.admitted[token]

    async def account(self) -> Account:
        """Return what was accepted and refused so far."""
        return await self._gateway.account()

    async def query(self, promql: str, *, at: float | None = None) -> tuple[Sample, ...]:
        """Ask an instant query, at a Unix time in seconds or now."""
        result = (await self._ask("query", _instant(promql, at)))["result"]
        return tuple(_sample(item) for item in result)

    async def query_range(self, promql: str, window: Window) -> tuple[ValuesOverTime, ...]:
        """Ask a query over a range of time."""
        result = (await self._ask("query_range", {"query": promql, **window.parameters}))["result"]
        return tuple(_series(item) for item in result)

    async def label_values(self, label: str, matcher: str) -> tuple[str, ...]:
        """Return the values of a label among the series that match."""
        found: list[str] = await self._ask(f"label/{label}/values", {"match[]": matcher})
        return tuple(sorted(found))

    async def series(self, matcher: str) -> tuple[Mapping[str, str], ...]:
        """Return the label sets of the series that match."""
        found: list[dict[str, str]] = await self._ask("series", {"match[]": matcher})
        return tuple(found)

    async def _ask(self, path: str, parameters: Mapping[str, str]) -> Any:
        url = f"{self.query_url}/api/v1/{path}"
        async with self._session.get(url, params=parameters, headers=self._reader.headers) as response:
            if response.status != 200:
                raise UnreachableError(
                    f"the local xScaler answered {response.status} to {path}: {await response.text()}"
                )
            return (await response.json())["data"]


def _instant(query: str, at: float | None) -> dict[str, str]:
    return {"query": query} if at is None else {"query": query, "time": f"{at:.3f}"}


def _sample(item: dict[str, Any]) -> Sample:
    if "histogram" not in item:
        return Sample(item["metric"], float(item["value"][1]))
    found = item["histogram"][1]
    # Each bucket begins with a number for which of its bounds belong to it.
    buckets = tuple((float(low), float(high), float(count)) for _, low, high, count in found.get("buckets", ()))
    return Sample(item["metric"], float(found["count"]), NativeHistogram(float(found["sum"]), buckets))


def _series(item: dict[str, Any]) -> ValuesOverTime:
    return ValuesOverTime(item["metric"], tuple((float(time), float(value)) for time, value in item["values"]))


@contextlib.asynccontextmanager
async def serving(
    *,
    network: Network,
    authority: Contexts,
    folder: Path,
    backend: str,
    binary: Path,
    tokens: Mapping[str, Token],
    reader: Reader,
    limits: AccountLimits = XSCALER,
    loki_binary: Path | None = None,
    structured_metadata: bool = True,
    listen: str = "",
) -> AsyncIterator[XScaler]:
    """Run a local xScaler until the end of the block; `backend` is a name in BACKENDS and `binary` its program.

    Without `loki_binary` log lines are counted and not stored; `structured_metadata` is Loki's switch for it. The
    gateways listen on `listen`, or where the network has its infrastructure.

    Raises SetupError when a port is in use or the backend does not start.
    """
    address = network.infrastructure
    async with contextlib.AsyncExitStack() as stack:
        store = await stack.enter_async_context(
            BACKENDS[backend](network=network, folder=folder, binary=binary, limits=limits)
        )
        loki_behind = None
        if loki_binary:
            loki_behind = await stack.enter_async_context(
                loki.serving(
                    network=network, folder=folder, binary=loki_binary, structured_metadata=structured_metadata
                )
            )
        gateway, log_gateway = Gateway(store, tokens, limits), LogGateway(loki_behind, tokens)
        tls = authority.server_context(address)
        await _listen(stack, gateway, listen or address, GATEWAY_PORT, tls)
        await _listen(stack, log_gateway, listen or address, LOG_GATEWAY_PORT, tls)
        connector = aiohttp.TCPConnector(ssl=authority.client_context())
        # A busy machine is slow to take a connection: there is one limit, for an answer as a whole.
        timeout = aiohttp.ClientTimeout(total=300)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector, timeout=timeout))
        logs = LogSide(f"https://{address}:{LOG_GATEWAY_PORT}", log_gateway, session, reader)
        yield XScaler(f"https://{address}:{GATEWAY_PORT}", gateway, logs, session, reader)


async def _listen(
    stack: contextlib.AsyncExitStack, gateway: Gateway | LogGateway, address: str, port: int, tls: ssl.SSLContext
) -> None:
    stack.push_async_callback(gateway.close)
    runner = web.AppRunner(gateway.application(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, address, port, ssl_context=tls).start()
    except OSError as error:
        raise SetupError(f"port {port} on {address} is in use", "stop the program that uses it (ss -ltnp)") from error
