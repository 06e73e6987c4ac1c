"""Istio workload: both directions of a workload, and its proxies."""

from dashboards import variables
from dashboards.board import Board, row
from dashboards.datasources import Query
from dashboards.panels import Levels, Over, lines, number
from dashboards.queries import MESH, RECENT, SERVICE, per, sums, tcp_bytes
from dashboards.traffic import OPENS_SERVICE, Requests, error_rate, latency, table

INBOUND = (
    f'{MESH}, destination_workload_namespace=~"$namespace", destination_workload=~"$workload",'
    ' reporter=~"destination|waypoint"'
)
OUTBOUND = f'{MESH}, source_workload_namespace=~"$namespace", source_workload=~"$workload", reporter="source"'
PROXY = f'{MESH}, namespace=~"$namespace", pod=~"$workload-.+"'
RECEIVED, SENT = Requests(INBOUND), Requests(OUTBOUND)


def tcp(matchers: str) -> str:
    """Return bytes a second in both directions of connections."""
    return f"{tcp_bytes('received', matchers)} + {tcp_bytes('sent', matchers)}"


def rejected(kind: str) -> str:
    """Return how many updates of a kind proxies rejected."""
    return f"sum(increase({kind}_update_rejected{{{PROXY}}}[{RECENT}]))"


NOW = row(
    4,
    number(
        "Inbound requests",
        "Requests a second to the workload, as its proxy or waypoint counts them.",
        sums(RECEIVED.all()),
        Over.MEAN,
        unit="reqps",
    ),
    error_rate(RECEIVED, "Inbound error rate", "Share of requests to the workload with a 5xx response."),
    number(
        "Outbound requests",
        "Requests a second that the workload sends, as its proxy counts them.",
        sums(SENT.all()),
        Over.MEAN,
        unit="reqps",
    ),
    error_rate(SENT, "Outbound error rate", "Share of the workload's requests that get a 5xx response."),
    number(
        "Certificate expires in",
        "Time until the first certificate expires; istio-agent renews it at half its life. Istio 1.14 and newer.",
        f"min(istio_agent_cert_expiry_seconds{{{PROXY}}})",
        Over.LOWEST,
        unit="dtdurations",
        levels=Levels("red", (("green", variables.CERTIFICATE_CRITICAL),)),
    ),
)
COURSE = row(
    8,
    lines(
        "Inbound requests by client",
        "Requests a second to the workload, by the workload that sends them.",
        per(RECEIVED.all(), "source_workload"),
        unit="reqps",
        stacked=True,
    ),
    latency(RECEIVED, "Inbound latency", "Percentiles of the time that the workload takes to respond."),
    lines(
        "Outbound requests by service",
        "Requests a second that the workload sends, by the service that it calls.",
        per(SENT.all(), "destination_service_name"),
        unit="reqps",
        stacked=True,
    ),
)
CALLS = row(
    8,
    table(
        "Called services",
        "Services that the workload calls, busiest first; means over the time range. Latency includes the network. A "
        "click opens the service.",
        SENT,
        {
            "cluster": "Cluster",
            "source_workload": "Workload",
            "destination_service_namespace": "Namespace",
            "destination_service_name": "Service",
        },
        OPENS_SERVICE,
        by=f"source_workload, {SERVICE}",
    ),
    lines(
        "TCP traffic",
        "Bytes a second on TCP connections, sent and received.",
        Query(tcp(INBOUND), "inbound"),
        Query(tcp(OUTBOUND), "outbound"),
        unit="Bps",
    ),
    widths=(16, 8),
)
PROXIES = row(
    7,
    lines(
        "Envoy memory",
        "Memory that Envoy has allocated. The container's limit covers Envoy and istio-agent together.",
        Query(f"max by (pod) (envoy_server_memory_allocated{{{PROXY}}})", "{{pod}}"),
        unit="bytes",
    ),
    lines(
        "Configuration that Envoy rejected",
        "Updates of clusters and listeners from istiod that Envoy rejected.",
        Query(rejected("envoy_cluster_manager_cds"), "clusters"),
        Query(rejected("envoy_listener_manager_lds"), "listeners"),
        unit="suffix:updates",
    ),
)

BOARD = Board(
    name="workload",
    title="Istio workload",
    description=(
        "What does a workload receive, what does it call, and how are its proxies? Its proxy or waypoint counts "
        "inbound requests, its proxy counts outbound ones. A workload in ambient mode has no proxy; the dashboard "
        "Istio ambient shows its calls."
    ),
    variables=(
        variables.CLUSTER,
        variables.POD_NAMESPACE,
        variables.WORKLOAD,
        variables.FLOOR,
        variables.ERRORS_WARNING,
        variables.ERRORS_CRITICAL,
        variables.CERTIFICATE_CRITICAL,
    ),
    rows=(NOW, COURSE, CALLS, PROXIES),
)
