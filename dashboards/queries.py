"""PromQL that several dashboards share."""

from __future__ import annotations

from dashboards.datasources import Query

MESH = 'job="integrations/istio", cluster=~"$cluster"'
# Grafana's ranges: that of the newest points, and all that the dashboard shows.
RECENT, SHOWN = "$__rate_interval", "$__range"
# The labels that name a service, and what a legend makes of them.
SERVICE = "cluster, destination_service_namespace, destination_service_name"
SERVICE_NAME = "{{destination_service_name}}.{{destination_service_namespace}}"


def rate(metric: str, *matchers: str, over: str = RECENT) -> str:
    """Return a rate a second of the series that match."""
    return f"rate({metric}{{{', '.join(matchers)}}}[{over}])"


def sums(vector: str, by: str = "") -> str:
    """Return the sum of a vector, by labels."""
    return f"sum by ({by}) ({vector})" if by else f"sum({vector})"


def per(vector: str, *labels: str) -> Query:
    """Return the query of a sum by labels, with their values as the legend."""
    return Query(sums(vector, ", ".join(labels)), " ".join(f"{{{{{label}}}}}" for label in labels))


def share(part: str, whole: str, *, by: str = "", above: object = 0) -> str:
    """Return which share of the whole the part is, where the whole is above a number: nothing is divided by zero."""
    return f"({sums(part, by)} or 0 * {sums(whole, by)}) / ({sums(whole, by)} > {above})"


def quantile(share_below: float, buckets: str, by: str = "") -> str:
    """Return a quantile of a histogram's rates."""
    return f"histogram_quantile({share_below}, {sums(buckets, f'{by}, le' if by else 'le')})"


def tcp_bytes(direction: str, matchers: str) -> str:
    """Return bytes a second that were sent or received."""
    return sums(rate(f"istio_tcp_{direction}_bytes_total", matchers))
