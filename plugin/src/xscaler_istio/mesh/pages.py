"""The metrics of a mesh's components, by Istio version.

Names, labels and bounds follow Istio's sources (`istio/proxy` testdata/metric, `istio/ztunnel` src/proxy/metrics.rs,
`istio/istio` pilot and pkg/istio-agent); docs/architecture.md lists what is left out.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from xscaler_istio.mesh.exposition import ENVOY, GO, RUST, Course, Page, Spread, Style, family, histogram
from xscaler_istio.mesh.model import Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# Envoy's default bounds, which Istio does not change, for milliseconds and bytes.
ISTIO_BOUNDS = ("0.5 1 5 10 25 50 100 250 500 1000 2500 5000 10000 30000 60000 300000 600000 1800000 3600000").split()
SECONDS_BOUNDS = "0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10".split()
PUSH_BOUNDS = "0.01 0.1 1 3 5 10 20 30".split()
CONFIG_SIZE_BOUNDS = "1 10000 1e+06 4e+06 1e+07 4e+07".split()

ZTUNNEL_LOCALITY = Version(1, 25)


@dataclasses.dataclass(frozen=True)
class Party:
    """One side of a request."""

    workload: str
    namespace: str
    revision: str = "v1"
    cluster: str = "Kubernetes"

    @property
    def principal(self) -> str:
        """The identity in its certificate."""
        return f"spiffe://cluster.local/ns/{self.namespace}/sa/{self.workload}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Combination:
    """One combination of peer and answer that a proxy counts; `per_tick` requests or connections each tick."""

    reporter: str
    source: Party
    destination: Party
    code: str = "200"
    protocol: str = "http"
    per_tick: int = 10
    milliseconds: float = 20.0
    # Only for gRPC.
    grpc_status: str = "0"


def agent(version: Version, *, tick: int = 0) -> bytes:
    """Return the agent's own part of a merged response."""
    return agent_page(version).render(tick)


def scrape_failures_page(failures: Mapping[str, int]) -> Page:
    """Return how often the agent failed to read a part of its response, by part, from its first failure on."""
    courses = [Course({"type": part}, count) for part, count in failures.items()]
    return family(GO, "istio_agent_scrape_failures_total", "counter", courses)


def agent_page(version: Version) -> Page:
    """Return istio_agent_*: the process, certificates, requests to istiod, merges."""
    pages = [
        family(GO, "istio_agent_process_cpu_seconds_total", "counter", [Course({}, 12, 1)]),
        family(GO, "istio_agent_process_open_fds", "gauge", [Course({}, 21)]),
        family(GO, "istio_agent_process_resident_memory_bytes", "gauge", [Course({}, 51_000_000)]),
        family(GO, "istio_agent_process_virtual_memory_bytes", "gauge", [Course({}, 760_000_000)]),
        family(GO, "istio_agent_process_start_time_seconds", "gauge", [Course({}, 1_700_000_000)]),
        family(GO, "istio_agent_go_goroutines", "gauge", [Course({}, 74)]),
        family(GO, "istio_agent_go_info", "gauge", [Course({"version": "go1.25.4"}, 1)]),
        *(family(GO, f"istio_agent_go_memstats_{name}_bytes", "gauge", [Course({}, 9_000_000)]) for name in _HEAP),
        family(GO, "istio_agent_startup_duration_seconds", "gauge", [Course({}, 1)]),
        family(GO, "istio_agent_scrapes_total", "counter", [Course({}, 3, 1)]),
        family(GO, "istio_agent_num_outgoing_requests", "counter", [Course({"request_type": "csr"}, 1)]),
        family(GO, "istio_agent_xds_proxy_requests", "counter", [Course({}, 8)]),
        family(GO, "istio_agent_xds_proxy_responses", "counter", [Course({}, 8)]),
    ]
    if version >= Version(1, 14):
        expiry = Course({"resource_name": "default"}, 86_400)
        pages.append(family(GO, "istio_agent_cert_expiry_seconds", "gauge", [expiry]))
    return _join(pages)


_HEAP = ("alloc", "heap_alloc", "heap_inuse", "heap_sys", "stack_inuse", "sys")


def application_page() -> Page:
    """Return what an application adds to its pod's merged response: none of it is the mesh's."""
    return _join(
        [
            family(GO, "go_goroutines", "gauge", [Course({}, 11)]),
            family(GO, "process_cpu_seconds_total", "counter", [Course({}, 3, 1)]),
            family(GO, "process_resident_memory_bytes", "gauge", [Course({}, 23_000_000)]),
            family(GO, "orders_total", "counter", [Course({"status": "paid", "job": "shop"}, 40, 2)]),
        ]
    )


