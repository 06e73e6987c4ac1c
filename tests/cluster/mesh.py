"""A real Istio, an application in it, and the local xScaler, in the cluster of the current kubeconfig."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.tools import go_module

from . import authority, istio_metrics, kubectl
from .catalogue import ISTIO_HUB, ISTIO_TAG

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MANIFESTS = Path(__file__).parent / "manifests"
_SMALL = {"requests": {"cpu": "10m", "memory": "40Mi"}}
_OURS = {"hub": ISTIO_HUB, "tag": ISTIO_TAG, "imagePullPolicy": "IfNotPresent"}
# Upstream Envoy has none of Istio's own filters: each of the three switches is needed for it to take the configuration.
_ISTIOD: dict[str, Any] = {
    "autoscaleEnabled": False,
    "resources": _SMALL,
    "telemetry": {"enabled": False},
    "env": {"PILOT_ENABLE_METADATA_EXCHANGE": "false", "PILOT_ENABLE_ALPN_FILTER": "false"},
    "meshConfig": {"accessLogFile": "/dev/stdout", "enablePrometheusMerge": True},
    "global": {**_OURS, "proxy": {"resources": _SMALL, "readinessPeriodSeconds": 2}, "proxy_init": {"resources": {}}},
}
_GATEWAY = {
    "autoscaling": {"enabled": False},
    "service": {"type": "ClusterIP"},
    "resources": _SMALL,
    "imagePullPolicy": "IfNotPresent",
}
# Its pods are targets. Sidecars go on with istio-init, as they do unless istiod is told otherwise.
_CNI = {"resources": _SMALL, "useAppArmorAnnotation": False, "global": _OURS}
NAMESPACES = {
    "istio-system": {},
    "istio-ingress": {"istio-injection": "enabled"},
    "shop": {"istio-injection": "enabled"},
    "ambient": {},
    "outside": {},
    "xscaler": {},
}
# As the chart's values have them for the region of the example; and for who comes through a forwarded port.
XSCALER_HOSTS = ("euw1-01.xscalerlabs.com", "euw1-01.l.xscalerlabs.com", "nobody.xscaler.svc", "localhost", "127.0.0.1")


def install(say: Callable[[str], None], cni: Mapping[str, str] | None = None) -> None:
    """Install everything and wait for it; `cni` are folders of the node for istio-cni, where they are not the usual."""
    for name, labels in NAMESPACES.items():
        kubectl.namespace(name, labels)
    _xscaler()
    _chart("istio-base", "base", "istio-system", {})
    _chart("istiod", "istio-control/istio-discovery", "istio-system", _ISTIOD)
    say("istiod is ready")
    kubectl.apply(istio_metrics.envoy_filter())
    for file in ("shop.yaml", "generated.yaml"):
        kubectl.run("apply", "-f", _MANIFESTS / file)
    _chart("gateway", "gateway", "istio-ingress", _GATEWAY)
    _chart("istio-cni", "istio-cni", "istio-system", {**_CNI, **(cni or {})})
    for name in ("checkout", "classic", "frontend"):
        kubectl.rolled_out(f"deployment/{name}", "shop")
    for name in ("waypoint", "catalog"):
        kubectl.rolled_out(f"deployment/{name}", "ambient")
    kubectl.rolled_out("daemonset/ztunnel", "istio-system")
    kubectl.rolled_out("deployment/xscaler", "xscaler")


def _chart(release: str, path: str, namespace: str, values: dict[str, Any]) -> None:
    """Install one of Istio's charts as it lies in the module."""
    chart = go_module("istio.io/istio") / "manifests/charts" / path
    sets = [word for key, value in values.items() for word in ("--set-json", f"{key}={json.dumps(value)}")]
    wait = ["--wait", f"--timeout={kubectl.PATIENCE}"]
    kubectl.helm(3, "upgrade", "--install", release, chart, "--namespace", namespace, *sets, *wait)


def _xscaler() -> None:
    issuer = authority.xscaler()
    certificate = issuer.issue_cert(*XSCALER_HOSTS)
    files = {
        "tls.crt": b"".join(blob.bytes() for blob in certificate.cert_chain_pems),
        "tls.key": certificate.private_key_pem.bytes(),
        "ca.crt": issuer.cert_pem.bytes(),
    }
    data = {name: base64.b64encode(content).decode() for name, content in files.items()}
    metadata = {"name": "tls", "namespace": "xscaler"}
    kubectl.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
    kubectl.run("apply", "-f", _MANIFESTS / "xscaler.yaml")
