"""What else is in the cluster: collectors that scrape the same proxies, NetworkPolicies, machines outside."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from xscaler_istio.checks.mesh import counted, some
from xscaler_istio.checks.registry import Issue, check_cluster
from xscaler_istio.cluster.network_policies import EGRESS, INGRESS, Connection, End, in_the_way
from xscaler_istio.findings.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xscaler_istio.checks.examination import Examination
    from xscaler_istio.cluster.discovery import MeshPod
    from xscaler_istio.rendered.network_policy import Policy

# By what a configuration can be known to scrape Istio, or every pod that is annotated as Istio annotates its own.
_SCRAPES_ISTIO = re.compile(
    r"/stats/prometheus|envoy-prom|istio-proxy|ztunnel-stats|\b15020\b|\b15090\b|\b15014\b|istiod|http-monitoring"
    r"|annotation_prometheus_io_scrape"
)
_XSCALER = re.compile(r"\.xscalerlabs\.com\b")
_HTTPS, _DNS = 443, 53
# An address that is nobody's (RFC 5737), for what lies outside of the cluster.
_OUTSIDE = End(namespace="", namespace_labels={}, labels={}, address="192.0.2.1")


@check_cluster("XS430", Severity.WARNING, "pods", "configurations")
def sends_to_xscaler_already(examined: Examination) -> Iterator[Issue]:
    """Another collector scrapes Istio and sends to xScaler.

    Why: each series would arrive twice, under two sets of labels, and count twice in queries and on the bill. With
    the same labels xScaler keeps one of two values.

    Fix: take Istio out of the other collector's configuration once the release works.

    Example:
        helm xscaler test xscaler-istio -n telemetry   # then remove the other job
    """
    for item in examined.inventory.configurations.items:
        if _SCRAPES_ISTIO.search(item.text) and _XSCALER.search(item.text):
            yield Issue(
                "",
                "a collector with this configuration scrapes Istio and sends to xScaler already",
                "remove Istio's jobs from it once the release works",
                item.name,
            )


@check_cluster("XS431", Severity.INFO, "pods", "monitors", "configurations")
def scraped_by_others(examined: Examination) -> Iterator[Issue]:
    """Another collector scrapes the same proxies.

    Why: each scrape costs every proxy memory and time for its whole page, a megabyte and more on busy gateways.
    Where it sends is not known: if it is xScaler, series arrive twice.

    Fix: nothing if its series are needed elsewhere; otherwise remove it once the release works.

    Example:
        kubectl get podmonitors,servicemonitors -A
    """
    for item in (*examined.inventory.monitors.items, *examined.inventory.configurations.items):
        if _SCRAPES_ISTIO.search(item.text) and not _XSCALER.search(item.text):
            yield Issue("", "it has Istio scraped as well", "remove it if nothing needs its series", item.name)


@check_cluster("XS432", Severity.ERROR, "pods", "namespaces", "policies")
def policies_in_the_way(examined: Examination) -> Iterator[Issue]:
    """A NetworkPolicy keeps the collector from pods of the mesh.

    Why: every scrape of them times out. Looked at are NetworkPolicies of Kubernetes, as if the release ran already;
    whether the network heeds them, and what it has of its own (CiliumNetworkPolicy, Calico's), is not known.

    Fix: a policy that lets the namespace of the release in.

    Example:
        spec:
          podSelector: {}
          ingress:
            - from:
                - namespaceSelector:
                    matchLabels: {kubernetes.io/metadata.name: telemetry}
              ports: [{port: 15020}]
    """
    found: dict[tuple[str, str, int], set[str]] = {}
    policies = (*examined.inventory.policies.items, *examined.release.policies)
    for outcome, wanted in _scrapes(examined):
        blocking = () if outcome.pod.host_network else in_the_way(policies, INGRESS, wanted)
        if blocking:
            key = (_named(blocking), outcome.pod.namespace, wanted.port)
            found.setdefault(key, set()).add(outcome.pod.workload)
    for (names, namespace, port), workloads in sorted(found.items()):
        yield Issue(
            "",
            f"{names} keeps the collector from port {port} of {some(workloads)}",
            f"let the namespace {examined.namespace} in, to port {port}",
            f"Namespace {namespace}",
        )


@check_cluster("XS433", Severity.ERROR, "pods", "namespaces", "policies")
def collectors_shut_in(examined: Examination) -> Iterator[Issue]:
    """A NetworkPolicy keeps the collector from what it needs to reach.

    Why: it asks the cluster's DNS, the proxies, and xScaler over HTTPS. One that it cannot reach is enough that
    nothing arrives.

    Fix: a policy in the namespace of the release that admits these; networkPolicy.enabled makes one.

    Example:
        networkPolicy:
          enabled: true
    """
    policies = (*examined.inventory.policies.items, *examined.release.policies)
    found: dict[tuple[str, str], set[str]] = {}
    for source in _collectors(examined):
        outside = {
            "xScaler (port 443)": Connection(source, _OUTSIDE, _HTTPS),
            "the cluster's DNS": Connection(source, _dns(examined), _DNS, "UDP"),
        }
        for what, wanted in outside.items():
            # A proxy inside the cluster is another way out.
            if blocking := in_the_way(policies, EGRESS, wanted):
                found.setdefault((_named(blocking), what), set())
    for outcome, wanted in _scrapes(examined):
        if blocking := in_the_way(policies, EGRESS, wanted):
            found.setdefault((_named(blocking), f"port {wanted.port} of"), set()).add(outcome.pod.workload)
    for (names, what), workloads in sorted(found.items()):
        whom = f"{what} {some(workloads)}" if workloads else what
        yield Issue(
            "networkPolicy.enabled" if examined.release.policies else "",
            f"{names} keeps the collector from {whom}",
            "admit it, or set networkPolicy.enabled: true",
            f"Namespace {examined.namespace}",
        )


def _named(policies: tuple[Policy, ...]) -> str:
    kind = "NetworkPolicy" if len(policies) == 1 else "NetworkPolicies"
    return f"{kind} {some(policy.name for policy in policies)}"


def _labels(examined: Examination, namespace: str) -> dict[str, str]:
    """Return the labels of a namespace, of one that is still to be made those that it will have."""
    listed = {item.name: item.labels for item in examined.inventory.namespaces.items}
    return {**listed.get(namespace, {}), "kubernetes.io/metadata.name": namespace}


def _collectors(examined: Examination) -> Iterator[End]:
    """Yield the pods that will scrape. Their addresses will be of the network of the pods that are there."""
    address = next((item.pod.ip for item in examined.outcomes if item.pod.ip and not item.pod.host_network), "")
    for collector in examined.release.collectors[:1]:
        yield End(
            namespace=examined.namespace,
            namespace_labels=_labels(examined, examined.namespace),
            labels=collector.pod_labels,
            address=address,
        )


def _scrapes(examined: Examination) -> Iterator[tuple[MeshPod, Connection]]:
    for outcome in examined.outcomes:
        pod = outcome.pod
        named = {port.name: port.number for container in pod.containers for port in container.ports if port.name}
        target = End(
            namespace=pod.namespace,
            namespace_labels=_labels(examined, pod.namespace),
            labels=pod.labels,
            address=pod.ip,
            ports=named,
        )
        for source in _collectors(examined):
            for address in outcome.addresses:
                yield outcome, Connection(source, target, int(address.rpartition(":")[2]))


def _dns(examined: Examination) -> End:
    labels = {"k8s-app": "kube-dns"}
    pods = (pod for pod in examined.inventory.pods.items if pod.labels.get("k8s-app") == "kube-dns")
    found = next(pods, None)
    return End(
        namespace="kube-system",
        namespace_labels=_labels(examined, "kube-system"),
        labels=labels,
        address=found.ip if found else "",
    )


@check_cluster("XS434", Severity.INFO, "machines")
def machines_out_of_reach(examined: Examination) -> Iterator[Issue]:
    """Machines outside of the cluster are in the mesh.

    Why: WorkloadEntry objects speak of virtual machines. Their proxies serve the same page on port 15020, and no
    discovery of pods finds them.

    Fix: run a collector on them; docs/options.md has the settings to send to xScaler.

    Example:
        kubectl get workloadentries.networking.istio.io -A
    """
    names = examined.inventory.machines.items
    if names:
        yield Issue("", f"{counted(len(names), 'machine')} of the mesh would not be scraped: {some(names)}", "")
