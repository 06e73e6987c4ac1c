"""Pods of a generated mesh on addresses of this machine, with the metrics that each of them serves."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

from xscaler_istio.mesh import pods
from xscaler_istio.mesh.model import Kind, PlacedPod, Version
from xscaler_istio.mesh.topology import MONITORING, STATS, Workload, pages_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xscaler_istio.local.network import Network
    from xscaler_istio.mesh.exposition import Page


_GZIP_SINCE = {Kind.ZTUNNEL: Version(1, 31), Kind.ISTIOD: Version(1, 9), Kind.CNI: Version(1, 9)}


_PROXY_GZIP_SINCE = Version(1, 30)


@dataclasses.dataclass(frozen=True)
class Member:
    """One generated pod and its metrics, by (port, path)."""

    pod: PlacedPod
    pages: Mapping[tuple[int, str], Page]
    gzip: bool

    @property
    def page(self) -> Page | None:
        """The metrics that a collector must scrape, or None for a pod outside the mesh."""
        return self.pages.get(_SCRAPED_AT.get(self.pod.kind, (0, "")))


_SCRAPED_AT = {
    Kind.SIDECAR: STATS,
    Kind.NATIVE_SIDECAR: STATS,
    Kind.GATEWAY: STATS,
    Kind.WAYPOINT: STATS,
    Kind.ZTUNNEL: STATS,
    Kind.ISTIOD: MONITORING,
    Kind.CNI: MONITORING,
}


def build(workloads: tuple[Workload, ...], network: Network, first_index: int) -> tuple[Member, ...]:
    """Return the pods of these workloads on consecutive addresses of a network."""
    indices = itertools.count(first_index)
    return tuple(member for workload in workloads for member in _members(workload, network, indices))


def _members(workload: Workload, network: Network, indices: Iterator[int]) -> Iterator[Member]:
    served = pages_of(workload)
    gzip = workload.version >= _GZIP_SINCE.get(workload.kind, _PROXY_GZIP_SINCE)
    for replica in range(workload.replicas):
        pod = pods.pod(
            workload.kind,
            namespace=workload.namespace,
            name=f"{workload.name}-{replica}",
            ip=network.pod(next(indices)),
            workload=workload.name,
            version=workload.version,
            node=f"node-{replica % 3}",
            annotations=dict(workload.annotations),
        )
        yield Member(pod, served, gzip)
