"""The backend of a cell: remote write with xScaler's access control and limits, faults, and an account of each sample.

Behind it, a Prometheus server stores what is accepted and evaluates the chart's alerts in compressed time.
"""

from __future__ import annotations

import asyncio
import collections
import itertools
import time
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from xscaler_istio.local.xscaler.admission import Admission, RefusedError, Scope, Token
from xscaler_istio.local.xscaler.gateway import PUSH_PATH
from xscaler_istio.local.xscaler.limits import XSCALER, refusal
from xscaler_istio.wire import protobuf, remote_write

from .account import Event
from .rows import OTHER, Answer
from .targets import METRIC, SERIES, key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xscaler_istio.wire.remote_write import Labels

HTML = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in to continue.</body></html>"
FOLLOWED = "/followed"


class Faults:
    """Answers in place of the right one, and what followed the redirects among them."""

    def __init__(self, other_host: str) -> None:
        self.answer: Answer | None = None
        self.statuses: collections.Counter[int] = collections.Counter()
        # Requests after a redirect: method, and whether they carried the token.
        self.followed: collections.Counter[str] = collections.Counter()
        self._other_host = other_host
        self._turns = itertools.count()

    @web.middleware
    async def handle(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Answer a request, or let it pass."""
        if request.path.startswith(FOLLOWED):
            return await self.follow(request)
        try:
            response: web.StreamResponse = await self._answered(request, handler)
        except ConnectionResetError:
            # The request ended in its middle: no one reads this.
            return web.Response(status=400)
        self.statuses[response.status] += 1
        return response

    async def _answered(self, request: web.Request, handler: Any) -> Any:
        wrong = self.answer
        if wrong is None or request.method != "POST" or next(self._turns) % wrong.one_in:
            return await handler(request)
        await request.read()
        if wrong.late:
            response = await handler(request)
            await asyncio.sleep(wrong.late)
            return response
        headers = {} if wrong.retry_after is None else {"Retry-After": str(wrong.retry_after)}
        if wrong.redirect:
            there = f"https://{self._other_host}" if wrong.redirect == OTHER else ""
            headers["Location"] = f"{there}{FOLLOWED}{request.path}"
        if wrong.status == 200:
            return web.Response(status=200, text=HTML, content_type="text/html")
        return web.Response(status=wrong.status, text="injected fault", headers=headers)

    async def follow(self, request: web.Request) -> web.Response:
        """Answer what followed a redirect, as a page for signing in does."""
        await request.read()
        with_token = "with" if request.headers.get("Authorization") else "without"
        self.followed[f"{request.method} {with_token} the token"] += 1
        return web.Response(text=HTML, content_type="text/html")


class Receiver:
    """The push endpoint for metrics."""

    def __init__(self, store_url: str, tokens: Mapping[str, Token], faults: Faults) -> None:
        self.admission = Admission(tokens)
        self.accepted: list[Event] = []
        # Refuse series that were not known when this began.
        self.full = False
        self._faults = faults
        self._store_url = store_url
        self._newest: dict[Labels, int] = {}
        # What is stored, by series and time: a request that comes twice is no older for it.
        self._stored: set[tuple[Labels, int]] = set()
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60))

    async def close(self) -> None:
        """Close the connections to the store."""
        await self._session.close()

    def application(self) -> web.Application:
        """Return the routes."""
        app = web.Application(client_max_size=protobuf.MAX_DECODED_BYTES, middlewares=[self._faults.handle])
        app.router.add_post(PUSH_PATH, self.push)
        app.router.add_route("*", f"{FOLLOWED}/{{path:.*}}", self._faults.follow)
        return app

    async def push(self, request: web.Request) -> web.Response:
        """Answer one push."""
        body = await request.read()
        if not body:
            # Prometheus' code sends this when everything in a request became too old. No body is not a snappy block.
            return web.Response(status=400, text="snappy: corrupt input")
        form = remote_write.format_of(request.headers.get("Content-Type", ""))
        if form is None:
            return web.Response(status=415)
        decoded: Any = form.decode(body)
        try:
            self.admission.admit(request, Scope.WRITE)
        except RefusedError as refused:
            return web.Response(status=refused.status, text=refused.text)
        reason = ""
        dropped = []
        good = []
        for index, series in enumerate(decoded.timeseries):
            labels = form.labels_of(decoded, series)
            if wrong := self._judge(labels, series):
                reason = reason or wrong
                dropped.append(index)
            else:
                good.append((labels, [(sample.value, sample.timestamp) for sample in series.samples]))
        left = remote_write.compress(remote_write.without(decoded, dropped)) if dropped else body
        async with self._session.post(self._store_url, data=left, headers=form.headers) as answer:
            status, text = answer.status, await answer.text()
        if status >= 300:
            return web.Response(status=status, text=text)
        self._enter(good)
        return web.Response(status=400, text=reason) if reason else web.Response(status=204)

    def _judge(self, labels: Labels, series: Any) -> str:
        """Return why a series is refused, as Mimir says; the limit of its labels, of the account, or of its order."""
        if reason := refusal(labels, XSCALER):
            return f"series refused: {reason}"
        if self.full and labels not in self._newest:
            return "per-user series limit exceeded (err-mimir-max-series-per-user)"
        newest = self._newest.get(labels, 0)
        older = [sample.timestamp for sample in series.samples if sample.timestamp < newest]
        if any((labels, at) not in self._stored for at in older):
            return "out of order sample (err-mimir-sample-out-of-order)"
        return ""

    def _enter(self, good: list[tuple[Labels, list[tuple[float, int]]]]) -> None:
        now = time.time()
        for labels, found in good:
            if not found:
                continue
            self._newest[labels] = max(self._newest.get(labels, 0), *(at for _, at in found))
            self._stored |= {(labels, at) for _, at in found}
            named = dict(labels)
            if named["__name__"] == METRIC:
                self.accepted += [Event(key(named["pod"], named[SERIES], value), now) for value, _ in found]
