"""The front of the local xScaler for logs: Loki's push API at xScaler's paths, and an account of every line."""

from __future__ import annotations

import collections
import dataclasses
import time
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from xscaler_istio.local.xscaler.admission import Admission, RefusedError, Scope, Token
from xscaler_istio.wire import log_push, protobuf

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xscaler_istio.local.xscaler.loki import Loki
    from xscaler_istio.wire.log_push import Entry

# xScaler's page on Istio has the first, its newer pages the second, both on the host for logs.
PUSH_PATHS = ("/api/v1/logs/push", "/api/v1/push")
QUERY_PATHS = ("/api/v1/logs", "/api/v1")


@dataclasses.dataclass(frozen=True, kw_only=True)
class LogAccount:
    """The state of the account, in lines unless the name says requests.

    `entries` are all lines of pushes that were answered with success, in the order of their arrival; of those the
    backend may have `rejected` some. `deferred` are answers after which an agent tries again, by status.
    """

    entries: tuple[Entry, ...]
    rejected: Mapping[str, int]
    deferred: Mapping[int, int]
    requests: Mapping[int, int]
    received_bytes: int
    last_refusal: str

    @property
    def accepted(self) -> int:
        """The lines that are stored."""
        return len(self.entries) - sum(
            count for reason, count in self.rejected.items() if reason not in _BEFORE_THE_BACKEND
        )


# These are refused by the gateway, and never become entries.
_BEFORE_THE_BACKEND = frozenset({"unauthorized", "scope", "tenant", "undecodable", "injected"})


class LogGateway:
    """One tenant's view of xScaler's logs. Without a Loki behind it, lines are counted and not stored."""

    def __init__(self, loki: Loki | None, tokens: Mapping[str, Token]) -> None:
        self.admission = Admission(tokens)
        # Bytes a second that are taken before the answer is 429, as a plan's rate limit; None for any.
        self.rate_limit: RateLimit | None = None
        self._loki = loki
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120))
        self._entries: list[Entry] = []
        self._rejected: collections.Counter[str] = collections.Counter()
        self._deferred: collections.Counter[int] = collections.Counter()
        self._requests: collections.Counter[int] = collections.Counter()
        self._bytes = 0
        self._last = ""

    async def close(self) -> None:
        """Close the connections to Loki."""
        await self._session.close()

    def entries(self, since: int = 0) -> tuple[Entry, ...]:
        """Return the lines of the account from this one on, without asking Loki."""
        return tuple(self._entries[since:])

    async def account(self) -> LogAccount:
        """Return the account, with Loki's refusals."""
        discarded = await self._loki.discarded(self._session) if self._loki else {}
        rejected = self._rejected + collections.Counter(discarded)
        return LogAccount(
            entries=tuple(self._entries),
            rejected=dict(rejected),
            deferred=dict(self._deferred),
            requests=dict(self._requests),
            received_bytes=self._bytes,
            last_refusal=self._last,
        )

    def application(self) -> web.Application:
        """Return the routes."""
        app = web.Application(client_max_size=protobuf.MAX_DECODED_BYTES)
        for path in PUSH_PATHS:
            app.router.add_post(path, self.push)
        for path in QUERY_PATHS:
            app.router.add_route(
                "*", f"{path}/{{query:query|query_range|series|labels|label/[^/]+/values}}", self.query
            )
        return app

    async def push(self, request: web.Request) -> web.Response:
        """Answer one push."""
        body = await request.read()
        entries: tuple[Entry, ...] = ()
        try:
            entries = _decode(body, request.content_type)
            tenant = self.admission.admit(request, Scope.WRITE)
            response = await self._store(tenant, body, request.content_type, entries)
        except RefusedError as refused:
            self._rejected[refused.reason] += len(entries)
            self._last = refused.text
            response = web.Response(status=refused.status, text=refused.text)
        self._requests[response.status] += 1
        self._bytes += len(body)
        if response.status == 429 or response.status >= 500:
            self._deferred[response.status] += len(entries)
        return response

    async def _store(self, tenant: str, body: bytes, content_type: str, entries: tuple[Entry, ...]) -> web.Response:
        if fault := self.admission.next_fault():
            if fault.final:
                raise RefusedError(fault.status, "injected", "injected fault")
            return web.Response(status=fault.status, text="injected fault", headers=fault.headers())
        if self.rate_limit and not self.rate_limit.takes(len(body), time.monotonic()):
            return web.Response(status=429, text="ingestion rate limit exceeded")
        status, text = 204, ""
        if self._loki:
            status, text = await self._forward(self._loki, tenant, body, content_type)
        # With 400 Loki rejects some lines and stores the others; its own counters say how many.
        if status < 300 or status == 400:
            self._entries += entries
        if status >= 400:
            self._last = text
        return web.Response(status=status, text=text or None)

    async def _forward(self, loki: Loki, tenant: str, body: bytes, content_type: str) -> tuple[int, str]:
        headers = {"X-Scope-OrgID": tenant, "Content-Type": content_type}
        async with self._session.post(f"{loki.base_url}/loki/api/v1/push", data=body, headers=headers) as answer:
            return answer.status, await answer.text()

    async def query(self, request: web.Request) -> web.Response:
        """Pass a query on to Loki."""
        try:
            tenant = self.admission.admit(request, Scope.READ)
        except RefusedError as refused:
            return web.Response(status=refused.status, text=refused.text)
        if not self._loki:
            return web.Response(status=404, text="no Loki behind this gateway")
        url = f"{self._loki.base_url}/loki/api/v1/{request.match_info['query']}"
        async with self._session.get(url, params=request.query, headers={"X-Scope-OrgID": tenant}) as answer:
            return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)


class RateLimit:
    """A bucket that fills at a rate in bytes a second, up to one second's worth or one request."""

    def __init__(self, bytes_per_second: float) -> None:
        self._rate = bytes_per_second
        self._have = bytes_per_second
        self._since: float | None = None

    def takes(self, size: int, now: float) -> bool:
        """Say whether a request of this size may pass at this time (seconds), and count it if so."""
        passed = 0.0 if self._since is None else now - self._since
        self._since = now
        self._have = min(self._have + passed * self._rate, max(self._rate, float(size)))
        if size > self._have:
            return False
        self._have -= size
        return True


def _decode(body: bytes, content_type: str) -> tuple[Entry, ...]:
    try:
        return log_push.decode(body, content_type)
    except protobuf.DecodeError as error:
        raise RefusedError(400, "undecodable", str(error)) from error
