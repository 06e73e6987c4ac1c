"""Pods as they occur in meshes of Istio 1.9 to 1.31, and by hand what a collector must scrape of each.

Sources: Istio's injection templates and charts; the list is that of the wire contract in docs/architecture.md.
"""

from __future__ import annotations

import copy
import dataclasses
import itertools
from typing import TYPE_CHECKING, Any

from xscaler_istio.mesh import pods
from xscaler_istio.mesh.model import Kind, Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

VERSIONS = tuple(Version(1, minor) for minor in (9, 19, 24, 27, 31))
NEWEST = VERSIONS[-1]
STATS = ":15020/stats/prometheus"
ENVOY = ":15090/stats/prometheus"
MONITORING = ":15014/metrics"
NOTHING = ""

# One address, spelled in every way that the API server or a network plugin may spell one. Loopback and RFC 6666's
# discard prefix: nothing that a test scrapes may leave the machine.
IPV6 = (
    "::1",
    "0::1",
    "0:0:0:0:0:0:0:1",
    "::0001",
    "0000:0000:0000:0000:0000:0000:0000:0001",
    "100::",
    "100::1",
    "100::a:b:c:d",
    "100::1:0:0:2",
    "100:0:0:1::2",
    "100:0:0:0:1:2:3:4",
    "100::ABCD",
    "100::1.2.3.4",
    "::ffff:127.9.0.1",
    "::ffff:7f09:2",
)


@dataclasses.dataclass(frozen=True)
class Shape:
    """A pod, the job that must find it and the end of the URL that it must be scraped at; empty: not at all."""

    name: str
    manifest: dict[str, Any]
    job: str = ""
    endpoint: str = NOTHING

    @property
    def host(self) -> str:
        """The pod's address as it stands in a URL."""
        ip: str = self.manifest["status"].get("podIP", "")
        return f"[{ip}]" if ":" in ip else ip

    @property
    def url(self) -> str:
        """The URL to scrape, or an empty string."""
        return f"http://{self.host}{self.endpoint}" if self.endpoint else ""


def _pod(kind: Kind, name: str, *, version: Version = NEWEST, workload: str = "", **more: Any) -> dict[str, Any]:
    made = pods.pod(kind, namespace="shapes", name=name, ip="", workload=workload or name, version=version, **more)
    return copy.deepcopy(dict(made.manifest))


def _every_version() -> Iterator[Shape]:
    kinds = {
        Kind.SIDECAR: ("proxies", STATS, "orders"),
        Kind.GATEWAY: ("proxies", STATS, "istio-ingressgateway"),
        Kind.ISTIOD: ("istiod", MONITORING, "istiod"),
        Kind.CNI: ("cni", MONITORING, "istio-cni-node"),
        Kind.NON_MESH: ("", NOTHING, "batch"),
    }
    since = {Kind.NATIVE_SIDECAR: Version(1, 19), Kind.WAYPOINT: Version(1, 19), Kind.ZTUNNEL: Version(1, 19)}
    newer = {
        Kind.NATIVE_SIDECAR: ("proxies", STATS, "orders"),
        Kind.WAYPOINT: ("proxies", STATS, "waypoint"),
        Kind.ZTUNNEL: ("ztunnel", STATS, "ztunnel"),
    }
    for version, (kind, (job, endpoint, workload)) in itertools.product(VERSIONS, {**kinds, **newer}.items()):
        if version >= since.get(kind, version):
            name = f"{kind.value}-{str(version).replace('.', '-')}"
            yield Shape(name, _pod(kind, name, version=version, workload=workload), job, endpoint)


def _sidecar(name: str, endpoint: str = STATS, *, without: Iterable[str] = (), **annotations: str) -> Shape:
    """Return a sidecar with annotations added (a slash for a double underscore) and others removed."""
    written = {key.replace("__", "/").replace("_", "."): value for key, value in annotations.items()}
    manifest = _pod(Kind.SIDECAR, name, annotations=written)
    for key in without:
        del manifest["metadata"]["annotations"][key]
    return Shape(name, manifest, "proxies" if endpoint else "", endpoint)


_PROMETHEUS_IO = ("prometheus.io/scrape", "prometheus.io/port", "prometheus.io/path")


def _annotated() -> Iterator[Shape]:
    # enablePrometheusMerge: false: injection writes nothing, the application's own annotations stay as they are.
    yield _sidecar("merge-off", without=_PROMETHEUS_IO)
    own = {"prometheus_io__scrape": "true", "prometheus_io__port": "8080", "prometheus_io__path": "/metrics"}
    yield _sidecar("merge-off-application-scraped", **own)
    yield _sidecar("merge-off-application-port-only", without=_PROMETHEUS_IO[2:], prometheus_io__port="9102")
    yield _sidecar("application-opted-out", prometheus_io__scrape="false")
    yield _sidecar("opted-out", NOTHING, xscaler_io__scrape="false")
    yield _sidecar("opted-in", xscaler_io__scrape="true")
    yield _sidecar("status-port-0", ENVOY, status_sidecar_istio_io__port="0")
    yield _sidecar("status-port-123", ":123/stats/prometheus", status_sidecar_istio_io__port="123")
    yield _sidecar("status-port-no-number", status_sidecar_istio_io__port="none")
    yield _sidecar("status-port-mesh-wide", ":16020/stats/prometheus", prometheus_io__port="16020")
    both = {"status_sidecar_istio_io__port": "123", "prometheus_io__port": "16020"}
    yield _sidecar("status-port-of-the-pod-wins", ":123/stats/prometheus", **both)
    zero = {"status_sidecar_istio_io__port": "0", "prometheus_io__port": "16020"}
    yield _sidecar("status-port-0-wins", ENVOY, **zero)


