"""The front of the local xScaler for metrics: TLS, tokens and scopes, tenants, the request limit, faults on demand.

Series are judged by the backend, or here where the backend does not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from xscaler_istio.local.xscaler.account import Account, Ledger
from xscaler_istio.local.xscaler.admission import Admission, Fault, RefusedError, Scope, Token
from xscaler_istio.local.xscaler.limits import AccountLimits, refusal
from xscaler_istio.wire import protobuf, remote_write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xscaler_istio.local.xscaler.backends import Backend

__all__ = ["PUSH_PATH", "Fault", "Gateway", "Scope", "Token"]

PUSH_PATH = "/api/v1/push"
_MIMIR_REASON = re.compile(r"err-mimir-([a-z-]+)")


class Gateway:
    """One tenant's view of xScaler, with the books."""

    def __init__(self, backend: Backend, tokens: Mapping[str, Token], limits: AccountLimits) -> None:
        self.admission = Admission(tokens)
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
        app = web.Application(client_max_size=protobuf.MAX_DECODED_BYTES)
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
            tenant = self.admission.admit(request, Scope.WRITE)
            self._check_size(samples)
            response = await self._store(tenant, body, decoded, samples)
        except RefusedError as refused:
            self._ledger.rejected(refused.reason, samples, refused.text)
            response = web.Response(status=refused.status, text=refused.text)
        self._ledger.answered(response.status, samples, len(body))
        return response

    async def query(self, request: web.Request) -> web.Response:
        """Pass a question on to the backend."""
        try:
            tenant = self.admission.admit(request, Scope.READ)
        except RefusedError as refused:
            return web.Response(status=refused.status, text=refused.text)
        url = f"{self._backend.query_url}/api/v1/{request.match_info['query']}"
        headers = {"X-Scope-OrgID": tenant, "Content-Type": request.headers.get("Content-Type", "text/plain")}
        body = await request.read()
        async with self._session.request(
            request.method, url, params=request.query, data=body or None, headers=headers
        ) as answer:
            return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)

    def _check_size(self, samples: int) -> None:
        if samples > self._limits.samples_per_request:
            text = f"{samples} samples in one request, at most {self._limits.samples_per_request} are allowed"
            raise RefusedError(400, "samples_per_request", text)

    async def _store(self, tenant: str, body: bytes, decoded: remote_write.WriteRequest, samples: int) -> web.Response:
        if fault := self.admission.next_fault():
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
            if reason := refusal(labels, self._limits):
                count = len(series.samples) + len(series.histograms)
                text = f"series refused: {reason} (labels: {len(labels)}, limit: {self._limits.labels_per_series})"
                self._ledger.rejected(reason, count, text)
                dropped.append(index)
                samples += count
                first = first or text
        if not dropped:
            return body, 0, ""
        return remote_write.compress(remote_write.without(decoded, dropped)), samples, first

    def _answer_fault(self, fault: Fault, samples: int) -> web.Response:
        if fault.final:
            self._ledger.rejected(f"injected_{fault.status}", samples, "injected")
        return web.Response(status=fault.status, text="injected fault", headers=fault.headers())


def _decode(body: bytes) -> remote_write.WriteRequest:
    try:
        return remote_write.decode(body)
    except remote_write.DecodeError as error:
        raise RefusedError(400, "undecodable", str(error)) from error
