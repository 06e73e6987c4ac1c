"""Which pod-security level a rendered workload needs of its namespace, by Kubernetes' Pod Security Standards.

The standards: https://kubernetes.io/docs/concepts/security/pod-security-standards/. Looked at are the controls that the
chart's values can reach; the cluster itself has the last word.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from xscaler_istio.rendered.manifests import Manifest

PRIVILEGED, BASELINE, RESTRICTED = "privileged", "baseline", "restricted"
_CONFINED_TYPES = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
_PLAIN_VOLUMES = frozenset(
    (
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    )
)
Spec = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Need:
    """The level that a workload needs, and why no stricter one admits it."""

    workload: str
    namespace: str
    level: str
    reasons: tuple[str, ...]


def needs(rendered: tuple[Manifest, ...]) -> tuple[Need, ...]:
    """Return what each workload needs that the level `restricted` would refuse."""
    found = []
    for document in (item.document for item in rendered):
        spec = pod_spec(document)
        if not spec:
            continue
        metadata = document["metadata"]
        name = f"{document['kind']} {metadata['name']}"
        reasons = {level: tuple(text for rule in rules for text in rule(spec)) for level, rules in _RULES.items()}
        level = next((level for level, texts in reasons.items() if texts), RESTRICTED)
        if level != RESTRICTED:
            found.append(Need(name, metadata.get("namespace", "NAMESPACE"), level, reasons[level]))
    return tuple(found)


def pod_spec(document: Mapping[str, Any]) -> Spec | None:
    """Return the pod's specification in an object, or None where it has none."""
    if document["kind"] == "Pod":
        own: Spec = document["spec"]
        return own
    template: Spec | None = (document.get("spec") or {}).get("template", {}).get("spec")
    return template


def _containers(spec: Spec) -> Iterator[Spec]:
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(kind) or []


def _contexts(spec: Spec) -> Iterator[tuple[str, Spec]]:
    """Yield the name and the security context of each container, the pod's own filled in."""
    common = spec.get("securityContext") or {}
    for container in _containers(spec):
        yield container["name"], {**common, **(container.get("securityContext") or {})}


# -- what `baseline` refuses --------------------------------------------------------------------------------------


def _host_namespaces(spec: Spec) -> Iterator[str]:
    yield from (f"{name} is on" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name))


def _host_paths(spec: Spec) -> Iterator[str]:
    paths = [volume["hostPath"]["path"] for volume in spec.get("volumes") or [] if "hostPath" in volume]
    if paths:
        yield f"hostPath {', '.join(paths)}"


def _host_ports(spec: Spec) -> Iterator[str]:
    ports = [port for container in _containers(spec) for port in container.get("ports") or []]
    yield from (f"hostPort {port['hostPort']}" for port in ports if port.get("hostPort"))


def _privileged(spec: Spec) -> Iterator[str]:
    for name, context in _contexts(spec):
        if context.get("privileged"):
            yield f"container {name} is privileged"
        added = (context.get("capabilities") or {}).get("add")
        if added:
            yield f"container {name} adds capabilities {', '.join(added)}"


def _selinux(spec: Spec) -> Iterator[str]:
    types = dict.fromkeys((context.get("seLinuxOptions") or {}).get("type", "") for _, context in _contexts(spec))
    yield from (f"SELinux type {name}" for name in types if name not in _CONFINED_TYPES)


# -- what `restricted` refuses beyond that ------------------------------------------------------------------------


def _root(spec: Spec) -> Iterator[str]:
    for name, context in _contexts(spec):
        if not context.get("runAsNonRoot") or context.get("runAsUser") == 0:
            yield f"container {name} may run as root"


def _escalation(spec: Spec) -> Iterator[str]:
    for name, context in _contexts(spec):
        if context.get("allowPrivilegeEscalation") is not False:
            yield f"container {name} may escalate its privileges"
        if "ALL" not in ((context.get("capabilities") or {}).get("drop") or []):
            yield f"container {name} keeps capabilities"
        if (context.get("seccompProfile") or {}).get("type") not in ("RuntimeDefault", "Localhost"):
            yield f"container {name} has no seccomp profile"


def _volumes(spec: Spec) -> Iterator[str]:
    for volume in spec.get("volumes") or []:
        kinds = volume.keys() - {"name"} - _PLAIN_VOLUMES
        yield from (f"volume {volume['name']} is a {kind}" for kind in sorted(kinds))


# From the loosest level down: the first with a reason is needed.
_RULES: Mapping[str, tuple[Callable[[Spec], Iterator[str]], ...]] = {
    PRIVILEGED: (_host_namespaces, _host_paths, _host_ports, _privileged, _selinux),
    BASELINE: (_root, _escalation, _volumes),
}
