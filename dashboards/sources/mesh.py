"""Istio mesh: where whoever is on call begins."""

import dataclasses

from dashboards import variables
from dashboards.board import Board, row
from dashboards.datasources import Query
from dashboards.panels import BY_STATUS, ERRORS, ONE, Column, Levels, Opens, Over, bars, lines, number, rows
from dashboards.queries import MESH, SERVICE, SERVICE_NAME, SHOWN, per, sums
from dashboards.traffic import OPENS_SERVICE, Requests, error_rate, latency, slowest, table, tcp_traffic

TRAFFIC = f'{MESH}, destination_service_namespace=~"$namespace", reporter=~"$reporter"'
REQUESTS = Requests(TRAFFIC)
PROXIES = f'istio_build{{{MESH}, component="proxy"}}'
OPENS = dataclasses.replace(OPENS_SERVICE, keeps=("reporter",))
VERSIONS = f"count by (cluster, tag) ({PROXIES})"
CLASSES = f'label_replace({REQUESTS.all()}, "class", "${{1}}xx", "response_code", "(.).*")'

NOW = row(
    4,
    number(
        "Requests",
        "Requests a second. Each is counted once, on the side that Counted by chooses.",
        sums(REQUESTS.all()),
        Over.MEAN,
        unit="reqps",
    ),
    error_rate(REQUESTS),
    slowest(REQUESTS),
    number("Proxies", "Scraped sidecars, gateways and waypoints, in all namespaces.", f"count({PROXIES})", Over.LOWEST),
    number(
        "Proxies behind",
        "Proxies with another Istio version than most proxies of their cluster.",
        f"sum(sum by (cluster) ({VERSIONS}) - max by (cluster) ({VERSIONS}))",
        Over.HIGHEST,
        levels=Levels("green", (("orange", ONE),)),
    ),
)
COURSE = row(
    8,
    lines(
        "Requests by status",
        "Requests a second by class of response code. 0xx requests got no response.",
        per(CLASSES, "class"),
        unit="reqps",
        stacked=True,
        colors=BY_STATUS,
    ),
    latency(REQUESTS),
    tcp_traffic(TRAFFIC),
)
SERVICES = row(
    8,
    table(
        "Services",
        "Services that receive requests, busiest first; means over the time range. A click opens the service.",
        REQUESTS,
        {"cluster": "Cluster", "destination_service_namespace": "Namespace", "destination_service_name": "Service"},
        OPENS,
    ),
    bars(
        "Services that fail most",
        "Share of requests with a 5xx response over the time range. Services with less traffic than Ignore below are "
        "left out. A click opens the service.",
        Query(f"topk(8, {REQUESTS.error_rate(by=SERVICE, over=SHOWN, above=variables.FLOOR)})", SERVICE_NAME),
        unit="percentunit",
        levels=ERRORS,
        opens=OPENS,
    ),
    widths=(16, 8),
)
DETAILS = row(
    7,
    bars(
        "Slowest services",
        "99th percentile of the time that requests take, over the time range. A click opens the service.",
        Query(f"topk(8, {REQUESTS.latency(0.99, by=SERVICE, over=SHOWN)})", SERVICE_NAME),
        unit="ms",
        opens=OPENS,
    ),
    rows(
        "Istio versions",
        "Pods by component and version. Istio supports two minor versions at a time. A click opens the control plane.",
        {"cluster": "Cluster", "component": "Component", "tag": "Version"},
        Column("Pods", f"count by (cluster, component, tag) (istio_build{{{MESH}}})"),
        sort="Pods",
        opens=Opens("control-plane", "Open Istio control plane", {"cluster": "cluster"}),
    ),
)

BOARD = Board(
    name="mesh",
    title="Istio mesh",
    description="Is the mesh healthy? Traffic, errors, latency and versions of all clusters, and what to check next.",
    variables=(
        variables.CLUSTER,
        variables.SERVICE_NAMESPACE,
        variables.REPORTER,
        variables.FLOOR,
        variables.ERRORS_WARNING,
        variables.ERRORS_CRITICAL,
    ),
    rows=(NOW, COURSE, SERVICES, DETAILS),
)
