"""Istio ambient: ztunnel, waypoints and istio-cni."""

from dashboards import variables
from dashboards.board import Board, row
from dashboards.datasources import Query
from dashboards.panels import ALL, ONE, Levels, Over, lines, number
from dashboards.queries import MESH, SERVICE, per, rate, sums
from dashboards.traffic import OPENS_SERVICE, Requests, latency, mutual_tls, table, tcp_traffic

ZTUNNEL = f'{MESH}, app="ztunnel"'
CONNECTIONS = f'{ZTUNNEL}, destination_workload_namespace=~"$namespace"'
SERVED = f'{CONNECTIONS}, reporter="destination"'
OPENED = rate("istio_tcp_connections_opened_total", SERVED)
REQUESTS = Requests(f'{MESH}, destination_workload_namespace=~"$namespace", reporter="waypoint"')
SIDE = "reporter, response_flags"
FAILED = rate("istio_tcp_connections_failed_total", CONNECTIONS)

NOW = row(
    4,
    number(
        "ztunnels",
        "Scraped ztunnels; there should be one on each node.",
        f'count(istio_build{{{ZTUNNEL}, component="ztunnel"}})',
        Over.LOWEST,
    ),
    number(
        "Pods in the mesh",
        "Pods whose traffic a ztunnel carries.",
        f"sum(workload_manager_active_proxy_count{{{ZTUNNEL}}})",
        Over.LOWEST,
    ),
    number(
        "Pods waiting",
        "Pods that wait for their ztunnel. If the number stays above 0, their traffic does not flow.",
        f"sum(workload_manager_pending_proxy_count{{{ZTUNNEL}}})",
        Over.HIGHEST,
        levels=Levels("green", (("red", ONE),)),
    ),
    mutual_tls(
        "Share of new connections with mutual TLS, as servers' ztunnels count them.",
        "istio_tcp_connections_opened_total",
        SERVED,
    ),
    number(
        "Nodes with istio-cni ready",
        "Share of nodes on which istio-cni is ready to move pods into the mesh.",
        f"avg(istio_cni_install_ready{{{MESH}}})",
        Over.LOWEST,
        unit="percentunit",
        levels=Levels("red", (("green", ALL),)),
    ),
)
TCP = row(
    8,
    lines(
        "New connections by server",
        "Connections that the ztunnel on the server's node accepts a second.",
        per(OPENED, "destination_workload"),
        unit="suffix:connections/s",
    ),
    lines(
        "Failed connections",
        "Failing connections a second, by side and reason, for example DENY (- if none fails). Istio 1.29 and newer.",
        Query(f"{sums(FAILED, SIDE)} or 0 * {sums(OPENED, SIDE)}", "{{reporter}} {{response_flags}}"),
        unit="suffix:connections/s",
    ),
    tcp_traffic(SERVED, "TCP traffic of ztunnels", "Bytes a second on connections, as servers' ztunnels count them."),
)
WAYPOINTS = row(
    8,
    lines(
        "Requests through waypoints",
        "Requests a second, by service.",
        per(REQUESTS.all(), "destination_service_name"),
        unit="reqps",
    ),
    latency(
        REQUESTS, "Latency behind waypoints", "Percentiles of the time that services take to respond to a waypoint."
    ),
)
CALLS = row(
    8,
    table(
        "Calls through waypoints",
        "Clients and the services that they call, busiest first; means over the time range. A click opens the service.",
        REQUESTS,
        {
            "cluster": "Cluster",
            "source_workload": "Client",
            "destination_service_namespace": "Namespace",
            "destination_service_name": "Service",
        },
        OPENS_SERVICE,
        by=f"source_workload, {SERVICE}",
    ),
    lines(
        "DNS requests",
        "DNS requests a second that pods send to their ztunnel.",
        per(rate("istio_dns_requests_total", ZTUNNEL), "pod"),
        unit="reqps",
    ),
    widths=(16, 8),
)

BOARD = Board(
    name="ambient",
    title="Istio ambient",
    description=(
        "Does ambient mode carry the traffic? ztunnels count connections on the client's node (source) and on the "
        "server's (destination), waypoints count requests; istio-cni moves pods into the mesh."
    ),
    variables=(variables.CLUSTER, variables.WAYPOINT_NAMESPACE, variables.FLOOR, variables.TLS_CRITICAL),
    rows=(NOW, TCP, WAYPOINTS, CALLS),
)
