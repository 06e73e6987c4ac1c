"""The parts of a simulated mesh, shared by the generator, the real Envoys and the Kubernetes API."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Version(NamedTuple):
    """An Istio minor version; compares as numbers do."""

    major: int
    minor: int

    def __str__(self) -> str:
        """Write it as Istio does: 1.31."""
        return f"{self.major}.{self.minor}"


class Kind(enum.Enum):
    """The kinds of pods that a mesh shows to a scraper."""

    SIDECAR = "sidecar"
    NATIVE_SIDECAR = "native-sidecar"
    GATEWAY = "gateway"
    WAYPOINT = "waypoint"
    ZTUNNEL = "ztunnel"
    ISTIOD = "istiod"
    CNI = "cni"
    NON_MESH = "non-mesh"


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlacedPod:
    """One pod: its place in the mesh and its manifest as the Kubernetes API serves it (`v1` Pod, JSON)."""

    kind: Kind
    namespace: str
    name: str
    ip: str
    workload: str
    istio: Version
    manifest: Mapping[str, object]
