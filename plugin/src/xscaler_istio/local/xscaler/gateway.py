"""The front of the local xScaler: TLS, tokens and scopes, tenants, the request limit, faults on demand.

Answers follow xScaler's public documentation: no or wrong tenant 401 or 400, bad token 401, missing scope 403, plan
or rate limit 429. Series are judged by the backend, or here where the backend does not.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import enum
import re
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from xscaler_istio.local.xscaler import limits as limits_module
from xscaler_istio.local.xscaler import remote_write
from xscaler_istio.local.xscaler.account import Account, Ledger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xscaler_istio.local.xscaler.backends import Backend
    from xscaler_istio.local.xscaler.limits import Limits

PUSH_PATH = "/api/v1/push"
_MIMIR_REASON = re.compile(r"err-mimir-([a-z-]+)")


class Scope(enum.Flag):
    """What a token may do."""

    READ = enum.auto()
    WRITE = enum.auto()


@dataclasses.dataclass(frozen=True)
class Token:
    """A token's tenant and scope."""

    tenant: str
    scope: Scope


@dataclasses.dataclass(frozen=True)
class Fault:
    """An answer to give instead of the right one, for the next `requests` pushes (None: until it is removed)."""

    status: int
    requests: int | None = None
    retry_after_seconds: int | None = None


class _RefusedError(Exception):
    def __init__(self, status: int, reason: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason
        self.text = text


class Gateway:
    """One tenant's view of xScaler, with the books."""

    def __init__(self, backend: Backend, tokens: Mapping[str, Token], limits: Limits) -> None:
        self.tokens = dict(tokens)
        self.fault: Fault | None = None
        self._backend = backend
        self._limits = limits
        self._ledger = Ledger()
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120))

    async def close(self) -> None:
        """Close the connections to the backend."""
        await self._session.close()

    async def account(self) -> Account:
        """Return the books, with the backend's refusals in them."""
        return self._ledger.close(await self._backend.discarded(self._session))

    def application(self) -> web.Application:
        """Return the routes."""
        app = web.Application(client_max_size=remote_write.MAX_DECODED_BYTES)
        app.router.add_post(PUSH_PATH, self.push)
        app.router.add_route("*", "/api/v1/{query:query|query_range|series|labels|label/[^/]+/values}", self.query)
        return app

    async def push(self, request: web.Request) -> web.Response:
        """Take one remote write request."""
        body = await request.read()
        samples = 0
        try:
            decoded = _decode(body)
            samples = remote_write.count_samples(decoded)
            tenant = self._admit(request, Scope.WRITE)
            self._check_size(samples)
            response = await self._store(tenant, body, decoded, samples)
        except _RefusedError as refused:
            self._ledger.rejected(refused.reason, samples, refused.text)
            response = web.Response(status=refused.status, text=refused.text)
        self._ledger.answered(response.status, samples, len(body))
        return response

    async def query(self, request: web.Request) -> web.Response:
        """Pass a question on to the backend."""
        try:
            tenant = self._admit(request, Scope.READ)
        except _RefusedError as refused:
            return web.Response(status=refused.status, text=refused.text)
        url = f"{self._backend.query_url}/api/v1/{request.match_info['query']}"
        headers = {"X-Scope-OrgID": tenant, "Content-Type": request.headers.get("Content-Type", "text/plain")}
        body = await request.read()
        async with self._session.request(
            request.method, url, params=request.query, data=body or None, headers=headers
        ) as answer:
            return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)

    def _admit(self, request: web.Request, scope: Scope) -> str:
        """Return the tenant, or refuse for token, scope or tenant, in xScaler's order."""
        token = self.tokens.get(_credential(request.headers.get("Authorization", "")))
        if token is None:
            raise _RefusedError(401, "unauthorized", "invalid token")
        if scope not in token.scope:
            raise _RefusedError(403, "scope", f"the token lacks the scope {str(scope.name).lower()}")
        tenant = request.headers.get("X-Scope-OrgID", "")
        if not tenant:
            raise _RefusedError(401, "tenant", "no org id")
        if tenant != token.tenant:
            raise _RefusedError(400, "tenant", "x-scope-orgid mismatch")
        return tenant

    def _check_size(self, samples: int) -> None:
        if samples > self._limits.samples_per_request:
            text = f"{samples} samples in one request, at most {self._limits.samples_per_request} are allowed"
            raise _RefusedError(400, "samples_per_request", text)

    async def _store(self, tenant: str, body: bytes, decoded: remote_write.WriteRequest, samples: int) -> web.Response:
        if fault := self._next_fault():
            return self._answer_fault(fault, samples)
        refusal = ""
        if not self._backend.judges:
            body, refused, refusal = self._judge(body, decoded)
            samples -= refused
        headers = {
            "X-Scope-OrgID": tenant,
            "Content-Encoding": "snappy",
            "Content-Type": "application/x-protobuf",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        }
        async with self._session.post(self._backend.push_url, data=body, headers=headers) as answer:
            text = await answer.text()
            if answer.status < 300 or answer.status == 400:
                self._ledger.passed(samples)
            if answer.status == 400 and (named := _MIMIR_REASON.search(text)):
                self._ledger.refusal(named[1].replace("-", "_"), text)
            status = 400 if refusal else answer.status
            return web.Response(status=status, text=refusal or text)

    def _judge(self, body: bytes, decoded: remote_write.WriteRequest) -> tuple[bytes, int, str]:
        """Drop the series over a limit, as Mimir does: the body left, the samples dropped and the first reason."""
        dropped, samples, first = [], 0, ""
        for index, series in enumerate(decoded.timeseries):
            labels = remote_write.labels_of(series)
            if reason := limits_module.refusal(labels, self._limits):
                count = len(series.samples) + len(series.histograms)
                text = f"series refused: {reason} (labels: {len(labels)}, limit: {self._limits.labels_per_series})"
                self._ledger.rejected(reason, count, text)
                dropped.append(index)
                samples += count
                first = first or text
        if not dropped:
            return body, 0, ""
        return remote_write.compress(remote_write.without(decoded, dropped)), samples, first

    def _next_fault(self) -> Fault | None:
        fault = self.fault
        if fault and fault.requests is not None:
            left = fault.requests - 1
            self.fault = dataclasses.replace(fault, requests=left) if left else None
        return fault

    def _answer_fault(self, fault: Fault, samples: int) -> web.Response:
        if fault.status < 500 and fault.status != 429:
            self._ledger.rejected(f"injected_{fault.status}", samples, "injected")
        headers = {"Retry-After": str(fault.retry_after_seconds)} if fault.retry_after_seconds is not None else {}
        return web.Response(status=fault.status, text="injected fault", headers=headers)


def _decode(body: bytes) -> remote_write.WriteRequest:
    try:
        return remote_write.decode(body)
    except remote_write.DecodeError as error:
        raise _RefusedError(400, "undecodable", str(error)) from error


def _credential(header: str) -> str:
    """Return the token of a Bearer header, or the password of a Basic one whatever its user name."""
    kind, _, value = header.partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
