"""The targets that the rendered jobs would find in a cluster, and the rule that drops each other pod."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from xscaler_istio.cluster.kinds import CNI, ISTIOD, PROXY
from xscaler_istio.rendered.relabeling import relabel
from xscaler_istio.rendered.words import condition

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from xscaler_istio.cluster.objects import Container, Pod, Port
    from xscaler_istio.rendered.relabeling import Labels
    from xscaler_istio.rendered.scraping import Job

# The jobs that scrape a kind of pod; of other kinds the proxy, and its agent if the values ask for it.
_JOBS = {"ztunnel": ("ztunnel",), "istiod": ("istiod",), "istio-cni": ("cni",), "agentgateway": ("agentgateway",)}
ENVOY_PORT = "15090"
_PROXY_JOBS = ("proxies", "agents")
_CONTAINERS = {"istiod": ISTIOD, "istio-cni": CNI, "agentgateway": "agentgateway"}


@dataclasses.dataclass(frozen=True)
class MeshPod:
    """A pod of the mesh, and the addresses (host:port) at which it would be scraped, or the `reason` for none.

    `kind` is one of kinds.KINDS.
    """

    pod: Pod
    kind: str
    addresses: tuple[str, ...]
    reason: str = ""

    @property
    def ports(self) -> frozenset[str]:
        """The ports at which it would be scraped."""
        return frozenset(address.rpartition(":")[2] for address in self.addresses)

    @property
    def merged(self) -> bool:
        """Whether Envoy's metrics would be scraped, but only at other ports than Envoy's own."""
        return bool(self.ports) and ENVOY_PORT not in self.ports


def kind_of(pod: Pod) -> str:
    """Return a pod's kind, one of KINDS, by its containers as the chart does, or nothing outside the mesh."""
    if pod.container(ISTIOD) and pod.labels.get("app") == "istiod":
        return "istiod"
    if pod.container(CNI):
        return "istio-cni"
    if pod.container("agentgateway"):
        return "agentgateway"
    proxy = pod.container(PROXY)
    return _kind_of_proxy(pod, proxy) if proxy else ""


def _kind_of_proxy(pod: Pod, proxy: Container) -> str:
    if pod.labels.get("app") == "ztunnel":
        return "ztunnel"
    role = "".join(proxy.arguments[1:2]) if proxy.arguments[:1] == ("proxy",) else ""
    managed = pod.labels.get("gateway.istio.io/managed", "")
    if role == "waypoint" or managed.endswith("mesh-controller"):
        return "waypoint"
    if role == "router" or managed or "gateway.networking.k8s.io/gateway-name" in pod.labels:
        return "gateway"
    if "grpc-agent" in pod.annotations.get("inject.istio.io/templates", ""):
        return "proxyless gRPC pod"
    return "native sidecar" if proxy.init else "sidecar"


def outcomes(pods: Sequence[Pod], jobs: Sequence[Job]) -> tuple[MeshPod, ...]:
    """Return the outcome of discovery for each pod of the mesh. `jobs` are those of all shards.

    Raises re.error for an expression that only RE2 understands.
    """
    kinds = ((pod, kind_of(pod)) for pod in pods)
    return tuple(_outcome(pod, kind, jobs) for pod, kind in kinds if kind)


def _outcome(pod: Pod, kind: str, jobs: Sequence[Job]) -> MeshPod:
    names = _JOBS.get(kind, _PROXY_JOBS)
    wanted = sorted((job for job in jobs if job.name in names), key=lambda job: names.index(job.name))
    within = [job for job in wanted if not job.namespaces or pod.namespace in job.namespaces]
    addresses = tuple(dict.fromkeys(target.labels["instance"] for target in targets(pod, within)))
    if addresses:
        return MeshPod(pod, kind, addresses)
    if not wanted:
        return MeshPod(pod, kind, (), f"metrics.targets.{names[0]}.enabled is false")
    if not within:
        return MeshPod(pod, kind, (), "rbac.namespaces does not include its namespace")
    return MeshPod(pod, kind, (), _reason(pod, _CONTAINERS.get(kind, PROXY), within[0]))


