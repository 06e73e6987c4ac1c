"""Istio access logs, and what proxies, ztunnel and istio-agent log beside them."""

from dashboards import variables
from dashboards.board import Board, row
from dashboards.datasources import LOGS, Query
from dashboards.panels import BY_STATUS, ERRORS, Levels, Over, bars, lines, log_lines, number
from dashboards.queries import SHOWN, per, share, sums

STREAMS = 'job="integrations/istio", cluster=~"$cluster", namespace=~"$namespace"'
ACCESS = f'{{{STREAMS}, log_type="access"}}'
SYSTEM = f'{{{STREAMS}, log_type="system"}}'
REQUESTS = f'{ACCESS} | response_code=~"[1-5].." | upstream_cluster=~"$side"'
FAILED = f'{ACCESS} | response_code=~"5.." | upstream_cluster=~"$side"'
RECENT = "$__auto"


def rate(selected: str, over: str = RECENT) -> str:
    """Return lines a second."""
    return f"rate({selected} [{over}])"


def duration(share_below: float, by: str, over: str = RECENT) -> str:
    """Return a quantile of requests' durations."""
    return f"quantile_over_time({share_below}, {REQUESTS} | unwrap duration [{over}]) by ({by})"


NOW = row(
    4,
    number("Requests", "Requests a second.", sums(rate(REQUESTS)), Over.MEAN, unit="reqps", source=LOGS),
    number(
        "Error rate",
        "Share of requests with a 5xx response.",
        share(rate(FAILED), rate(REQUESTS), above=variables.FLOOR),
        Over.HIGHEST,
        unit="percentunit",
        levels=ERRORS,
        source=LOGS,
    ),
    number(
        "Duration p99", "99 % of requests take less time.", duration(0.99, "job"), Over.HIGHEST, unit="ms", source=LOGS
    ),
    number(
        "Error lines",
        "Lines a second of level error or fatal from proxies, ztunnel and istio-agent.",
        f"{sums(rate(f'{SYSTEM} | level=~`error|fatal`'))} or vector(0)",
        Over.HIGHEST,
        unit="suffix:lines/s",
        levels=Levels("green", (("orange", variables.LOG_ERRORS_WARNING),)),
        source=LOGS,
    ),
)
COURSE = row(
    8,
    lines(
        "Requests by status",
        "Requests a second by response code.",
        per(rate(REQUESTS), "response_code"),
        unit="reqps",
        stacked=True,
        colors=BY_STATUS,
        source=LOGS,
    ),
    lines(
        "Duration",
        "Percentiles of the time that requests take.",
        *(Query(duration(number / 100, "job"), f"p{number}") for number in (50, 90, 99)),
        unit="ms",
        source=LOGS,
    ),
    lines(
        "Requests by response flag",
        "Requests a second that a proxy answered itself or aborted, on either side, by the reason.",
        per(rate(f'{ACCESS} | response_flags=~"[A-Z].*"'), "response_flags"),
        unit="reqps",
        stacked=True,
        source=LOGS,
    ),
)
PROXIES = row(
    8,
    bars(
        "Proxies that fail most",
        "Share of requests with a 5xx response over the time range, on the side that Written by chooses. Proxies with "
        "less traffic than Ignore below are left out.",
        Query(
            f"topk(8, {share(rate(FAILED, SHOWN), rate(REQUESTS, SHOWN), by='pod', above=variables.FLOOR)})", "{{pod}}"
        ),
        unit="percentunit",
        levels=ERRORS,
        source=LOGS,
    ),
    bars(
        "Slowest proxies",
        "95th percentile of the duration over the time range.",
        Query(f"topk(8, {duration(0.95, 'pod', SHOWN)})", "{{pod}}"),
        unit="ms",
        source=LOGS,
    ),
    lines(
        "ztunnel connections",
        "Connections that end a second, by direction, with and without an error.",
        per(rate(f'{ACCESS} | direction!="" | error=""'), "direction"),
        Query(sums(rate(f'{ACCESS} | direction!="" | error!=""'), "direction"), "{{direction}}, error"),
        unit="suffix:connections/s",
        source=LOGS,
    ),
)
FAILURES = row(
    9,
    log_lines(
        "Failed requests and connections",
        "Access log lines with a 5xx response, a response flag or an error. Contains filters them.",
        f'{ACCESS} |= `$search` | response_code=~"5.." or response_flags=~"[A-Z].*" or error!=""'
        " | line_format `{{ if .response_code }}{{ .pod }} {{ .response_code }} {{ .response_flags }} {{ .method }}"
        " {{ .authority }}{{ .path }} {{ .duration }} ms {{ .upstream_cluster }}{{ else }}{{ __line__ }}{{ end }}`",
        source=LOGS,
    ),
)
PROGRAMS = row(
    9,
    log_lines(
        "Program logs",
        "Lines of proxies, ztunnel and istio-agent that are not access logs. Contains filters them.",
        f"{SYSTEM} |= `$search`",
        source=LOGS,
    ),
)

BOARD = Board(
    name="access-logs",
    title="Istio access logs",
    description=(
        "What do the access logs show? Status, response flags, slow and failing upstreams, connections of ztunnel, and "
        "the lines themselves. Needs logs.enabled and logs.structuredMetadata."
    ),
    variables=(
        variables.LOG_CLUSTER,
        variables.LOG_NAMESPACE,
        variables.SIDE,
        variables.SEARCH,
        variables.FLOOR,
        variables.ERRORS_WARNING,
        variables.ERRORS_CRITICAL,
        variables.LOG_ERRORS_WARNING,
    ),
    rows=(NOW, COURSE, PROXIES, FAILURES, PROGRAMS),
    source=LOGS,
)