def envoy_page(version: Version, component: str = "proxy") -> Page:
    """Return Envoy's own statistics as Istio's inclusion list admits them."""
    xds = {"cluster_name": "xds-grpc"}
    gauges = {"envoy_server_live": 1, "envoy_server_uptime": 4711, "envoy_server_total_connections": 5}
    memory = {f"envoy_server_memory_{name}": 17_000_000 for name in ("allocated", "heap_size", "physical_size")}
    counters = ("cds_update_rejected", "update_rejected", "cluster_added", "cluster_modified", "cluster_removed")
    return _join(
        [
            *(family(ENVOY, name, "gauge", [Course({}, value)]) for name, value in {**gauges, **memory}.items()),
            *(family(ENVOY, f"envoy_cluster_manager_{name}", "counter", [Course({}, 0)]) for name in counters[:1]),
            *(family(ENVOY, f"envoy_cluster_manager_{name}", "counter", [Course({}, 3)]) for name in counters[2:]),
            family(ENVOY, "envoy_listener_manager_lds_update_rejected", "counter", [Course({}, 0)]),
            family(ENVOY, "envoy_listener_manager_total_listeners_active", "gauge", [Course({}, 12)]),
            family(ENVOY, "envoy_cluster_upstream_cx_active", "gauge", [Course(xds, 1)]),
            family(ENVOY, "envoy_cluster_upstream_cx_rx_bytes_total", "counter", [Course(xds, 90_000, 120)]),
            family(ENVOY, "envoy_cluster_upstream_cx_tx_bytes_total", "counter", [Course(xds, 20_000, 40)]),
            family(ENVOY, "envoy_cluster_upstream_rq_total", "counter", [Course(xds, 4)]),
            histogram(ENVOY, "envoy_cluster_upstream_cx_connect_ms", ISTIO_BOUNDS, [Spread(xds, 4, 0, 3)]),
            build_page(ENVOY, component, version),
        ]
    )


def build_page(style: Style, component: str, version: Version) -> Page:
    """Return istio_build."""
    return family(style, "istio_build", "gauge", [Course({"component": component, "tag": f"{version}.0"}, 1)])


def standard_page(combinations: Sequence[Combination]) -> Page:
    """Return Istio's standard metrics for these combinations: 67 series for each of HTTP, 4 for each of TCP."""
    http = [item for item in combinations if item.protocol != "tcp"]
    tcp = [item for item in combinations if item.protocol == "tcp"]
    grpc = [item for item in http if item.protocol == "grpc"]
    sizes = ("istio_request_bytes", "istio_response_bytes")
    return _join(
        [
            family(ENVOY, "istio_requests_total", "counter", _courses(http)),
            histogram(
                ENVOY,
                "istio_request_duration_milliseconds",
                ISTIO_BOUNDS,
                [Spread(http_labels(item), 20, item.per_tick, item.milliseconds) for item in http],
            ),
            *(
                histogram(ENVOY, name, ISTIO_BOUNDS, [Spread(http_labels(i), 20, i.per_tick, 900.0) for i in http])
                for name in sizes
            ),
            *(
                family(ENVOY, name, "counter", [Course(message_labels(i), 40, i.per_tick) for i in grpc])
                for name in ("istio_request_messages_total", "istio_response_messages_total")
            ),
            *(family(ENVOY, name, "counter", _tcp_courses(tcp, factor)) for name, factor in _TCP.items()),
        ]
    )


_TCP = {
    "istio_tcp_connections_opened_total": 1,
    "istio_tcp_connections_closed_total": 1,
    "istio_tcp_sent_bytes_total": 900,
    "istio_tcp_received_bytes_total": 300,
}


def _courses(combinations: Iterable[Combination]) -> list[Course]:
    return [Course(http_labels(item), 20, item.per_tick) for item in combinations]


def _tcp_courses(combinations: Iterable[Combination], factor: int) -> list[Course]:
    return [Course(tcp_labels(item), 20 * factor, item.per_tick * factor) for item in combinations]


def peer_labels(item: Combination) -> dict[str, str]:
    """Return reporter, eight source and eleven destination labels: what every metric of a proxy has."""
    source, destination = item.source, item.destination
    return {
        "reporter": item.reporter,
        "source_workload": source.workload,
        "source_canonical_service": source.workload,
        "source_canonical_revision": source.revision,
        "source_workload_namespace": source.namespace,
        "source_principal": source.principal,
        "source_app": source.workload,
        "source_version": source.revision,
        "source_cluster": source.cluster,
        "destination_workload": destination.workload,
        "destination_workload_namespace": destination.namespace,
        "destination_principal": destination.principal,
        "destination_app": destination.workload,
        "destination_version": destination.revision,
        "destination_service": f"{destination.workload}.{destination.namespace}.svc.cluster.local",
        "destination_canonical_service": destination.workload,
        "destination_canonical_revision": destination.revision,
        "destination_service_name": destination.workload,
        "destination_service_namespace": destination.namespace,
        "destination_cluster": destination.cluster,
    }


