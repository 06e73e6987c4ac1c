"""Other objects in the cluster: collectors that scrape the same proxies, NetworkPolicies, virtual machines."""

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

# A configuration with one of these scrapes Istio, or every pod with the annotations that Istio sets.
_SCRAPES_ISTIO = re.compile(
    r"/stats/prometheus|envoy-prom|istio-proxy|ztunnel-stats|\b15020\b|\b15090\b|\b15014\b|istiod|http-monitoring"
    r"|annotation_prometheus_io_scrape"
)
_XSCALER = re.compile(r"\.xscalerlabs\.com\b")
# Its chart takes this image, with or without eBPF, also through a mirror.
_AGENT_OF_XSCALER = re.compile(r"(^|/)xscaler-agent[:@]")
_HTTPS, _DNS = 443, 53
# An unassigned address (RFC 5737) for hosts outside the cluster.
_OUTSIDE = End(namespace="", namespace_labels={}, labels={}, address="192.0.2.1")


@check_cluster("XS430", Severity.WARNING, "pods", "configurations")
def sends_to_xscaler_already(examined: Examination) -> Iterator[Issue]:
    """Another collector scrapes Istio and sends to xScaler.

    Why: each series would arrive twice with different labels, and count twice in queries and on the bill. With the same
    labels xScaler keeps one of two values.

    Fix: remove Istio from the other collector's configuration once the release works.

    Example:
        helm xscaler test xscaler-istio -n telemetry   # then remove the other job
    """
    for item in examined.inventory.configurations.items:
        if _SCRAPES_ISTIO.search(item.text) and _XSCALER.search(item.text):
            yield Issue(
                "",
                "a collector with this configuration already scrapes Istio and sends to xScaler",
                "remove Istio's jobs from it once this release works",
                item.name,
            )


@check_cluster("XS431", Severity.INFO, "pods", "monitors", "configurations")
def scraped_by_others(examined: Examination) -> Iterator[Issue]:
    """Another collector scrapes the same proxies.

    Why: each scrape costs every proxy memory and time for the whole response, a megabyte and more on busy gateways.
    Where it sends is unknown: if it is xScaler, series arrive twice. The monitors are those of the Prometheus Operator
    and of OpenShift's Cluster Observability Operator; the Sail Operator creates some for each IstioRevision.

    Fix: no action if its series are needed elsewhere; otherwise remove it once the release works. The Sail Operator
    recreates its monitors while the Istio object has the annotation sailoperator.io/monitoring.

    Example:
        kubectl get podmonitors,servicemonitors -A
    """
    for item in (*examined.inventory.monitors.items, *examined.inventory.configurations.items):
        if _SCRAPES_ISTIO.search(item.text) and not _XSCALER.search(item.text):
            fix = "remove it if its series are not needed"
            if item.owner_kind == "IstioRevision":
                fix = (
                    "if its series are not needed, remove the annotation sailoperator.io/monitoring from the Istio"
                    " object, or the Sail Operator recreates it"
                )
            yield Issue("", "it makes another collector scrape Istio", fix, item.name)


@check_cluster("XS435", Severity.WARNING, "pods")
def own_agent_of_xscaler(examined: Examination) -> Iterator[Issue]:
    """xScaler's own agent runs in the cluster.

    Why: the chart xscaler-agent runs an OpenTelemetry Collector on every node, which reads the logs below /var/log. Its
    configuration comes from xScaler and is not in the cluster, so it is unknown here what it collects. If it reads the
    container istio-proxy, access logs arrive twice; if it scrapes Istio, so do series.

    Fix: exclude istio-proxy from the agent's log receiver, or leave logs.enabled at false; give it no job for Istio.

    Example:
        receivers:
          filelog:
            include: [/var/log/pods/*/*/*.log]
            exclude: [/var/log/pods/*/istio-proxy/*.log]
    """
    found: dict[str, list[str]] = {}
    for pod in examined.inventory.pods.items:
        if any(_AGENT_OF_XSCALER.search(container.image) for container in pod.containers):
            found.setdefault(pod.namespace, []).append(pod.workload)
    for namespace, workloads in sorted(found.items()):
        yield Issue(
            "",
            "xScaler's own agent may collect the same logs and metrics; that depends on its configuration at xScaler,"
            f" which cannot be read here: {some(workloads)}",
            "exclude istio-proxy from its log receiver or leave logs.enabled: false, and give it no job for Istio",
            f"Namespace {namespace}",
        )


@check_cluster("XS432", Severity.ERROR, "pods", "namespaces", "policies")
def policies_in_the_way(examined: Examination) -> Iterator[Issue]:
    """A NetworkPolicy keeps the collector from pods of the mesh.

    Why: every scrape of them times out. This evaluates Kubernetes NetworkPolicies as if the release were running. It
    does not know whether the network enforces them, and does not read other kinds (CiliumNetworkPolicy, Calico's).

    Fix: add a policy that admits the namespace of the release.

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
            f"allow ingress from the namespace {examined.namespace} to port {port}",
            f"Namespace {namespace}",
        )


@check_cluster("XS433", Severity.ERROR, "pods", "namespaces", "policies")
def collectors_shut_in(examined: Examination) -> Iterator[Issue]:
    """A NetworkPolicy keeps the collector from what it needs to reach.

    Why: the collector needs the cluster's DNS, the proxies, and xScaler over HTTPS. Without one of them nothing
    arrives.

    Fix: add a policy to the namespace of the release that allows these; networkPolicy.enabled creates one.

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
            # A proxy inside the cluster may be another way out.
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
            "allow this egress, or set networkPolicy.enabled: true",
            f"Namespace {examined.namespace}",
        )


def _named(policies: tuple[Policy, ...]) -> str:
    kind = "NetworkPolicy" if len(policies) == 1 else "NetworkPolicies"
    return f"{kind} {some(policy.name for policy in policies)}"


def _labels(examined: Examination, namespace: str) -> dict[str, str]:
    """Return the labels of a namespace; of one that does not exist yet, those that it will have."""
    listed = {item.name: item.labels for item in examined.inventory.namespaces.items}
    return {**listed.get(namespace, {}), "kubernetes.io/metadata.name": namespace}


def _collectors(examined: Examination) -> Iterator[End]:
    """Yield the pods that will scrape. Their addresses will be in the network of the existing pods."""
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
    """The mesh has machines outside the cluster.

    Why: WorkloadEntry objects describe virtual machines. Their proxies serve the same metrics on port 15020, but the
    collector discovers only pods.

    Fix: run a collector on these machines; docs/from-xscalers-page.md has the settings to send to xScaler.

    Example:
        kubectl get workloadentries.networking.istio.io -A
    """
    names = examined.inventory.machines.items
    if names:
        message = f"{counted(len(names), 'machine')} of the mesh would not be scraped: {some(names)}"
        where = "there" if len(names) == 1 else "on each"
        yield Issue("", message, f"run a collector {where} (docs/from-xscalers-page.md has the settings)")
