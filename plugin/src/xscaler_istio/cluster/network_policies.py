"""Whether NetworkPolicies allow a connection: a selected pod allows what any of its policies allows.

https://kubernetes.io/docs/concepts/services-networking/network-policies/. Other kinds of
policies (Cilium's, Calico's) are not evaluated.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from typing import TYPE_CHECKING

from xscaler_istio.rendered.selectors import admits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from xscaler_istio.rendered.network_policy import Peer, Policy, PolicyPort, PolicyRule

INGRESS, EGRESS = "Ingress", "Egress"


@dataclasses.dataclass(frozen=True, kw_only=True)
class End:
    """One end of a connection: a pod by its labels and those of its namespace, or an address outside.

    `address` may be that of another pod on the same network: policies name networks, not single pods. `ports` are the
    numbers of a pod's named ports.
    """

    namespace: str
    namespace_labels: Mapping[str, str]
    labels: Mapping[str, str]
    address: str
    ports: Mapping[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Connection:
    """A connection between two ends to a port; `protocol` is TCP or UDP."""

    source: End
    target: End
    port: int
    protocol: str = "TCP"


def in_the_way(policies: Iterable[Policy], direction: str, wanted: Connection) -> tuple[Policy, ...]:
    """Return the policies that block a connection in one direction; none if it is allowed."""
    subject = wanted.target if direction == INGRESS else wanted.source
    selecting = tuple(
        policy
        for policy in policies
        if policy.namespace == subject.namespace
        and direction in policy.directions
        and admits(policy.selector, subject.labels)
    )
    other = wanted.source if direction == INGRESS else wanted.target
    rules = (rule for policy in selecting for rule in (policy.ingress if direction == INGRESS else policy.egress))
    return () if any(_rule(rule, subject, other, wanted) for rule in rules) else selecting


def _rule(rule: PolicyRule, subject: End, other: End, wanted: Connection) -> bool:
    peers = not rule.peers or any(_peer(peer, other, subject.namespace) for peer in rule.peers)
    return peers and (not rule.ports or any(_port(port, wanted) for port in rule.ports))


def _peer(peer: Peer, end: End, namespace: str) -> bool:
    if peer.cidr:
        return _within(end.address, peer.cidr) and not any(_within(end.address, part) for part in peer.excepted)
    if not end.namespace:
        return False
    if peer.namespaces is None:
        return end.namespace == namespace and admits(peer.pods or (), end.labels)
    return admits(peer.namespaces, end.namespace_labels) and admits(peer.pods or (), end.labels)


def _within(address: str, network: str) -> bool:
    return bool(address) and ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)


def _port(port: PolicyPort, wanted: Connection) -> bool:
    if port.protocol != wanted.protocol:
        return False
    if isinstance(port.first, str):
        return wanted.target.ports.get(port.first) == wanted.port
    return port.first == 0 or port.first <= wanted.port <= port.last
