"""Real Envoys report what really happened, in Istio's words."""

from __future__ import annotations

import asyncio
import collections
import re
from typing import TYPE_CHECKING

import aiohttp

from xscaler_istio.local.mesh import envoy
from xscaler_istio.local.network import claim

if TYPE_CHECKING:
    from pathlib import Path

_SERIES = re.compile(r"^(istio_\w+)\{(.*)\} (\S+)$", re.MULTILINE)


def read(page: str, name: str) -> list[tuple[dict[str, str], float]]:
    return [
        (dict(re.findall(r'(\w+)="([^"]*)"', labels)), float(value))
        for metric, labels, value in _SERIES.findall(page)
        if metric == name
    ]


def counted(page: str, reporter: str, **by: str) -> dict[int, float]:
    found: collections.Counter[int] = collections.Counter()
    for labels, value in read(page, "istio_requests_total"):
        if labels["reporter"] == reporter and by.items() <= labels.items():
            found[int(labels["response_code"])] += int(value)
    return dict(found)


async def _enough(mesh: envoy.EnvoyMesh) -> None:
    """Wait until every application has been called, and the first one often."""
    while not (mesh.connections and all(mesh.answered.values()) and mesh.answered["frontend"].total() > 50):  # noqa: ASYNC110
        await asyncio.sleep(0.05)


def test_envoys_counts_are_the_truth(tmp_path: Path) -> None:
    async def pages_and_truth() -> tuple[dict[str, str], dict[str, dict[int, int]], int]:
        with claim() as network:
            async with (
                envoy.running_envoys(network, first_index=0, folder=tmp_path, requests_per_second=50) as mesh,
                aiohttp.ClientSession() as session,
            ):
                await asyncio.wait_for(_enough(mesh), 60)
                await mesh.freeze()
                found = {}
                for pod in mesh.pods:
                    async with session.get(f"http://{pod.ip}:15020/stats/prometheus") as answer:
                        found[pod.workload] = await answer.text()
                truth = {name: dict(codes) for name, codes in mesh.answered.items()}
                return found, truth, mesh.connections

    pages, truth, connections = asyncio.run(pages_and_truth())
    assert sum(truth["frontend"].values()) > 50
    for workload, answered in truth.items():
        assert counted(pages[workload], "destination") == answered
    # Both sides of an edge counted the same.
    assert counted(pages["istio-ingressgateway"], "source") == truth["frontend"]
    for called in ("checkout", "payments"):
        assert counted(pages["frontend"], "source", destination_workload=called) == truth[called]
    opened = read(pages["frontend"], "istio_tcp_connections_opened_total")
    assert sum(value for _, value in opened) == connections > 0
    assert {len(labels) for labels, _ in opened} == {23}
    buckets = read(pages["frontend"], "istio_request_duration_milliseconds_bucket")
    assert {len(labels) - 1 for labels, _ in buckets} == {25}
    per_series = collections.Counter(frozenset((k, v) for k, v in labels.items() if k != "le") for labels, _ in buckets)
    assert set(per_series.values()) == {20}
    # The application's own part is merged, and only where there is an application.
    assert "orders_total{" in pages["frontend"]
    assert "orders_total{" not in pages["istio-ingressgateway"]
    assert "istio_agent_" in pages["istio-ingressgateway"]
