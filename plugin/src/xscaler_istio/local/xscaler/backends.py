"""The stores behind the gateway: real programs with the same interface, chosen by name.

`mimir` is Grafana Mimir with xScaler's limits, and judges series itself. `prometheus` is a Prometheus server for users
without Mimir; the gateway then applies the limits.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
from typing import TYPE_CHECKING

import yaml

from xscaler_istio.local.network import MIMIR_PORT, PROMETHEUS_SERVER_PORT, Network
from xscaler_istio.local.processes import Child, responds, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    import aiohttp

    from xscaler_istio.local.xscaler.limits import AccountLimits

_DISCARDED = re.compile(r"^cortex_discarded_samples_total\{([^}]*)\} (\S+)$", re.MULTILINE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Backend:
    """A running store: its URLs for pushes and queries, and whether it judges series itself."""

    push_url: str
    query_url: str
    metrics_url: str
    judges: bool
    child: Child

    async def discarded(self, session: aiohttp.ClientSession) -> Mapping[str, int]:
        """Return the samples that the backend rejected so far, by reason."""
        if not self.judges:
            return {}
        async with session.get(self.metrics_url) as response:
            text = await response.text()
        counts: dict[str, int] = {}
        for labels, value in _DISCARDED.findall(text):
            reason = re.search(r'reason="([^"]*)"', labels)
            if reason and float(value):
                counts[reason[1]] = counts.get(reason[1], 0) + int(float(value))
        return counts


def _mimir_config(address: str, folder: Path, limits: AccountLimits) -> str:
    memory = {"instance_addr": address, "kvstore": {"store": "inmemory"}}
    single = {**memory, "replication_factor": 1}
    grpc = f"{address}:{MIMIR_PORT + 1}"
    config = {
        "target": "all",
        "multitenancy_enabled": True,
        "server": {
            "http_listen_address": address,
            "http_listen_port": MIMIR_PORT,
            "grpc_listen_address": address,
            "grpc_listen_port": MIMIR_PORT + 1,
            "log_level": "warn",
        },
        "common": {"storage": {"backend": "filesystem", "filesystem": {"dir": str(folder / "common")}}},
        "blocks_storage": {
            "backend": "filesystem",
            "filesystem": {"dir": str(folder / "blocks")},
            "tsdb": {"dir": str(folder / "tsdb")},
            "bucket_store": {"sync_dir": str(folder / "sync")},
        },
        "compactor": {"data_dir": str(folder / "compactor"), "sharding_ring": memory},
        "distributor": {"ring": memory},
        "ingester": {"ring": {**single, "min_ready_duration": "0s", "final_sleep": "0s"}},
        "store_gateway": {"sharding_ring": single},
        "query_scheduler": {"ring": memory},
        "querier": {"ring": memory},
        # Without an address these two dial 127.0.0.1, where another run may listen.
        "frontend": {"address": address, "scheduler_address": grpc},
        "frontend_worker": {"scheduler_address": grpc},
        "ruler": {"ring": memory, "rule_path": str(folder / "rules-tmp")},
        "ruler_storage": {"backend": "filesystem", "filesystem": {"dir": str(folder / "rules")}},
        "alertmanager_storage": {"backend": "filesystem", "filesystem": {"dir": str(folder / "alerts")}},
        "usage_stats": {"enabled": False},
        "activity_tracker": {"filepath": ""},
        "memberlist": {"bind_addr": [address], "abort_if_cluster_join_fails": False},
        "limits": {
            "max_label_names_per_series": limits.labels_per_series,
            "max_label_name_length": limits.label_name_length,
            "max_label_value_length": limits.label_value_length,
            # A test that needs a plan's rate limit sets it at the gateway.
            "max_global_series_per_user": 0,
            "ingestion_rate": 10_000_000,
            "ingestion_burst_size": 10_000_000,
        },
    }
    return yaml.safe_dump(config)


@contextlib.asynccontextmanager
async def mimir(*, network: Network, folder: Path, binary: Path, limits: AccountLimits) -> AsyncIterator[Backend]:
    """Run Grafana Mimir in one process with everything in `folder`."""
    address = network.infrastructure
    config = folder / "mimir.yaml"
    config.write_text(_mimir_config(address, folder / "mimir", limits), encoding="utf-8")
    base = f"http://{address}:{MIMIR_PORT}"
    async with running("mimir", [binary, f"-config.file={config}"], folder=folder) as child:
        await child.wait_until(lambda: responds(f"{base}/ready"))
        yield Backend(
            push_url=f"{base}/api/v1/push",
            query_url=f"{base}/prometheus",
            metrics_url=f"{base}/metrics",
            judges=True,
            child=child,
        )


@contextlib.asynccontextmanager
async def prometheus(
    *,
    network: Network,
    folder: Path,
    binary: Path,
    limits: AccountLimits,  # noqa: ARG001 - the gateway applies them
) -> AsyncIterator[Backend]:
    """Run a Prometheus server that accepts remote write."""
    listen = f"{network.infrastructure}:{PROMETHEUS_SERVER_PORT}"
    config = folder / "prometheus-server.yml"
    config.write_text("global: {}\n", encoding="utf-8")
    command = [
        str(binary),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'prometheus-server'}",
        f"--web.listen-address={listen}",
        "--web.enable-remote-write-receiver",
    ]
    base = f"http://{listen}"
    async with running("prometheus-server", command, folder=folder) as child:
        await child.wait_until(lambda: responds(f"{base}/-/ready"))
        yield Backend(
            push_url=f"{base}/api/v1/write", query_url=base, metrics_url=f"{base}/metrics", judges=False, child=child
        )


BACKENDS: Mapping[str, Callable[..., AbstractAsyncContextManager[Backend]]] = {
    "mimir": mimir,
    "prometheus": prometheus,
}
