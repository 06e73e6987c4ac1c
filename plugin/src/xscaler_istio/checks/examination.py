"""What a check of a cluster is given: the values' case, what was read, and what a release would do in it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xscaler_istio.checks.case import Case
    from xscaler_istio.cluster.discovery import MeshPod
    from xscaler_istio.cluster.inventory import Inventory
    from xscaler_istio.cluster.objects import MeshConfig, Pod
    from xscaler_istio.rendered.release import Release
    from xscaler_istio.wire.probe import Outcome


@dataclasses.dataclass(frozen=True, kw_only=True)
class Examination:
    """A cluster and a release before it is installed there, in `namespace`.

    `outcomes` are the pods of the mesh. `unknown` says by part why it is not known, beside what could not be read.
    `probes` are what xScaler answered.
    """

    case: Case
    namespace: str
    inventory: Inventory
    release: Release
    outcomes: tuple[MeshPod, ...]
    unknown: Mapping[str, str]
    probes: tuple[Outcome, ...] = ()

    def missing(self, part: str) -> str:
        """Return why a part is not known, or nothing; parts are those of the inventory, `values` and `probes`."""
        return self.unknown.get(part) or (self.inventory.missing(part) if hasattr(self.inventory, part) else "")

    @property
    def root_namespace(self) -> str:
        """Where Istio looks for what holds for the whole mesh."""
        configured = (config.root_namespace for config in self.inventory.mesh.items)
        return next(filter(None, configured), self.case.settings.istio.root_namespace)

    def mesh_of(self, pod: Pod) -> MeshConfig | None:
        """Return the mesh configuration of a pod's revision; with several revisions the first for a pod of none."""
        listed = self.inventory.mesh.items
        revision = pod.annotations.get("istio.io/rev", "default")
        name = "istio" if revision == "default" else f"istio-{revision}"
        return next((item for item in listed if item.name.endswith(f"/{name}")), listed[0] if listed else None)
