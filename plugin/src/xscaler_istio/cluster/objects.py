"""The facts that the rules need from a cluster's objects, parsed once; nothing else is kept.

Shapes: Kubernetes' API reference, and Istio's `MeshConfig` (https://istio.io/latest/docs/reference/config/). Kinds
that a release brings too are parsed in rendered/.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    # An object as the API server returns it: arbitrary by nature, and read only in this module.
    Document = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Port:
    """A port that a container declares."""

    name: str
    number: int
    protocol: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Container:
    """A container of a pod, also an `init` one, as native sidecars are. `killed`: it recently ran out of memory."""

    name: str
    image: str
    init: bool
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    ports: tuple[Port, ...]
    killed: bool = False

    @property
    def version(self) -> tuple[int, int, int] | None:
        """The version in the image's tag, or None without one (a digest, `latest`)."""
        found = re.search(r":v?(\d+)\.(\d+)\.(\d+)(?:$|[-@.+])", self.image)
        return (int(found[1]), int(found[2]), int(found[3])) if found else None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod that has not ended. `config_maps` are the names of those that it mounts."""

    namespace: str
    name: str
    uid: str
    ip: str
    host_ip: str
    node: str
    phase: str
    host_network: bool
    owner_kind: str
    owner: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    containers: tuple[Container, ...]
    config_maps: tuple[str, ...]

    def container(self, name: str) -> Container | None:
        """Return the container of that name."""
        return next((item for item in self.containers if item.name == name), None)

    @property
    def workload(self) -> str:
        """Namespace and name of the pod's workload: a ReplicaSet's Deployment, or the pod itself without an owner."""
        name = self.owner or self.name
        if self.owner_kind == "ReplicaSet":
            name = name.removesuffix(f"-{self.labels.get('pod-template-hash', '')}")
        return f"{self.namespace}/{name}"


@dataclasses.dataclass(frozen=True)
class Namespace:
    """A namespace."""

    name: str
    labels: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Provider:
    """One of `extensionProviders` that writes access logs to a file; `path` is empty for another kind."""

    path: str
    format: str
    custom: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class MeshConfig:
    """Istio's ConfigMap of one revision. `providers` are the files that access logs go to, by name."""

    name: str
    access_log_file: str
    access_log_format: str
    custom_format: bool
    providers: Mapping[str, Provider]
    default_logging: tuple[str, ...]
    root_namespace: str
    extra_tags: tuple[str, ...]
    environment: Mapping[str, str]

    @property
    def own_file(self) -> Provider:
        """The file of the mesh's own setting, which is not a provider."""
        return Provider(self.access_log_file, self.access_log_format, self.custom_format)


@dataclasses.dataclass(frozen=True)
class Keys:
    """A Secret or ConfigMap: its keys, the length of each value, and whether it has white space around it."""

    lengths: Mapping[str, int]
    padded: frozenset[str]


@dataclasses.dataclass(frozen=True)
class Text:
    """The specification or data of an object, as one text, and the kind of the object that owns it, if one does."""

    name: str
    text: str
    owner_kind: str = ""


def pod(document: Document) -> Pod:
    """Parse a v1 Pod."""
    metadata, spec, status = document["metadata"], document["spec"], document.get("status") or {}
    owner: Document = next((item for item in metadata.get("ownerReferences") or [] if item.get("controller")), {})
    volumes = spec.get("volumes") or []
    states = [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]
    killed = {item["name"] for item in states if _reason(item) == "OOMKilled"}
    return Pod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        ip=status.get("podIP", ""),
        host_ip=status.get("hostIP", ""),
        node=spec.get("nodeName", ""),
        phase=status.get("phase", ""),
        host_network=bool(spec.get("hostNetwork")),
        owner_kind=owner.get("kind", ""),
        owner=owner.get("name", ""),
        labels=metadata.get("labels") or {},
        annotations=metadata.get("annotations") or {},
        # Service discovery goes through them in this order.
        containers=tuple(
            _container(item, init=kind == "initContainers", killed=killed)
            for kind in ("containers", "initContainers")
            for item in spec.get(kind) or []
        ),
        config_maps=tuple(
            volume["configMap"]["name"] for volume in volumes if (volume.get("configMap") or {}).get("name")
        ),
    )


