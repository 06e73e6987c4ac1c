"""The input of a check of a cluster: the values' case, what was read, and what a release would do in the cluster."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from xscaler_istio.cluster.kinds import PROXY

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

    `outcomes` are the pods of the mesh. `unknown` has the reason for each part that is unknown, besides the parts that
    could not be read. `probes` are xScaler's answers to a sample and a line, `native` that to a native histogram, which
    is sent only if the sample was accepted.
    """

    case: Case
    namespace: str
    inventory: Inventory
    release: Release
    outcomes: tuple[MeshPod, ...]
    unknown: Mapping[str, str]
    probes: tuple[Outcome, ...] = ()
    native: Outcome | None = None

    def missing(self, part: str) -> str:
        """Return why a part is unknown, or nothing; parts are those of the inventory, `values` and `probes`."""
        return self.unknown.get(part) or (self.inventory.missing(part) if hasattr(self.inventory, part) else "")

    @property
    def root_namespace(self) -> str:
        """The namespace whose objects apply to the whole mesh."""
        configured = (config.root_namespace for config in self.inventory.mesh.items)
        return next(filter(None, configured), self.case.settings.istio.root_namespace)

    def environment_of(self, pod: Pod) -> Mapping[str, str]:
        """Return the variables of a pod's proxy: the mesh configuration's, and the pod's instead of these."""
        mesh, proxy = self.mesh_of(pod), pod.container(PROXY)
        return {**(mesh.environment if mesh else {}), **(proxy.environment if proxy else {})}

    def mesh_of(self, pod: Pod) -> MeshConfig | None:
        """Return the mesh configuration of a pod's revision; for a pod without a revision the first one."""
        listed = self.inventory.mesh.items
        revision = pod.annotations.get("istio.io/rev", "default")
        name = "istio" if revision == "default" else f"istio-{revision}"
        return next((item for item in listed if item.name.endswith(f"/{name}")), listed[0] if listed else None)
