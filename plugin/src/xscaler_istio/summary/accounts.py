"""Accounts and what they may do, and objects, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xscaler_istio.summary.model import Fact, Section, Subject, facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xscaler_istio.rendered.manifests import Manifest

    # The content of an object: arbitrary YAML by nature, and read in this module alone.
    Document = Mapping[str, Any]

_BINDINGS = ("ClusterRoleBinding", "RoleBinding")
_ROLES = ("ClusterRole", "Role")


def permissions_section(rendered: tuple[Manifest, ...]) -> Section:
    """Say for each account what it may do and where."""
    roles = {(item.kind, item.namespace, item.name): item.document for item in rendered if item.kind in _ROLES}
    bindings = [item for item in rendered if item.kind in _BINDINGS]
    allowed: dict[str, list[str]] = {}
    for binding in bindings:
        reference = binding.document["roleRef"]
        own = binding.namespace if reference["kind"] == "Role" else ""
        role = roles.get((reference["kind"], own, reference["name"]), {"rules": []})
        where = f"in {binding.namespace}" if binding.kind == "RoleBinding" else "in all namespaces"
        for account in binding.document["subjects"]:
            name = f"{account['kind']} {account.get('namespace', '')}/{account['name']}"
            allowed.setdefault(name, []).extend(f"{rule} {where}" for rule in _rules(role))
    return Section("permissions", tuple(Subject(name, facts(may=tuple(rules))) for name, rules in allowed.items()))


def _rules(role: Document) -> Iterator[str]:
    for rule in role["rules"]:
        groups = [group for group in rule.get("apiGroups", []) if group]
        things = [*rule.get("resources", []), *rule.get("nonResourceURLs", [])]
        names = f" named {', '.join(rule['resourceNames'])}" if rule.get("resourceNames") else ""
        of = f" of {', '.join(groups)}" if groups else ""
        yield f"{', '.join(rule['verbs'])} {', '.join(things)}{of}{names}"


def objects_section(rendered: tuple[Manifest, ...]) -> Section:
    """List all objects; of workloads say what runs and what it asks of the cluster."""
    return Section("objects", tuple(Subject(title(item), tuple(_workload(item.document))) for item in rendered))


def title(item: Manifest) -> str:
    """Name an object: kind, namespace if any, name."""
    return f"{item.kind} {item.namespace}/{item.name}" if item.namespace else f"{item.kind} {item.name}"


def _workload(document: Document) -> Iterator[Fact]:
    spec = document.get("spec", {})
    pod = spec.get("template", {}).get("spec") or (spec if "containers" in spec else {})
    replicas = spec.get("replicas")
    yield from facts(replicas="" if replicas is None else str(replicas))
    for container in pod.get("containers", ()):
        resources = container.get("resources", {})
        yield from facts(
            image=container["image"],
            requests=_quantities(resources.get("requests", {})),
            limits=_quantities(resources.get("limits", {})),
        )
    paths = tuple(volume["hostPath"]["path"] for volume in pod.get("volumes", ()) if "hostPath" in volume)
    yield from facts(folders_of_the_node=paths)


def _quantities(resources: Document) -> str:
    return ", ".join(f"{name} {quantity}" for name, quantity in resources.items())
