"""Pods as Istio injects or creates them, by kind and Istio version (`v1` Pod manifests, Running).

Everything that a scraper uses follows Istio's injection templates and charts: containers and init containers,
declared ports, labels, annotations.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from xscaler_istio.mesh.model import Kind, PlacedPod, Version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PodObject = dict[str, Any]
_NAMESPACE = uuid.UUID("5c0f1cbe-6d0a-4c1e-9a3e-1d0f9a1f0000")
_SCRAPED = {"prometheus.io/scrape": "true", "prometheus.io/port": "15020", "prometheus.io/path": "/stats/prometheus"}


def pod(
    kind: Kind,
    *,
    namespace: str,
    name: str,
    ip: str,
    workload: str,
    version: Version,
    node: str = "node-1",
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> PlacedPod:
    """Return a running pod; `labels` and `annotations` are laid over those that Istio sets."""
    shape = _SHAPES[kind](workload, version)
    spec = {"nodeName": node, "serviceAccountName": workload, **shape["spec"]}
    metadata = {
        "name": name,
        "namespace": namespace,
        "uid": str(uuid.uuid5(_NAMESPACE, f"{namespace}/{name}")),
        "labels": {**shape["labels"], **(labels or {})},
        "annotations": {**shape["annotations"], **(annotations or {})},
    }
    status = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "hostIP": "192.0.2.10"}
    manifest = {"metadata": metadata, "spec": spec, "status": status}
    return PlacedPod(
        kind=kind, namespace=namespace, name=name, ip=ip, workload=workload, istio=version, manifest=manifest
    )


def _container(name: str, image: str, **ports: int) -> PodObject:
    declared = [
        {"name": port.replace("_", "-"), "containerPort": number, "protocol": "TCP"} for port, number in ports.items()
    ]
    return {"name": name, "image": image, "ports": declared}


def _proxy(version: Version, **ports: int) -> PodObject:
    return _container("istio-proxy", f"docker.io/istio/proxyv2:{version}.0", **ports)


def _app(workload: str) -> PodObject:
    return _container("app", f"registry.example/{workload}:v1", http=8080)


def _identity(workload: str) -> dict[str, str]:
    return {
        "app": workload,
        "security.istio.io/tlsMode": "istio",
        "service.istio.io/canonical-name": workload,
        "service.istio.io/canonical-revision": "v1",
    }


def _sidecar(workload: str, version: Version) -> PodObject:
    init = _container("istio-init", f"docker.io/istio/proxyv2:{version}.0")
    containers = [_app(workload), _proxy(version, http_envoy_prom=15090)]
    annotations = {**_SCRAPED, "sidecar.istio.io/status": '{"containers":["istio-proxy"]}'}
    spec = {"initContainers": [init], "containers": containers}
    return {"spec": spec, "labels": _identity(workload), "annotations": annotations}


def _native_sidecar(workload: str, version: Version) -> PodObject:
    init = _container("istio-init", f"docker.io/istio/proxyv2:{version}.0")
    proxy = {**_proxy(version, http_envoy_prom=15090), "restartPolicy": "Always"}
    annotations = {**_SCRAPED, "sidecar.istio.io/status": '{"initContainers":["istio-init","istio-proxy"]}'}
    spec = {"initContainers": [init, proxy], "containers": [_app(workload)]}
    return {"spec": spec, "labels": _identity(workload), "annotations": annotations}


def _gateway(workload: str, version: Version) -> PodObject:
    # The Helm chart `gateway` since 1.12; before it, a chart that declared every port of the Service.
    many = {"status_port": 15021, "http2": 8080, "https": 8443, "tcp": 31400, "tls": 15443}
    ports = {**({} if version >= Version(1, 12) else many), "http_envoy_prom": 15090}
    labels = {**_identity(workload), "istio": workload.removeprefix("istio-")}
    return {"spec": {"containers": [_proxy(version, **ports)]}, "labels": labels, "annotations": dict(_SCRAPED)}


def _waypoint(workload: str, version: Version) -> PodObject:
    declared = {"status_port": 15021, "http_envoy_prom": 15090} if version >= Version(1, 19) else {"status_port": 15021}
    ports = {"metrics": 15020, **declared} if version >= Version(1, 24) else declared
    labels = {
        "gateway.istio.io/managed": "istio.io-mesh-controller",
        "gateway.networking.k8s.io/gateway-name": workload,
        "istio.io/dataplane-mode": "none",
        "service.istio.io/canonical-name": workload,
    }
    return {"spec": {"containers": [_proxy(version, **ports)]}, "labels": labels, "annotations": dict(_SCRAPED)}


def _ztunnel(workload: str, version: Version) -> PodObject:
    ports = {"ztunnel_stats": 15020} if version >= Version(1, 19) else {}
    container = _container("istio-proxy", f"docker.io/istio/ztunnel:{version}.0", **ports)
    annotations = {"prometheus.io/scrape": "true", "prometheus.io/port": "15020"}
    return {"spec": {"containers": [container]}, "labels": {"app": workload}, "annotations": annotations}


def _istiod(workload: str, version: Version) -> PodObject:
    ports = {"http_debug": 8080, "grpc_xds": 15010, "https_webhooks": 15017}
    ports |= {"http_monitoring": 15014} if version >= Version(1, 24) else {}
    container = _container("discovery", f"docker.io/istio/pilot:{version}.0", **ports)
    revision = workload.removeprefix("istiod").removeprefix("-") or "default"
    labels = {"app": "istiod", "istio.io/rev": revision}
    labels |= {"istio": "pilot"} if revision == "default" else {"istio": "istiod"}
    annotations = {"prometheus.io/scrape": "true", "prometheus.io/port": "15014"}
    return {"spec": {"containers": [container]}, "labels": labels, "annotations": annotations}


def _cni(workload: str, version: Version) -> PodObject:
    ports = {"metrics": 15014} if version >= Version(1, 23) else {}
    container = _container("install-cni", f"docker.io/istio/install-cni:{version}.0", **ports)
    annotations = (
        {} if version < Version(1, 10) else _SCRAPED | {"prometheus.io/port": "15014", "prometheus.io/path": "/metrics"}
    )
    since = version >= Version(1, 10)
    return {
        "spec": {"containers": [container]},
        "labels": {"k8s-app": workload},
        "annotations": annotations if since else {},
    }


def _non_mesh(workload: str, version: Version) -> PodObject:  # noqa: ARG001 - one shape for all kinds
    annotations = {"prometheus.io/scrape": "true", "prometheus.io/port": "8080", "prometheus.io/path": "/metrics"}
    return {"spec": {"containers": [_app(workload)]}, "labels": {"app": workload}, "annotations": annotations}


_SHAPES: Mapping[Kind, Callable[[str, Version], PodObject]] = {
    Kind.SIDECAR: _sidecar,
    Kind.NATIVE_SIDECAR: _native_sidecar,
    Kind.GATEWAY: _gateway,
    Kind.WAYPOINT: _waypoint,
    Kind.ZTUNNEL: _ztunnel,
    Kind.ISTIOD: _istiod,
    Kind.CNI: _cni,
    Kind.NON_MESH: _non_mesh,
}
