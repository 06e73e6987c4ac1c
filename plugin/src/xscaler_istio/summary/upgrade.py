"""What the API server does not let an upgrade change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xscaler_istio.rendered.documents import mapping
from xscaler_istio.values.units import bytes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xscaler_istio.rendered.manifests import Manifest

_STORAGE = "spec.resources.requests.storage"
# Fields that cannot change, by kind. Each is in a validation of updates below
# https://github.com/kubernetes/kubernetes/tree/master/pkg/apis: apps, batch, core and rbac.
_FIXED: Mapping[str, tuple[str, ...]] = {
    "ClusterRoleBinding": ("roleRef",),
    "DaemonSet": ("spec.selector",),
    "Deployment": ("spec.selector",),
    "Job": ("spec.selector", "spec.template", "spec.completionMode"),
    "PersistentVolumeClaim": (
        "spec.accessModes",
        "spec.selector",
        "spec.storageClassName",
        "spec.volumeMode",
        "spec.volumeName",
    ),
    "RoleBinding": ("roleRef",),
    "Secret": ("type",),
    "Service": ("spec.clusterIP",),
    "StatefulSet": ("spec.podManagementPolicy", "spec.selector", "spec.serviceName", "spec.volumeClaimTemplates"),
}


def impossible(old: Manifest, new: Manifest) -> Iterator[str]:
    """Yield the fields by which two manifests of one object differ, and that the API server does not let change."""
    for path in _FIXED.get(new.kind, ()):
        if _field(old.document, path) != _field(new.document, path):
            yield path
    if new.kind == "PersistentVolumeClaim" and _size(new.document) < _size(old.document):
        yield _STORAGE


def _field(document: Mapping[str, Any], path: str) -> Any:
    *parents, key = path.split(".")
    return mapping(document, *parents).get(key)


def _size(document: Mapping[str, Any]) -> float:
    return bytes_of(str(_field(document, _STORAGE) or 0)) or 0
