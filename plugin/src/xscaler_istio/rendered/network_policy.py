"""NetworkPolicies, rendered or of a cluster, by Kubernetes' API reference."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from xscaler_istio.rendered import selectors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xscaler_istio.rendered.selectors import Selector

    # An object: arbitrary by nature, and read only in this module.
    Document = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Peer:
    """One of a rule's peers: a network without some others, or pods of namespaces (None: of the policy's own)."""

    cidr: str
    excepted: tuple[str, ...]
    namespaces: Selector | None
    pods: Selector | None


@dataclasses.dataclass(frozen=True)
class PolicyPort:
    """Ports from `first` to `last`, or a named one; 0 for all."""

    protocol: str
    first: int | str
    last: int


@dataclasses.dataclass(frozen=True)
class PolicyRule:
    """One rule; no peers are all, no ports are all."""

    peers: tuple[Peer, ...]
    ports: tuple[PolicyPort, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Policy:
    """A NetworkPolicy. `directions` are Ingress, Egress or both."""

    namespace: str
    name: str
    selector: Selector
    directions: tuple[str, ...]
    ingress: tuple[PolicyRule, ...]
    egress: tuple[PolicyRule, ...]


def parse(document: Document) -> Policy:
    """Parse a NetworkPolicy."""
    metadata, spec = document["metadata"], document.get("spec") or {}
    default = ("Ingress", "Egress") if "egress" in spec else ("Ingress",)
    return Policy(
        namespace=metadata.get("namespace", ""),
        name=metadata.get("name", ""),
        selector=selectors.of_object(spec.get("podSelector") or {}),
        directions=tuple(spec.get("policyTypes") or default),
        ingress=tuple(_rule(item, "from") for item in spec.get("ingress") or []),
        egress=tuple(_rule(item, "to") for item in spec.get("egress") or []),
    )


def _rule(document: Document, peers: str) -> PolicyRule:
    return PolicyRule(
        tuple(map(_peer, document.get(peers) or [])),
        tuple(_policy_port(item) for item in document.get("ports") or []),
    )


def _peer(document: Document) -> Peer:
    namespaces, pods = document.get("namespaceSelector"), document.get("podSelector")
    block = document.get("ipBlock") or {}
    return Peer(
        block.get("cidr", ""),
        tuple(block.get("except") or ()),
        None if namespaces is None else selectors.of_object(namespaces),
        None if pods is None else selectors.of_object(pods),
    )


def _policy_port(document: Document) -> PolicyPort:
    first = document.get("port", 0)
    last = document.get("endPort", first if isinstance(first, int) else 0)
    return PolicyPort(document.get("protocol", "TCP"), first, last)
