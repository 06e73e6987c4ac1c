"""Requests and connections as several dashboards show them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from dashboards import variables
from dashboards.datasources import Query
from dashboards.panels import ERRORS, MUTUAL_TLS, Column, Opens, Over, lines, number, rows
from dashboards.queries import RECENT, SHOWN, quantile, rate, share, sums, tcp_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboards.panels import Panel

OPENS_SERVICE = Opens(
    "service",
    "Open Istio service",
    {"cluster": "cluster", "namespace": "destination_service_namespace", "service": "destination_service_name"},
)


@dataclasses.dataclass(frozen=True)
class Requests:
    """HTTP requests whose series match."""

    matchers: str

    def all(self, over: str = RECENT) -> str:
        """Return requests a second."""
        return rate("istio_requests_total", self.matchers, over=over)

    def error_rate(self, *, by: str = "", over: str = RECENT, above: object = 0) -> str:
        """Return the share of requests with a 5xx response."""
        failed = rate("istio_requests_total", self.matchers, 'response_code=~"5.."', over=over)
        return share(failed, self.all(over), by=by, above=above)

    def latency(self, share_below: float, *, by: str = "", over: str = RECENT) -> str:
        """Return a quantile of the time that requests take."""
        return quantile(share_below, rate("istio_request_duration_milliseconds_bucket", self.matchers, over=over), by)


def table(
    title: str, description: str, requests: Requests, labels: Mapping[str, str], opens: Opens, by: str = ""
) -> Panel:
    """Return a table of requests over the time range, with a row for each set of labels, the busiest first.

    `by` are the labels in another order than that of the columns.
    """
    by = by or ", ".join(labels)
    columns = (
        Column("Requests", sums(requests.all(SHOWN), by), "reqps"),
        Column("Error rate", requests.error_rate(by=by, over=SHOWN), "percentunit"),
        Column("p50", requests.latency(0.5, by=by, over=SHOWN), "ms"),
        Column("p99", requests.latency(0.99, by=by, over=SHOWN), "ms"),
    )
    return rows(title, description, labels, *columns, sort="Requests", opens=opens)


def mutual_tls(description: str, metric: str, matchers: str) -> Panel:
    """Return the lowest share of a counter's requests or connections with mutual TLS."""
    encrypted = rate(metric, matchers, 'connection_security_policy="mutual_tls"')
    expr = share(encrypted, rate(metric, matchers), above=variables.FLOOR)
    return number("Mutual TLS", description, expr, Over.LOWEST, unit="percentunit", levels=MUTUAL_TLS)


def error_rate(
    requests: Requests, title: str = "Error rate", description: str = "Share of requests with a 5xx response."
) -> Panel:
    """Return the worst error rate."""
    expr = requests.error_rate(above=variables.FLOOR)
    return number(title, description, expr, Over.HIGHEST, unit="percentunit", levels=ERRORS)


def slowest(requests: Requests) -> Panel:
    """Return the worst latency."""
    expr = requests.latency(0.99)
    return number("Latency p99", "99 % of requests take less time.", expr, Over.HIGHEST, unit="ms")


def latency(
    requests: Requests, title: str = "Latency", description: str = "Percentiles of the time that requests take."
) -> Panel:
    """Return percentiles of latency over time."""
    percentiles = (Query(requests.latency(percent / 100), f"p{percent}") for percent in (50, 90, 99))
    return lines(title, description, *percentiles, unit="ms")


def tcp_traffic(
    matchers: str, title: str = "TCP traffic", description: str = "Bytes a second on TCP connections."
) -> Panel:
    """Return bytes over time, by direction."""
    directions = (Query(tcp_bytes(direction, matchers), direction) for direction in ("received", "sent"))
    return lines(title, description, *directions, unit="Bps")
