"""Port 15020 of a pod with a real Envoy: the agent's, Envoy's and the application's metrics in one response.

As Istio's agent does (`istio/istio` pilot/cmd/pilot-agent/status/server.go): plain concatenation in that order, and a
part that cannot be had is left out and counted in istio_agent_scrape_failures_total while the answer stays 200.
"""

from __future__ import annotations

import asyncio
import collections
import re
import time
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from xscaler_istio.local.mesh.envoy_config import APP_PORT, STAT_PREFIX, STATS_PORT
from xscaler_istio.mesh import pages
from xscaler_istio.mesh.exposition import ENVOY

if TYPE_CHECKING:
    from xscaler_istio.mesh.model import PlacedPod

_PREFIX = f"envoy_{STAT_PREFIX}_".encode()
# Envoy leaves out a tag without value; Istio writes it empty for HTTP.
_CODE = re.compile(rb'(,response_code="[^"]*")')
_TIMEOUT = aiohttp.ClientTimeout(total=5)


class IstioAgent:
    """Merges the metrics of one pod. `scrapes` counts the answers."""

    def __init__(self, pod: PlacedPod, session: aiohttp.ClientSession, *, has_application: bool) -> None:
        self.pod = pod
        self.scrapes = 0
        self._session = session
        self._has_application = has_application
        self._failures: collections.Counter[str] = collections.Counter()
        self._started = time.monotonic()
        self._frozen: float | None = None

    def freeze(self) -> None:
        """Freeze the agent's own counters."""
        self._frozen = time.monotonic()

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answer a scrape."""
        if request.path not in ("/stats/prometheus", "/metrics"):
            return web.Response(status=404, text="404 page not found\n")
        self.scrapes += 1
        envoy = as_istio(await self._part("envoy", STATS_PORT, "/stats/prometheus"))
        application = await self._part("application", APP_PORT, "/metrics") if self._has_application else b""
        body = b"".join([self._own(), envoy, self._build(), application])
        headers = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        return web.Response(body=body, headers=headers)

    async def _part(self, kind: str, port: int, path: str) -> bytes:
        try:
            async with self._session.get(f"http://{self.pod.ip}:{port}{path}", timeout=_TIMEOUT) as answer:
                answer.raise_for_status()
                return await answer.read()
        except (aiohttp.ClientError, asyncio.TimeoutError):
            self._failures[kind] += 1
            return b""

    def _own(self) -> bytes:
        tick = int((self._frozen or time.monotonic()) - self._started)
        return pages.agent(self.pod.istio, tick=tick) + pages.scrape_failures_page(self._failures).render(0)

    def _build(self) -> bytes:
        return pages.build_page(ENVOY, "proxy", self.pod.istio).render(0)


def as_istio(page: bytes) -> bytes:
    """Return Envoy's metrics with the names and labels that Istio's stat filter gives."""
    return _CODE.sub(rb'\1,grpc_response_status=""', page.replace(_PREFIX, b""))