def http_labels(item: Combination) -> dict[str, str]:
    """Return the 25 labels of HTTP and gRPC metrics; grpc_response_status is empty for HTTP."""
    return {
        **peer_labels(item),
        "request_protocol": item.protocol,
        "response_code": item.code,
        "grpc_response_status": item.grpc_status if item.protocol == "grpc" else "",
        "response_flags": "-",
        "connection_security_policy": _security(item),
    }


def message_labels(item: Combination) -> dict[str, str]:
    """Return the 20 labels of gRPC message metrics."""
    return peer_labels(item)


def tcp_labels(item: Combination) -> dict[str, str]:
    """Return the 23 labels of TCP metrics."""
    more = {"request_protocol": "tcp", "response_flags": "-", "connection_security_policy": _security(item)}
    return {**peer_labels(item), **more}


def _security(item: Combination) -> str:
    # Only the receiving side knows.
    return "unknown" if item.reporter == "source" else "mutual_tls"


def ztunnel_page(version: Version, combinations: Sequence[Combination]) -> Page:
    """Return ztunnel's metrics: TCP metrics with 23 labels, 27 since 1.25."""
    locality = {
        f"{side}_{what}": value
        for side in ("source", "destination")
        for what, value in (("region", "eu-west-1"), ("zone", "eu-west-1a"))
    }
    extra = locality if version >= ZTUNNEL_LOCALITY else {}
    names = dict(_TCP)
    if version >= Version(1, 29):
        names["istio_tcp_connections_failed_total"] = 0
    pages = [
        family(
            RUST,
            name,
            "counter",
            [Course({**tcp_labels(i), **extra}, 20 * factor, i.per_tick * factor) for i in combinations],
        )
        for name, factor in names.items()
    ]
    url = {"url": "type.googleapis.com/istio.workload.Address"}
    pages += [
        family(RUST, "istio_dns_requests_total", "counter", [Course({}, 4, 1)]),
        family(RUST, "istio_dns_upstream_requests_total", "counter", [Course({}, 2, 1)]),
        histogram(RUST, "istio_dns_upstream_request_duration_seconds", SECONDS_BOUNDS, [Spread({}, 4, 1, 0.01)]),
        family(RUST, "istio_xds_message_total", "counter", [Course(url, 30)]),
        family(RUST, "istio_xds_message_bytes_total", "counter", [Course(url, 30_000)]),
        family(RUST, "istio_xds_connection_terminations_total", "counter", [Course({"reason": "Reconnect"}, 1)]),
        family(RUST, "workload_manager_active_proxy_count", "gauge", [Course({}, 6)]),
        family(RUST, "workload_manager_pending_proxy_count", "gauge", [Course({}, 0)]),
        family(RUST, "workload_manager_proxies_started_total", "counter", [Course({}, 6)]),
        build_page(RUST, "ztunnel", version),
    ]
    if version >= Version(1, 28):
        pages.append(family(RUST, "process_open_fds", "gauge", [Course({}, 60)]))
    if version >= Version(1, 29):
        pages.append(family(RUST, "istio_tcp_sockets_open", "gauge", [Course({"reporter": "source"}, 3)]))
    if version >= Version(1, 31):
        pages.append(family(RUST, "tokio_num_workers", "gauge", [Course({}, 2)]))
    return _join(pages)


_PUSH_TYPES = ("cds", "eds", "lds", "rds", "nds", "sds")
_REMOVED_IN_1_20 = "pilot_conflict_outbound_listener_http_over_current_tcp"


_XDS_METHOD = {
    "grpc_service": "envoy.service.discovery.v3.AggregatedDiscoveryService",
    "grpc_method": "StreamAggregatedResources",
    "grpc_type": "bidi_stream",
}


