"""Grafana Loki behind the gateway: its limits judge the lines, and its LogQL answers."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from typing import TYPE_CHECKING

import yaml

from xscaler_istio.local.network import LOKI_PORT, Network
from xscaler_istio.local.processes import Child, responds, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    import aiohttp


_DISCARDED = re.compile(r'^loki_discarded_samples_total\{[^}]*reason="([^"]*)"[^}]*\} (\S+)$', re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Loki:
    """A running Loki: its URLs for pushes and queries."""

    base_url: str
    child: Child

    async def discarded(self, session: aiohttp.ClientSession) -> Mapping[str, int]:
        """Return the lines that Loki rejected so far, by reason."""
        async with session.get(f"{self.base_url}/metrics") as response:
            text = await response.text()
        counts: dict[str, int] = {}
        for reason, value in _DISCARDED.findall(text):
            if float(value):
                counts[reason] = counts.get(reason, 0) + int(float(value))
        return counts


def _config(address: str, folder: Path, *, structured_metadata: bool) -> str:
    return yaml.safe_dump(
        {
            "auth_enabled": True,
            "server": {
                "http_listen_address": address,
                "http_listen_port": LOKI_PORT,
                "grpc_listen_address": address,
                "grpc_listen_port": LOKI_PORT + 1,
                "log_level": "warn",
                "grpc_server_max_recv_msg_size": 64 * 2**20,
                "grpc_server_max_send_msg_size": 64 * 2**20,
            },
            "common": {
                "path_prefix": str(folder),
                "replication_factor": 1,
                "instance_addr": address,
                "ring": {"instance_addr": address, "kvstore": {"store": "inmemory"}},
                "storage": {
                    "filesystem": {"chunks_directory": str(folder / "chunks"), "rules_directory": str(folder / "rules")}
                },
            },
            "schema_config": {
                "configs": [
                    {
                        "from": "2024-01-01",
                        "store": "tsdb",
                        "object_store": "filesystem",
                        "schema": "v13",
                        "index": {"prefix": "index_", "period": "24h"},
                    }
                ]
            },
            "analytics": {"reporting_enabled": False},
            "memberlist": {"bind_addr": [address], "abort_if_cluster_join_fails": False},
            # Without an address it dials 127.0.0.1, where another run may listen.
            "frontend": {"address": address},
            "ingester": {"lifecycler": {"min_ready_duration": "0s", "final_sleep": "0s"}},
            "limits_config": {
                "allow_structured_metadata": structured_metadata,
                # A test that needs a plan's rate limit sets it at the gateway.
                "ingestion_rate_mb": 1000,
                "ingestion_burst_size_mb": 1000,
                "per_stream_rate_limit": "1GB",
                "per_stream_rate_limit_burst": "1GB",
                "max_entries_limit_per_query": 1_000_000,
            },
        }
    )


@contextlib.asynccontextmanager
async def serving(
    *, network: Network, folder: Path, binary: Path, structured_metadata: bool = True
) -> AsyncIterator[Loki]:
    """Run Loki in one process with everything in `folder`, and the limits that it has by default."""
    address = network.infrastructure
    file = folder / "loki.yaml"
    file.write_text(_config(address, folder / "loki", structured_metadata=structured_metadata), encoding="utf-8")
    base = f"http://{address}:{LOKI_PORT}"
    async with running("loki", [binary, f"-config.file={file}"], folder=folder) as child:
        await child.wait_until(lambda: responds(f"{base}/ready"))
        yield Loki(base, child)