def _reason(status: Document) -> str:
    ended = (status.get("lastState") or {}).get("terminated") or {}
    reason: str = ended.get("reason", "")
    return reason


def _container(document: Document, *, init: bool, killed: set[str]) -> Container:
    return Container(
        name=document["name"],
        image=document.get("image", ""),
        init=init,
        arguments=tuple(document.get("args") or ()),
        environment={item["name"]: str(item.get("value", "")) for item in document.get("env") or []},
        ports=tuple(
            Port(item.get("name", ""), item["containerPort"], item.get("protocol", "TCP"))
            for item in document.get("ports") or []
        ),
        killed=document["name"] in killed,
    )


def namespace(document: Document) -> Namespace:
    """Parse a v1 Namespace."""
    return Namespace(document["metadata"]["name"], document["metadata"].get("labels") or {})


def mesh_config(document: Document) -> MeshConfig:
    """Parse the ConfigMap `istio` of a revision; settings that cannot be read count as not set."""
    mesh = _mesh(document)
    defaults = mesh.get("defaultConfig") or {}
    own_format = mesh.get("accessLogFormat") or ""
    encoding = mesh.get("accessLogEncoding") or "TEXT"
    listed = {item["name"]: _provider(item, own_format, encoding) for item in mesh.get("extensionProviders") or []}
    # Istio has this one built in; it writes as the mesh's settings say.
    built_in = {"envoy": Provider("/dev/stdout", encoding, bool(own_format))}
    return MeshConfig(
        name=f"{document['metadata']['namespace']}/{document['metadata']['name']}",
        access_log_file=mesh.get("accessLogFile") or "",
        access_log_format=encoding,
        custom_format=bool(own_format),
        providers={**built_in, **listed},
        default_logging=tuple((mesh.get("defaultProviders") or {}).get("accessLogging") or ()),
        root_namespace=mesh.get("rootNamespace") or "",
        extra_tags=tuple(defaults.get("extraStatTags") or ()),
        environment={str(key): str(value) for key, value in (defaults.get("proxyMetadata") or {}).items()},
    )


def _mesh(document: Document) -> dict[str, Any]:
    try:
        loaded = yaml.safe_load((document.get("data") or {}).get("mesh", ""))
    except yaml.YAMLError:
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _provider(item: Document, mesh_format: str, mesh_encoding: str) -> Provider:
    file = item.get("envoyFileAccessLog")
    if file is None:
        return Provider("", "", custom=False)
    written = file.get("logFormat") or {}
    if "labels" in written:
        # Without labels it is Istio's own JSON.
        return Provider(file.get("path", ""), "JSON", bool(written["labels"]))
    if "text" in written:
        return Provider(file.get("path", ""), "TEXT", bool(written["text"]))
    return Provider(file.get("path", ""), mesh_encoding, bool(mesh_format))


def contents(document: Document) -> Mapping[str, str]:
    """Return the values of a v1 Secret or ConfigMap; bytes that are not UTF-8 are replaced."""
    data: Mapping[str, str] = document.get("data") or {}
    if document.get("kind") != "Secret":
        return data
    decoded = {name: base64.b64decode(value).decode(errors="replace") for name, value in data.items()}
    # Only manifests have these, not the API server's objects.
    return {**decoded, **(document.get("stringData") or {})}


def keys(document: Document) -> Keys:
    """Return the facts about a v1 Secret or ConfigMap that may be shown."""
    values = contents(document)
    padded = frozenset(name for name, value in values.items() if value != value.strip())
    return Keys({name: len(value.strip()) for name, value in values.items()}, padded)


def text(document: Document) -> Text:
    """Return the whole object as text."""
    metadata = document["metadata"]
    name = f"{document['kind']} {metadata['namespace']}/{metadata['name']}"
    owner: Document = next(iter(metadata.get("ownerReferences") or ()), {})
    return Text(name, json.dumps(document.get("spec") or document.get("data") or {}), owner.get("kind", ""))