def istiod_page(version: Version) -> Page:
    """Return the control plane's metrics."""
    pushes = [Course({"type": kind}, 20 + index, 1) for index, kind in enumerate(_PUSH_TYPES)]
    reject = Course({"node": "shop/checkout-1", "err": "InvalidArgument"}, 1)
    gauges = {
        "pilot_services": 14,
        "pilot_virt_services": 3,
        "pilot_conflict_inbound_listener": 0,
        "pilot_conflict_outbound_listener_tcp_over_current_tcp": 0,
        "pilot_duplicate_envoy_clusters": 0,
        "pilot_eds_no_instances": 0,
        "pilot_no_ip": 0,
        "pilot_vservice_dup_domain": 0,
        "endpoint_no_pod": 0,
        "citadel_server_root_cert_expiry_timestamp": 2_000_000_000,
    }
    gauges |= {"istiod_uptime_seconds": 8000} if version >= Version(1, 11) else {}
    managed = [Course({"cluster_type": kind}, value) for kind, value in (("local", 1), ("remote", 0))]
    gauges |= {_REMOVED_IN_1_20: 0} if version < Version(1, 20) else {}
    counters = {
        "pilot_total_xds_rejects": [Course({"type": "cds"}, 1)],
        "pilot_total_xds_internal_errors": [Course({}, 0)],
        "pilot_push_triggers": [Course({"type": "endpoint"}, 60, 1), Course({"type": "config"}, 9)],
        "pilot_inbound_updates": [Course({"type": "eds"}, 60, 1)],
        "pilot_k8s_cfg_events": [Course({"type": "VirtualService", "event": "add"}, 3)],
        "pilot_k8s_reg_events": [Course({"type": "Pods", "event": "update"}, 70, 1)],
        "citadel_server_csr_count": [Course({}, 9)],
        "citadel_server_success_cert_issuance_count": [Course({}, 9)],
        "galley_validation_passed": [
            Course({"group": "networking.istio.io", "version": "v1", "resource": "virtualservices"}, 3)
        ],
        "galley_validation_failed": [
            Course(
                {
                    "group": "networking.istio.io",
                    "version": "v1",
                    "resource": "gateways",
                    "reason": "invalid_resource",
                },
                1,
            )
        ],
        "sidecar_injection_requests_total": [Course({}, 20)],
        "sidecar_injection_success_total": [Course({}, 19)],
        "sidecar_injection_failure_total": [Course({}, 1)],
        "grpc_server_handled_total": [
            Course({"grpc_code": code, **_XDS_METHOD}, 0) for code in ("OK", "Aborted", "Canceled")
        ],
        "process_cpu_seconds_total": [Course({}, 80, 1)],
    }
    return _join(
        [
            family(GO, "pilot_info", "gauge", [Course({"version": f"{version}.0-abc-Clean"}, 1)]),
            family(GO, "pilot_xds", "gauge", [Course({"version": f"{version}.0"}, 12)]),
            family(GO, "pilot_xds_pushes", "counter", pushes),
            histogram(
                GO, "pilot_xds_push_time", PUSH_BOUNDS, [Spread({"type": kind}, 9, 1, 0.02) for kind in _PUSH_TYPES[:4]]
            ),
            histogram(GO, "pilot_proxy_convergence_time", PUSH_BOUNDS[1:], [Spread({}, 40, 1, 0.2)]),
            histogram(GO, "pilot_proxy_queue_time", PUSH_BOUNDS[1:], [Spread({}, 40, 1, 0.1)]),
            *(
                [
                    histogram(
                        GO,
                        "pilot_xds_config_size_bytes",
                        CONFIG_SIZE_BOUNDS,
                        [Spread({"type": kind}, 40, 1, 50_000) for kind in ("cds", "lds")],
                    )
                ]
                if version >= Version(1, 12)
                else []
            ),
            family(GO, "pilot_xds_cds_reject", "gauge", [reject]),
            *([family(GO, "istiod_managed_clusters", "gauge", managed)] if version >= Version(1, 12) else []),
            *(family(GO, name, "gauge", [Course({}, value)]) for name, value in gauges.items()),
            *(family(GO, name, "counter", courses) for name, courses in counters.items()),
            family(GO, "go_goroutines", "gauge", [Course({}, 800)]),
            *(family(GO, f"go_memstats_{name}_bytes", "gauge", [Course({}, 40_000_000)]) for name in _HEAP),
            family(GO, "process_resident_memory_bytes", "gauge", [Course({}, 150_000_000)]),
            build_page(GO, "pilot", version),
        ]
    )


def cni_page(version: Version) -> Page:
    """Return the CNI node agent's metrics."""
    pages = [
        family(GO, "istio_cni_install_ready", "gauge", [Course({}, 1)]),
        family(GO, "istio_cni_installs_total", "counter", [Course({"result": "SUCCESS"}, 1)]),
        family(GO, "go_goroutines", "gauge", [Course({}, 40)]),
        family(GO, "process_resident_memory_bytes", "gauge", [Course({}, 40_000_000)]),
    ]
    if version >= Version(1, 31):
        pages.append(family(GO, "istio_cni_plugin_requests_total", "counter", [Course({"result": "SUCCESS"}, 5, 1)]))
    return _join(pages)


def filler_page(series: int) -> Page:
    """Return this many Envoy gauges of clusters, to bring a response to an exact size."""
    courses = [Course({"cluster_name": f"outbound|80||filler-{index}.svc"}, 1) for index in range(series)]
    return family(ENVOY, "envoy_cluster_membership_healthy", "gauge", courses)


def _join(pages: Iterable[Page]) -> Page:
    return Page(tuple(line for page in pages for line in page.lines))
