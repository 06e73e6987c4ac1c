"""Istio control plane: istiod."""

from dashboards import variables
from dashboards.board import Board, row
from dashboards.datasources import Query
from dashboards.panels import ANY, ONE, Levels, Over, lines, number
from dashboards.queries import MESH, per, quantile, rate, sums

ISTIOD = f'{MESH}, app="istiod", pod=~"$istiod"'
CONVERGENCE = rate("pilot_proxy_convergence_time_bucket", ISTIOD)
PUSH = rate("pilot_xds_push_time_bucket", ISTIOD)


def gauge(metric: str, legend: str) -> Query:
    """Return the sum of a gauge over all of istiod."""
    return Query(f"sum({metric}{{{ISTIOD}}})", legend)


def rare(metric: str) -> str:
    """Return the rate of a counter that does not exist before its first event."""
    return f"{sums(rate(metric, ISTIOD))} or vector(0)"


NOW = row(
    4,
    number(
        "istiod pods",
        "Scraped pods of the control plane.",
        f"count(pilot_info{{{ISTIOD}}})",
        Over.LOWEST,
        levels=Levels("red", (("green", ONE),)),
    ),
    number(
        "Convergence time p99",
        "Time from a change until proxies have it, for 99 % of changes.",
        quantile(0.99, CONVERGENCE),
        Over.HIGHEST,
        unit="s",
        levels=Levels("green", (("orange", variables.CONVERGENCE_WARNING), ("red", variables.CONVERGENCE_CRITICAL))),
    ),
    number(
        "Rejected by proxies",
        "Configurations a second that a proxy rejects (NACK).",
        rare("pilot_total_xds_rejects"),
        Over.HIGHEST,
        unit="suffix:NACK/s",
        levels=Levels("green", (("red", ANY),)),
    ),
    number(
        "Root certificate expires in",
        "Time until the mesh's root certificate expires. istiod does not renew a root certificate that you provide.",
        f"min(citadel_server_root_cert_expiry_timestamp{{{ISTIOD}}}) - time()",
        Over.LOWEST,
        unit="dtdurations",
        levels=Levels("red", (("orange", variables.ROOT_CRITICAL), ("green", variables.ROOT_WARNING))),
    ),
)
PUSHES = row(
    8,
    lines(
        "Pushes by type",
        "Configurations that istiod sends to proxies a second, by type of resource.",
        per(rate("pilot_xds_pushes", ISTIOD), "type"),
        unit="suffix:pushes/s",
        stacked=True,
    ),
    lines(
        "Push triggers",
        "Changes a second that make istiod push, by kind.",
        per(rate("pilot_push_triggers", ISTIOD), "type"),
        unit="suffix:changes/s",
        stacked=True,
    ),
    lines(
        "Push and convergence time",
        "Convergence is the time from a change until proxies have it; a push is the time to send one configuration.",
        Query(quantile(0.5, CONVERGENCE), "convergence p50"),
        Query(quantile(0.99, CONVERGENCE), "convergence p99"),
        Query(quantile(0.99, PUSH), "push p99"),
        unit="s",
    ),
)
STATE = row(
    8,
    lines(
        "Proxies by version",
        "Proxies connected to istiod, by their Istio version.",
        Query(f"sum by (version) (pilot_xds{{{ISTIOD}}})", "{{version}}"),
        stacked=True,
    ),
    lines(
        "Configuration conflicts",
        "Conflicts and errors that istiod sees in its input. Above 0, some traffic does not go where it should.",
        gauge("pilot_conflict_inbound_listener", "inbound listeners"),
        gauge("pilot_conflict_outbound_listener_tcp_over_current_tcp", "outbound listeners"),
        gauge("pilot_duplicate_envoy_clusters", "duplicate clusters"),
        gauge("pilot_vservice_dup_domain", "domains in two VirtualServices"),
        gauge("endpoint_no_pod", "endpoints without a pod"),
    ),
    lines(
        "Webhook requests",
        "Pods that istiod injects and configurations that it validates, a second.",
        Query(sums(rate("sidecar_injection_success_total", ISTIOD)), "injected"),
        Query(rare("sidecar_injection_failure_total"), "injection failed"),
        Query(rare("galley_validation_passed"), "valid"),
        Query(rare("galley_validation_failed"), "invalid"),
        unit="reqps",
    ),
)
RESOURCES = row(
    7,
    lines(
        "istiod CPU",
        "CPU cores in use. The kubelet's metrics have limits and requests.",
        per(rate("process_cpu_seconds_total", ISTIOD), "pod"),
        unit="suffix:cores",
    ),
    lines(
        "istiod memory",
        "Resident memory of each pod.",
        Query(f"max by (pod) (process_resident_memory_bytes{{{ISTIOD}}})", "{{pod}}"),
        unit="bytes",
    ),
)

BOARD = Board(
    name="control-plane",
    title="Istio control plane",
    description="Does istiod keep up? Connected proxies, pushes, rejections, certificates, injection, CPU and memory.",
    variables=(
        variables.CLUSTER,
        variables.ISTIOD,
        variables.CONVERGENCE_WARNING,
        variables.CONVERGENCE_CRITICAL,
        variables.ROOT_WARNING,
        variables.ROOT_CRITICAL,
    ),
    rows=(NOW, PUSHES, STATE, RESOURCES),
)
