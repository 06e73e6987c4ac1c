"""Which key of which object is behind each file that a container has mounted."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from xscaler_istio.rendered.documents import mappings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    # An object: arbitrary YAML by nature, and read only in this module.
    Document = Mapping[str, Any]

# The kinds that a volume may show, and what it calls the object's name.
_NAMES: Mapping[str, tuple[str, str]] = {"secret": ("Secret", "secretName"), "configMap": ("ConfigMap", "name")}


@dataclasses.dataclass(frozen=True)
class ObjectName:
    """A Secret or ConfigMap."""

    kind: str
    namespace: str
    name: str


@dataclasses.dataclass(frozen=True)
class Source:
    """A key of a Secret or ConfigMap."""

    object: ObjectName
    key: str


def sources(workload: Document) -> Mapping[str, Source]:
    """Return what is behind the files of a workload's first container, by path: those that its volumes name."""
    pod, namespace = workload["spec"]["template"]["spec"], workload["metadata"].get("namespace", "")
    volumes = {volume.get("name"): volume for volume in mappings(pod, "volumes")}
    mounts = mappings(pod["containers"][0], "volumeMounts")
    shown = ((mount.get("mountPath"), volumes.get(mount.get("name"), {})) for mount in mounts)
    return {f"{folder}/{path}": source for folder, volume in shown for path, source in _items(volume, namespace)}


def _items(volume: Document, namespace: str) -> Iterator[tuple[str, Source]]:
    for shown, (kind, name) in _NAMES.items():
        written = volume.get(shown) or {}
        for item in written.get("items") or ():
            yield item["path"], Source(ObjectName(kind, namespace, written.get(name, "")), item["key"])
