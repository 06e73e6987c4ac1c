"""The front of the local xScaler for metrics: TLS, tokens and scopes, tenants, the request limit, faults on demand.

Series are judged by the backend, or here where the backend does not.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from xscaler_istio.local.xscaler.account import Account, Ledger
from xscaler_istio.local.xscaler.admission import Admission, Fault, RefusedError, Scope, Token
from xscaler_istio.local.xscaler.limits import AccountLimits, refusal
from xscaler_istio.wire import protobuf, remote_write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xscaler_istio.local.xscaler.backends import Backend
    from xscaler_istio.wire.remote_write import Format, WriteRequest

__all__ = ["PUSH_PATH", "Fault", "Gateway", "Scope", "Token"]

PUSH_PATH = "/api/v1/push"
_MIMIR_REASON = re.compile(r"err-mimir-([a-z-]+)")
_NATIVE_WRITTEN = "X-Prometheus-Remote-Write-Histograms-Written"
_WRITTEN = re.compile(r"X-Prometheus-Remote-Write-[A-Za-z]+-Written", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class _Push:
    """A push as it came: its format, and its body with the request that it holds."""

    format: Format
    body: bytes
    request: WriteRequest


class Gateway:
    """One tenant's view of xScaler, with the account."""

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
        """Return the account, with the backend's refusals."""
        return self._ledger.close(await self._backend.discarded(self._session))

    def application(self) -> web.Application:
        """Return the routes."""
        app = web.Application(client_max_size=protobuf.MAX_DECODED_BYTES)
        app.router.add_post(PUSH_PATH, self.push)
        paths = "query|query_range|series|labels|label/[^/]+/values|status/tsdb"
        app.router.add_route("*", f"/api/v1/{{query:{paths}}}", self.query)
        return app

    async def push(self, request: web.Request) -> web.Response:
        """Answer one remote write request."""
        body = await request.read()
        samples = 0
        try:
            push = _decode(request.headers.get("Content-Type", ""), body)
            samples = remote_write.count_samples(push.request)
            tenant = self.admission.admit(request, Scope.WRITE)
            self._check_size(samples)
            response = await self._store(tenant, push, samples)
        except RefusedError as refused:
            self._ledger.rejected(refused.reason, samples, refused.text)
            response = web.Response(status=refused.status, text=refused.text)
        self._ledger.answered(response.status, samples, len(body))
        return response

    async def query(self, request: web.Request) -> web.Response:
        """Pass a query on to the backend."""
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

    async def _store(self, tenant: str, push: _Push, samples: int) -> web.Response:
        if fault := self.admission.next_fault():
            return self._answer_fault(fault, samples)
        refusal = ""
        if not self._backend.judges:
            push, refusal = self._judge(push)
            samples = remote_write.count_samples(push.request)
        headers = {"X-Scope-OrgID": tenant, **push.format.headers}
        async with self._session.post(self._backend.push_url, data=push.body, headers=headers) as answer:
            text = await answer.text()
            if answer.status < 300 or answer.status == 400:
                self._ledger.passed(samples, int(answer.headers.get(_NATIVE_WRITTEN, 0)))
            if answer.status == 400 and (named := _MIMIR_REASON.search(text)):
                self._ledger.refusal(named[1].replace("-", "_"), text)
            status = 400 if refusal else answer.status
            # A sender of remote write 2.0 counts what is missing here as lost.
            written = {name: value for name, value in answer.headers.items() if _WRITTEN.fullmatch(name)}
            return web.Response(status=status, text=refusal or text, headers=written)

    def _judge(self, push: _Push) -> tuple[_Push, str]:
        """Drop the series over a limit, as Mimir does: the push without them, and the first reason."""
        dropped, first = [], ""
        for index, series in enumerate(push.request.timeseries):
            labels = _labels(push, series)
            if reason := refusal(labels, self._limits):
                count = len(series.samples) + len(series.histograms)
                text = f"series refused: {reason} (labels: {len(labels)}, limit: {self._limits.labels_per_series})"
                self._ledger.rejected(reason, count, text)
                dropped.append(index)
                first = first or text
        if not dropped:
            return push, ""
        left = remote_write.without(push.request, dropped)
        return _Push(push.format, remote_write.compress(left), left), first

    def _answer_fault(self, fault: Fault, samples: int) -> web.Response:
        if fault.final:
            self._ledger.rejected(f"injected_{fault.status}", samples, "injected")
        return web.Response(status=fault.status, text="injected fault", headers=fault.headers())


def _decode(content_type: str, body: bytes) -> _Push:
    form = remote_write.format_of(content_type)
    if form is None:
        raise RefusedError(415, "unsupported_format", f"{content_type} is not a format of remote write")
    try:
        return _Push(form, body, form.decode(body))
    except remote_write.DecodeError as error:
        raise RefusedError(400, "undecodable", str(error)) from error


def _labels(push: _Push, series: Any) -> remote_write.Labels:
    try:
        return push.format.labels_of(push.request, series)
    except remote_write.DecodeError as error:
        raise RefusedError(400, "undecodable", str(error)) from error
