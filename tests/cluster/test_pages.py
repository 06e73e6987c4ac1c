"""Generated pages against those of a real Istio: type and label names of every family that both have.

Real pages have more families, which is as it should be: generated ones have what Istio's dashboards read. What differs
otherwise is listed here, with its reason.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from xscaler_istio.mesh import pages
from xscaler_istio.mesh.model import Version
from xscaler_istio.mesh.pages import Combination, Party

from . import kubectl

if TYPE_CHECKING:
    from collections.abc import Mapping

# A family by its name: its type, and the label names of all its samples.
Families = dict[str, tuple[str, frozenset[str]]]
VERSION = Version(1, 31)
_EDGES = [
    Combination(reporter="destination", source=Party("frontend", "shop"), destination=Party("checkout", "shop")),
    Combination(
        reporter="source", source=Party("frontend", "shop"), destination=Party("checkout", "shop"), protocol="tcp"
    ),
]
GENERATED = {
    "sidecar": lambda: [pages.agent_page(VERSION), pages.envoy_page(VERSION), pages.standard_page(_EDGES)],
    "istiod": lambda: [pages.istiod_page(VERSION)],
    "cni": lambda: [pages.cni_page(VERSION)],
}
# Which pod shows the real page, where.
REAL = {
    "sidecar": ("shop", "app=frontend", "15020/proxy/stats/prometheus"),
    "istiod": ("istio-system", "app=istiod", "15014/proxy/metrics"),
    "cni": ("istio-system", "k8s-app=istio-cni-node", "15014/proxy/metrics"),
}
# Generated families that the real page of this mesh lacks, and why.
_FIRST = "appears with its first event, which this mesh does not have"
ABSENT: Mapping[str, Mapping[str, str]] = {
    "sidecar": {"istio_build": "of Istio's own proxy; upstream Envoy has none"},
    "istiod": {
        "pilot_total_xds_rejects": _FIRST,
        "pilot_total_xds_internal_errors": _FIRST,
        "pilot_xds_cds_reject": _FIRST,
        "galley_validation_failed": _FIRST,
        "sidecar_injection_failure_total": _FIRST,
    },
    "cni": {
        "istio_cni_plugin_requests_total": "appears with the first pod that istio-cni sets up; here istio-init does"
    },
}
# Families whose type or label names differ, and why.
_NO_STATUS = "has no grpc_response_status: the stats access logger of upstream Envoy cannot leave it empty"
_HTTP = ("istio_requests_total", "istio_request_duration_milliseconds", "istio_request_bytes", "istio_response_bytes")
DIFFERENT: Mapping[str, Mapping[str, str]] = {"sidecar": dict.fromkeys(_HTTP, _NO_STATUS), "istiod": {}, "cni": {}}


def families(text: str) -> Families:
    """Read a page in the text format."""
    kinds = dict(re.findall(r"(?m)^# TYPE (\S+) (\S+)$", text))
    names: dict[str, set[str]] = {}
    for name, labels in re.findall(r"(?m)^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$", text):
        family = name if name in kinds else re.sub("_(bucket|sum|count)$", "", name)
        names.setdefault(family, set()).update(re.findall(r'(\w+)="(?:[^"\\]|\\.)*"', labels))
    return {name: (kinds.get(name, "untyped"), frozenset(found)) for name, found in names.items()}


@pytest.mark.parametrize("kind", list(REAL))
def test_generated_pages_are_like_real_ones(kind: str) -> None:
    namespace, selector, path = REAL[kind]
    pod = kubectl.get("pods", "-n", namespace, "-l", selector)["items"][0]["metadata"]["name"]
    real = families(kubectl.run("get", "--raw", f"/api/v1/namespaces/{namespace}/pods/{pod}:{path}"))
    generated = families(b"".join(page.render(1) for page in GENERATED[kind]()).decode())
    assert {name for name in generated if name not in real} == set(ABSENT[kind])
    shared = [name for name in generated if name in real]
    differing = {name: (generated[name], real[name]) for name in shared if generated[name] != real[name]}
    assert differing.keys() == DIFFERENT[kind].keys(), differing
    assert len(shared) > len(ABSENT[kind])