def _monitoring() -> Iterator[Shape]:
    """Yield control planes and node agents whose operator has set another port than Istio's."""
    moved = {"prometheus.io/port": "15027"}
    yield Shape("istiod-monitoring-15027", _pod(Kind.ISTIOD, "istiod-monitoring-15027", workload="istiod",
                annotations=moved), "istiod", ":15027/metrics")  # fmt: skip
    cni = _pod(Kind.CNI, "cni-monitoring-15027", annotations=moved)
    yield Shape("cni-monitoring-15027", cni, "cni", ":15027/metrics")
    ztunnel = _pod(Kind.ZTUNNEL, "ztunnel-monitoring-15027", workload="ztunnel", annotations=moved)
    yield Shape("ztunnel-monitoring-15027", ztunnel, "ztunnel", ":15027/stats/prometheus")
    other = _pod(Kind.ISTIOD, "istiod-other-path", workload="istiod",
                 annotations={**moved, "prometheus.io/path": "/other"})  # fmt: skip
    yield Shape("istiod-other-path", other, "istiod", MONITORING)
    gateway = _pod(Kind.GATEWAY, "gateway-annotated-15090", annotations={"prometheus.io/port": "15090"})
    yield Shape("gateway-annotated-15090", gateway, "proxies", ENVOY)


def _odd() -> Iterator[Shape]:
    many = _pod(Kind.GATEWAY, "gateway-many-ports", workload="istio-egressgateway")
    many["spec"]["containers"][0]["ports"] = [
        {"name": f"tcp-{port}", "containerPort": port, "protocol": "TCP"} for port in range(7000, 7040)
    ]
    yield Shape("gateway-many-ports", many, "proxies", STATS)
    bare = _pod(Kind.SIDECAR, "sidecar-without-ports")
    for container in bare["spec"]["containers"]:
        del container["ports"]
    yield Shape("sidecar-without-ports", bare, "proxies", STATS)
    revision = _pod(Kind.ISTIOD, "istiod-revision", workload="istiod-canary")
    yield Shape("istiod-revision", revision, "istiod", MONITORING)
    discovery = _pod(Kind.NON_MESH, "discovery-of-another")
    discovery["spec"]["containers"][0]["name"] = "discovery"
    yield Shape("discovery-of-another", discovery)
    revisioned = _pod(Kind.ZTUNNEL, "ztunnel-revision", workload="ztunnel", labels={"istio.io/rev": "canary"})
    yield Shape("ztunnel-revision", revisioned, "ztunnel", STATS)
    renamed = _pod(Kind.GATEWAY, "gateway-of-gateway-api", labels={"gateway.networking.k8s.io/gateway-name": "edge"})
    yield Shape("gateway-of-gateway-api", renamed, "proxies", STATS)
    annotated = _pod(
        Kind.NON_MESH, "outside-with-istio-annotations", annotations=dict.fromkeys(_PROMETHEUS_IO, "15020")
    )
    yield Shape("outside-with-istio-annotations", annotated)


def _phases() -> Iterator[Shape]:
    for phase in ("Pending", "Succeeded", "Failed", "Unknown"):
        name = f"phase-{phase.lower()}"
        manifest = _pod(Kind.SIDECAR, name)
        manifest["status"]["phase"] = phase
        yield Shape(name, manifest)
    yield Shape("without-address", _without_address())


def _without_address() -> dict[str, Any]:
    manifest = _pod(Kind.SIDECAR, "without-address")
    manifest["status"] = {"phase": "Running"}
    return manifest


def _version_6() -> Iterator[Shape]:
    for number, ip in enumerate(IPV6):
        manifest = _pod(Kind.SIDECAR, f"ipv6-{number}")
        manifest["status"].update(podIP=ip, podIPs=[{"ip": ip}])
        yield Shape(f"ipv6-{number}", manifest, "proxies", STATS)
    first_6 = _pod(Kind.NATIVE_SIDECAR, "dual-stack-ipv6-first")
    first_6["status"].update(podIP="100::d", podIPs=[{"ip": "100::d"}, {"ip": "127.9.3.1"}])
    yield Shape("dual-stack-ipv6-first", first_6, "proxies", STATS)
    first_4 = _pod(Kind.NATIVE_SIDECAR, "dual-stack-ipv4-first")
    first_4["status"].update(podIP="127.9.3.2", podIPs=[{"ip": "127.9.3.2"}, {"ip": "100::e"}])
    yield Shape("dual-stack-ipv4-first", first_4, "proxies", STATS)


def _addressed(shapes: Iterable[Shape]) -> Iterator[Shape]:
    """Give every pod that has none an address of its own where nothing listens."""
    for number, shape in enumerate(shapes):
        status = shape.manifest["status"]
        if status.get("podIP") == "":
            ip = f"127.9.{1 + number // 250}.{1 + number % 250}"
            status.update(podIP=ip, podIPs=[{"ip": ip}])
        yield shape


SHAPES = tuple(
    _addressed(itertools.chain(_every_version(), _annotated(), _monitoring(), _odd(), _phases(), _version_6()))
)
