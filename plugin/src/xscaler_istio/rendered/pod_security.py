"""The pod-security level that a rendered workload needs in its namespace, by Kubernetes' Pod Security Standards.

The standards: https://kubernetes.io/docs/concepts/security/pod-security-standards/. This checks the controls
that the chart's values can change; the cluster decides in the end.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from xscaler_istio.rendered.documents import mapping, mappings, texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from xscaler_istio.rendered.manifests import Manifest

    # A part of an object: arbitrary YAML by nature.
    Spec = Mapping[str, Any]

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


@dataclasses.dataclass(frozen=True)
class Need:
    """The level that a workload needs, and why no stricter one admits it."""

    workload: str
    namespace: str
    level: str
    reasons: tuple[str, ...]


def needs(rendered: tuple[Manifest, ...]) -> tuple[Need, ...]:
    """Return the needs of each workload that the level `restricted` would refuse."""
    found = []
    for item in rendered:
        spec = pod_spec(item.document)
        if not spec:
            continue
        name = f"{item.kind} {item.name}"
        reasons = {level: tuple(text for rule in rules for text in rule(spec)) for level, rules in _RULES.items()}
        level = next((level for level, texts in reasons.items() if texts), RESTRICTED)
        if level != RESTRICTED:
            found.append(Need(name, item.namespace or "NAMESPACE", level, reasons[level]))
    return tuple(found)


def pod_spec(document: Mapping[str, Any]) -> Spec | None:
    """Return the pod's specification in an object, or None where it has none."""
    if document["kind"] == "Pod":
        return mapping(document, "spec") or None
    return mapping(document, "spec", "template", "spec") or None


def _containers(spec: Spec) -> Iterator[Spec]:
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        yield from mappings(spec, kind)


def _contexts(spec: Spec) -> Iterator[tuple[str, Spec]]:
    """Yield the name and the security context of each container, the pod's own filled in."""
    common = mapping(spec, "securityContext")
    for container in _containers(spec):
        yield str(container.get("name", "without a name")), {**common, **mapping(container, "securityContext")}


# -- what `baseline` refuses --------------------------------------------------------------------------------------


def _host_namespaces(spec: Spec) -> Iterator[str]:
    yield from (f"{name} is on" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name))


def _host_paths(spec: Spec) -> Iterator[str]:
    paths = [
        str(volume["hostPath"].get("path", "without a path"))
        for volume in mappings(spec, "volumes")
        if mapping(volume, "hostPath")
    ]
    if paths:
        yield f"hostPath {', '.join(paths)}"


def _host_ports(spec: Spec) -> Iterator[str]:
    ports = [port for container in _containers(spec) for port in mappings(container, "ports")]
    yield from (f"hostPort {port['hostPort']}" for port in ports if port.get("hostPort"))


def _privileged(spec: Spec) -> Iterator[str]:
    for name, context in _contexts(spec):
        if context.get("privileged"):
            yield f"container {name} is privileged"
        added = texts(mapping(context, "capabilities"), "add")
        if added:
            yield f"container {name} adds capabilities {', '.join(added)}"


def _selinux(spec: Spec) -> Iterator[str]:
    types = dict.fromkeys(mapping(context, "seLinuxOptions").get("type", "") for _, context in _contexts(spec))
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
        if "ALL" not in texts(mapping(context, "capabilities"), "drop"):
            yield f"container {name} keeps capabilities"
        if mapping(context, "seccompProfile").get("type") not in ("RuntimeDefault", "Localhost"):
            yield f"container {name} has no seccomp profile"


def _volumes(spec: Spec) -> Iterator[str]:
    for volume in mappings(spec, "volumes"):
        kinds = volume.keys() - {"name"} - _PLAIN_VOLUMES
        yield from (f"volume {volume.get('name', 'without a name')} is a {kind}" for kind in sorted(kinds))


# From the loosest level down: the first with a reason is needed.
_RULES: Mapping[str, tuple[Callable[[Spec], Iterator[str]], ...]] = {
    PRIVILEGED: (_host_namespaces, _host_paths, _host_ports, _privileged, _selinux),
    BASELINE: (_root, _escalation, _volumes),
}
