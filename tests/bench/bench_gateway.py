"""What the gateway adds to a push: requests of 2,000 real Istio samples through it and straight to its backend.

    PYTHONPATH=. python tests/bench/bench_gateway.py

Prints samples a second for both and the ratio; the backend is a Prometheus server, whose limits the gateway checks.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import aiohttp

from tests.support.tools import tool
from xscaler_istio.local import certificates
from xscaler_istio.local.network import PROMETHEUS_SERVER_PORT, claim
from xscaler_istio.local.xscaler import service
from xscaler_istio.local.xscaler.gateway import Scope, Token
from xscaler_istio.mesh import pages
from xscaler_istio.mesh.pages import Combination, Party
from xscaler_istio.wire import remote_write
from xscaler_istio.wire.remote_write import Series

REQUESTS = 100
SAMPLES = 2000
HEADERS = {
    "Authorization": "Bearer write",
    "X-Scope-OrgID": "tenant",
    **remote_write.V1.headers,
}


def bodies(cluster: str) -> list[bytes]:
    """Return requests of 2,000 series with a sidecar's labels each, one second apart."""
    edge = Combination(reporter="source", source=Party("frontend", "shop"), destination=Party("checkout", "shop"))
    base = {"__name__": "istio_requests_total", "cluster": cluster, **pages.http_labels(edge)}
    now = int(time.time() * 1000)
    labels = [tuple(sorted({**base, "response_code": str(number)}.items())) for number in range(SAMPLES)]
    return [
        remote_write.V1.encode(Series(item, ((1.0, now - 1000 * (REQUESTS - request)),)) for item in labels)
        for request in range(REQUESTS)
    ]


async def push(session: aiohttp.ClientSession, url: str, requests: list[bytes]) -> float:
    start = time.perf_counter()
    for body in requests:
        async with session.post(url, data=body, headers=HEADERS) as answer:
            if answer.status >= 300:
                raise SystemExit(f"{url} answered {answer.status}: {await answer.text()}")
    return REQUESTS * SAMPLES / (time.perf_counter() - start)


async def main() -> None:
    first, second = bodies("first"), bodies("second")
    with tempfile.TemporaryDirectory() as name, claim() as network:
        folder = Path(name)
        authority = certificates.create(folder)
        tokens = {"write": Token("tenant", Scope.WRITE)}
        async with (
            service.serving(
                network=network,
                authority=authority,
                folder=folder,
                backend="prometheus",
                binary=tool("prometheus"),
                tokens=tokens,
                reader=service.Reader("write", "tenant"),
            ) as xscaler,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=authority.client_context())) as session,
        ):
            straight = f"http://{network.infrastructure}:{PROMETHEUS_SERVER_PORT}/api/v1/write"
            direct = await push(session, straight, first)
            through = await push(session, xscaler.push_url, second)
    print(f"through the gateway: {through:,.0f} samples/s; straight to Prometheus: {direct:,.0f} samples/s")
    print(f"ratio: {through / direct:.2f}")


if __name__ == "__main__":
    asyncio.run(main())