def _reason(pod: Pod, container: str, job: Job) -> str:
    """Return the rule that drops the pod's decisive container, in words."""
    (first, *_) = (item for item in discovered(pod) if item["__meta_kubernetes_pod_container_name"] == container)
    labels: Labels | None = first
    for rule in job.target_rules:
        labels = relabel(labels or {}, (rule,))
        if labels is None:
            chosen_by_namespace = rule.source_labels == ("__meta_kubernetes_namespace",)
            if chosen_by_namespace:
                return "namespaces or metrics.namespaces excludes its namespace"
            return condition(rule, holds=rule.action == "drop")
    return "of an unknown rule"


@dataclasses.dataclass(frozen=True)
class ScrapeTarget:
    """One target of a pod: its job, its URL's port and path, and the labels that are sent."""

    job: Job
    port: str
    path: str
    labels: Labels


def targets(pod: Pod, jobs: Sequence[Job]) -> tuple[ScrapeTarget, ...]:
    """Return what the jobs of all shards scrape of a pod; raises as `outcomes` does."""
    found: dict[tuple[str, str], ScrapeTarget] = {}
    for job in jobs:
        if job.namespaces and pod.namespace not in job.namespaces:
            continue
        for labels in filter(None, (relabel(one, job.target_rules) for one in discovered(pod))):
            address = labels["__address__"]
            sent = {name: value for name, value in labels.items() if not name.startswith("__")}
            path = labels.get("__metrics_path__", job.path)
            found[job.name, address] = ScrapeTarget(
                job, address.rpartition(":")[2], path, {**sent, "instance": address}
            )
    return tuple(found.values())


def discovered(pod: Pod) -> Iterator[Labels]:
    """Yield the labels of a pod in Prometheus' service discovery: one set for each port of each container.

    See https://prometheus.io/docs/prometheus/latest/configuration/configuration/#pod. Labels that no job uses (image,
    ready, port names) are left out.
    """
    common = {
        "__meta_kubernetes_namespace": pod.namespace,
        "__meta_kubernetes_pod_name": pod.name,
        "__meta_kubernetes_pod_uid": pod.uid,
        "__meta_kubernetes_pod_ip": pod.ip,
        "__meta_kubernetes_pod_host_ip": pod.host_ip,
        "__meta_kubernetes_pod_node_name": pod.node,
        "__meta_kubernetes_pod_phase": pod.phase,
        "__meta_kubernetes_pod_controller_kind": pod.owner_kind,
        "__meta_kubernetes_pod_controller_name": pod.owner,
        **_named("label", pod.labels),
        **_named("annotation", pod.annotations),
    }
    for container in pod.containers:
        of_container = {
            **common,
            "__meta_kubernetes_pod_container_name": container.name,
            "__meta_kubernetes_pod_container_image": container.image,
            "__meta_kubernetes_pod_container_init": "true" if container.init else "false",
        }
        yield from ({**of_container, **_address(pod, port)} for port in container.ports or (None,))


def _named(kind: str, pairs: dict[str, str] | Labels) -> dict[str, str]:
    names = {name: re.sub(r"[^a-zA-Z0-9_]", "_", name) for name in pairs}
    values = {f"__meta_kubernetes_pod_{kind}_{names[name]}": value for name, value in pairs.items()}
    present = {f"__meta_kubernetes_pod_{kind}present_{name}": "true" for name in names.values()}
    return {**values, **present}


def _address(pod: Pod, port: Port | None) -> dict[str, str]:
    host = f"[{pod.ip}]" if ":" in pod.ip else pod.ip
    if port is None:
        return {"__address__": host}
    return {
        "__address__": f"{host}:{port.number}",
        "__meta_kubernetes_pod_container_port_name": port.name,
        "__meta_kubernetes_pod_container_port_number": str(port.number),
        "__meta_kubernetes_pod_container_port_protocol": port.protocol,
    }
