"""Accounts and what they may do, and objects, in words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from xscaler_istio.rendered.documents import mapping, mappings, texts
from xscaler_istio.summary.model import Fact, Section, Subject, facts
from xscaler_istio.summary.short import few

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xscaler_istio.rendered.manifests import Manifest

    # The content of an object: arbitrary YAML by nature, and read only in this module.
    Document = Mapping[str, Any]

_BINDINGS = ("ClusterRoleBinding", "RoleBinding")
_ROLES = ("ClusterRole", "Role")


def permissions_section(rendered: tuple[Manifest, ...]) -> Section:
    """Say for each account what it may do and where."""
    allowed = _allowed(rendered)
    return Section(
        "permissions",
        tuple(
            Subject(name, facts(may=tuple(f"{rule} {where}" for rule, where in rules)))
            for name, rules in allowed.items()
        ),
    )


def overview_section(rendered: tuple[Manifest, ...]) -> Section:
    """Say in a line for each account what it may do, and in one how many objects of each kind there are."""
    kinds = Counter(item.kind for item in rendered)
    objects = (kind if count == 1 else f"{kind} ({count})" for kind, count in kinds.items())
    accounts = [f"{name} may {_in_a_line(rules)}" for name, rules in _allowed(rendered).items()]
    return Section("cluster", (Subject("", facts(permissions=tuple(accounts), objects=", ".join(objects))),))


def _in_a_line(rules: list[tuple[str, str]]) -> str:
    places: dict[str, list[str]] = {}
    for rule, where in rules:
        places.setdefault(rule, []).append(where)
    return "; ".join(f"{rule} {few(where)}" for rule, where in places.items())


def _allowed(rendered: tuple[Manifest, ...]) -> Mapping[str, list[tuple[str, str]]]:
    """Return for each account what it may do, and where."""
    roles = {(item.kind, item.namespace, item.name): item.document for item in rendered if item.kind in _ROLES}
    bindings = [item for item in rendered if item.kind in _BINDINGS]
    allowed: dict[str, list[tuple[str, str]]] = {}
    for binding in bindings:
        reference = mapping(binding.document, "roleRef")
        own = binding.namespace if reference.get("kind") == "Role" else ""
        role = roles.get((reference.get("kind", ""), own, reference.get("name", "")), {})
        where = f"in {binding.namespace}" if binding.kind == "RoleBinding" else "in all namespaces"
        for account in mappings(binding.document, "subjects"):
            name = f"{account.get('kind', '')} {account.get('namespace', '')}/{account.get('name', '')}"
            allowed.setdefault(name, []).extend((rule, where) for rule in _rules(role))
    return allowed


def _rules(role: Document) -> Iterator[str]:
    for rule in mappings(role, "rules"):
        groups = [group for group in texts(rule, "apiGroups") if group]
        things = [*texts(rule, "resources"), *texts(rule, "nonResourceURLs")]
        names = f" named {', '.join(texts(rule, 'resourceNames'))}" if texts(rule, "resourceNames") else ""
        of = f" of {', '.join(groups)}" if groups else ""
        yield f"{', '.join(texts(rule, 'verbs'))} {', '.join(things)}{of}{names}"


def objects_section(rendered: tuple[Manifest, ...]) -> Section:
    """List all objects; of workloads say what runs and what it asks of the cluster."""
    return Section("objects", tuple(Subject(title(item), tuple(_workload(item.document))) for item in rendered))


def title(item: Manifest) -> str:
    """Name an object: kind, namespace if any, name."""
    return f"{item.kind} {item.namespace}/{item.name}" if item.namespace else f"{item.kind} {item.name}"


def _workload(document: Document) -> Iterator[Fact]:
    spec = mapping(document, "spec")
    pod = mapping(spec, "template", "spec") or (spec if "containers" in spec else {})
    replicas = spec.get("replicas")
    yield from facts(replicas="" if replicas is None else str(replicas))
    for container in mappings(pod, "containers"):
        yield from facts(
            image=str(container.get("image", "")),
            requests=_quantities(mapping(container, "resources", "requests")),
            limits=_quantities(mapping(container, "resources", "limits")),
        )
    paths = tuple(str(mapping(volume, "hostPath").get("path", "")) for volume in mappings(pod, "volumes"))
    yield from facts(folders_of_the_node=paths)


def _quantities(resources: Document) -> str:
    return ", ".join(f"{name} {quantity}" for name, quantity in resources.items())
