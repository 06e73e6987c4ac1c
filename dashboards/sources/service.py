"""Istio service: what a service's owners look at."""

from dashboards import variables
from dashboards.board import Board, row
from dashboards.datasources import Query
from dashboards.panels import BY_STATUS, ERRORS, Opens, Over, lines, number
from dashboards.queries import MESH, per, rate, share, sums
from dashboards.traffic import Requests, error_rate, latency, mutual_tls, slowest, table, tcp_traffic

SERVICE = f'{MESH}, destination_service_namespace=~"$namespace", destination_service_name=~"$service"'
TRAFFIC = f'{SERVICE}, reporter=~"$reporter"'
REQUESTS = Requests(TRAFFIC)
# Clients' proxies do not know it.
RECEIVED = f'{SERVICE}, reporter=~"destination|waypoint"'


def mean_size(what: str) -> str:
    """Return the mean size of requests or responses."""
    total, count = (sums(rate(f"istio_{what}_bytes_{part}", TRAFFIC)) for part in ("sum", "count"))
    return f"{total} / ({count} > 0)"


NOW = row(
    4,
    number("Requests", "Requests a second to the service.", sums(REQUESTS.all()), Over.MEAN, unit="reqps"),
    error_rate(REQUESTS),
    slowest(REQUESTS),
    number(
        "Requests with a response flag",
        "Share of requests that a proxy answered itself or aborted. Their response flag says why, for example UF, UH "
        "or DC.",
        share(rate("istio_requests_total", TRAFFIC, 'response_flags!="-"'), REQUESTS.all(), above=variables.FLOOR),
        Over.HIGHEST,
        unit="percentunit",
        levels=ERRORS,
    ),
    mutual_tls(
        "Share of requests that came with the client's certificate, as servers count them.",
        "istio_requests_total",
        RECEIVED,
    ),
)
COURSE = row(
    8,
    lines(
        "Requests by status",
        "Requests a second by response code. Requests with code 0 got no response.",
        per(REQUESTS.all(), "response_code"),
        unit="reqps",
        stacked=True,
        colors=BY_STATUS,
    ),
    latency(REQUESTS),
)
CLIENTS = row(
    8,
    table(
        "Clients",
        "Workloads that call the service, busiest first; means over the time range. A client without a proxy is "
        "unknown. A click opens the client.",
        REQUESTS,
        {"cluster": "Cluster", "source_workload_namespace": "Namespace", "source_workload": "Client"},
        Opens(
            "workload",
            "Open Istio workload",
            {"cluster": "cluster", "namespace": "source_workload_namespace", "workload": "source_workload"},
        ),
    ),
    lines(
        "Requests by revision",
        "Requests a second by workload and revision of the service; shows how a canary takes over.",
        per(REQUESTS.all(), "destination_workload", "destination_canonical_revision"),
        unit="reqps",
        stacked=True,
    ),
    widths=(16, 8),
)
BYTES = row(
    7,
    lines(
        "Mean size of requests and responses",
        "Bytes of a body, without headers.",
        Query(mean_size("request"), "request"),
        Query(mean_size("response"), "response"),
        unit="bytes",
    ),
    lines(
        "New TCP connections",
        "TCP connections that clients open a second.",
        per(rate("istio_tcp_connections_opened_total", TRAFFIC), "destination_service_name"),
        unit="suffix:connections/s",
    ),
    tcp_traffic(TRAFFIC),
)

BOARD = Board(
    name="service",
    title="Istio service",
    description="How does a service respond, and to whom? Requests, errors, latency and sizes of services, by client.",
    variables=(
        variables.CLUSTER,
        variables.SERVICE_NAMESPACE,
        variables.SERVICE,
        variables.REPORTER,
        variables.FLOOR,
        variables.ERRORS_WARNING,
        variables.ERRORS_CRITICAL,
        variables.TLS_CRITICAL,
    ),
    rows=(NOW, COURSE, CLIENTS, BYTES),
)
