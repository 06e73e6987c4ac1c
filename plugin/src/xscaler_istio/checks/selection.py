"""What is chosen and what is left out: metrics by name, pods by namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.checks.registry import Issue, check
from xscaler_istio.findings.findings import Severity
from xscaler_istio.values.units import beginning, everything_and_nothing, glob, matches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xscaler_istio.checks.case import Case
    from xscaler_istio.values.settings import Namespaces, Relabeling

# What every published dashboard of Istio and xScaler's page read first (tests/chart/evidence.yaml).
ESSENTIAL = (
    "istio_requests_total",
    "istio_request_duration_milliseconds_bucket",
    "istio_request_duration_milliseconds_sum",
    "istio_request_duration_milliseconds_count",
    "istio_tcp_connections_opened_total",
    "istio_tcp_sent_bytes_total",
    "istio_tcp_received_bytes_total",
    "istio_build",
    "pilot_xds_pushes",
    "pilot_proxy_convergence_time_bucket",
)
# What else is called so, of families in which people leave the end of a name out.
_KNOWN = (
    *ESSENTIAL,
    *(f"istio_{side}_bytes_{end}" for side in ("request", "response") for end in ("bucket", "sum", "count")),
    "istio_request_messages_total",
    "istio_response_messages_total",
    "istio_tcp_connections_closed_total",
    "pilot_xds",
    "pilot_proxy_convergence_time_sum",
    "pilot_proxy_convergence_time_count",
)
# With what all metrics of Istio's components begin (Istio 1.9 to 1.31; Envoy's depend on proxyStatsMatcher).
_FAMILIES = (
    "agentgateway_",
    "auto_registration_",
    "citadel_",
    "controller_sync_errors_total",
    "endpoint_no_pod",
    "envoy_",
    "galley_",
    "go_",
    "grpc_",
    "istio_",
    "istiod_",
    "nodeagent_",
    "num_",
    "pilot_",
    "process_",
    "remote_cluster_sync_timeouts_total",
    "scrape_",
    "sidecar_injection_",
    "up",
    "webhook_patch_",
    "workload_manager_",
    "xds_cache_",
    "ztunnel_",
)
# Where installation guides put gateways.
GATEWAY_NAMESPACES = ("istio-system", "istio-ingress", "istio-egress", "istio-gateway", "istio-gateways", "gateways")


@check("XS230", Severity.WARNING)
def essential_metrics_dropped(case: Case) -> Iterator[Issue]:
    """What dashboards read first is dropped.

    Why: metrics.excludeMetrics wins over profile and includeMetrics, and a rule of metrics.extraMetricRelabelings comes
    last of all. Without these metrics Istio's dashboards have empty panels. Drops that would merge series or break a
    histogram are refused by the chart (XS100).

    Fix: a narrower expression; to pay less, the profile `minimal`.

    Example:
        metrics:
          excludeMetrics:
            - istio_response_bytes_(bucket|sum|count)
    """
    metrics = case.settings.metrics
    if not case.settings.collector:
        return
    for number, expression in enumerate(metrics.exclude_metrics):
        gone = matches(expression, ESSENTIAL)
        if 0 < len(gone) < len(ESSENTIAL):
            yield _dropped(f"metrics.excludeMetrics.{number}", gone)
    for number, rule in enumerate(metrics.extra_metric_relabelings):
        if gone := _gone(rule):
            yield _dropped(f"metrics.extraMetricRelabelings.{number}", gone)


def _gone(rule: Relabeling) -> tuple[str, ...]:
    """Return what a rule drops whatever the labels are: by name, or by the value of a label, which may be any."""
    if rule.source_labels != ("__name__",):
        return ESSENTIAL if rule.action == "drop" and everything_and_nothing(rule.regex) else ()
    matched = matches(rule.regex, ESSENTIAL)
    dropped = {"drop": matched, "keep": tuple(name for name in ESSENTIAL if name not in matched)}
    return dropped.get(rule.action, ())


def _dropped(path: str, gone: tuple[str, ...]) -> Issue:
    shown = ", ".join(gone[:3]) + (f" and {len(gone) - 3} more" if len(gone) > 3 else "")
    return Issue(path, f"{_readable(path)} drops {shown}, which dashboards read", "use a narrower expression")


@check("XS231", Severity.WARNING)
def matches_no_metric(case: Case) -> Iterator[Issue]:
    """An expression matches no metric.

    Why: expressions are anchored, so neither `requests` nor `istio_requests` finds istio_requests_total. An entry of
    includeMetrics that begins like no metric of Istio or Envoy adds nothing, and one of excludeMetrics that begins like
    nothing that is kept drops nothing.

    Fix: the whole name, or `.*` where it goes on.

    Example:
        metrics:
          includeMetrics:
            - envoy_cluster_upstream_rq_.*
    """
    metrics = case.settings.metrics
    if not case.settings.collector:
        return
    for key, expressions in (("include", metrics.include_metrics), ("exclude", metrics.exclude_metrics)):
        for number, expression in enumerate(expressions):
            if whole := _without_its_end(expression):
                yield _nothing(f"metrics.{key}Metrics.{number}", f"is no metric, and {whole} is one")
    for number, expression in enumerate(metrics.include_metrics):
        if not _may_match(expression, _FAMILIES):
            yield _nothing(
                f"metrics.includeMetrics.{number}", "begins like no metric of Istio or Envoy: it adds nothing"
            )
    kept = [*metrics.include_metrics, *(item for job in case.settings.scraped for item in _kept(case, job))]
    for number, expression in enumerate(metrics.exclude_metrics):
        if not _may_match(expression, [beginning(item) for item in kept]):
            yield _nothing(f"metrics.excludeMetrics.{number}", "begins like nothing that is kept: it drops nothing")


def _kept(case: Case, job: str) -> tuple[str, ...]:
    return case.facts.profile.keep.get(job, ())


def _nothing(path: str, why: str) -> Issue:
    return Issue(
        path, f"{_readable(path)} {why}", "expressions are anchored: write the whole name, with .* where it goes on"
    )


def _without_its_end(literal: str) -> str:
    """Return the first metric of which a name is the beginning without being one itself."""
    longer = (name for name in _KNOWN if name.startswith(f"{literal}_"))
    return "" if literal in _KNOWN else next(longer, "")


def _may_match(expression: str, beginnings: tuple[str, ...] | list[str]) -> bool:
    ours = beginning(expression)
    return any(ours.startswith(other) or other.startswith(ours) for other in beginnings)


@check("XS233", Severity.WARNING)
def namespaces_without_effect(case: Case) -> Iterator[Issue]:
    """A choice of namespaces leaves nothing, or changes nothing.

    Why: exclude wins over include. If exclude covers all of include, or is `*`, nothing is left; an entry of exclude
    that touches no entry of include changes nothing and misleads the next reader.

    Fix: remove what has no effect.

    Example:
        metrics:
          namespaces:
            include: ["team-*"]
            exclude: [team-sandbox]
    """
    for key, namespaces in _choices(case).items():
        covered = [name for name in namespaces.include if _excluded(name, namespaces)]
        if "*" in namespaces.exclude or (namespaces.include and len(covered) == len(namespaces.include)):
            yield Issue(f"{key}.exclude", f"{key}.exclude leaves nothing", "exclude less, or turn this part off")
            continue
        for number, name in enumerate(namespaces.include):
            if name in covered:
                path = f"{key}.include.{number}"
                yield Issue(
                    path, f"{_readable(path)} ({name}) is excluded again by {key}.exclude", "remove it from one of them"
                )
        for number, name in enumerate(namespaces.exclude):
            if namespaces.include and not any(_overlap(name, other) for other in namespaces.include):
                path = f"{key}.exclude.{number}"
                yield Issue(path, f"{_readable(path)} ({name}) was never included: it changes nothing", "remove it")


@check("XS234", Severity.WARNING)
def gateways_excluded(case: Case) -> Iterator[Issue]:
    """A namespace is excluded that often holds gateways.

    Why: gateways are proxies like sidecars, and what they count is the traffic from outside. With istio-system excluded
    to silence istiod, ingress vanishes too; istiod is scraped wherever it runs and has a switch of its own.

    Fix: do not exclude it; turn off the kind of target that you mean.

    Example:
        metrics:
          targets:
            istiod:
              enabled: false
    """
    for key, namespaces in _choices(case).items():
        for number, name in enumerate(namespaces.exclude):
            held = [other for other in GATEWAY_NAMESPACES if glob(name).fullmatch(other)]
            if held and name != "*":
                path = f"{key}.exclude.{number}"
                yield Issue(
                    path,
                    f"{_readable(path)} ({name}) leaves out {', '.join(held)}, where gateways often run",
                    "see where yours run (kubectl get pods -A -l istio=ingressgateway)",
                )


@check("XS235", Severity.INFO)
def gateways_not_included(case: Case) -> Iterator[Issue]:
    """No namespace is included that usually holds gateways.

    Why: with a list of namespaces everything else is left out, gateways too, and with them the traffic from outside.

    Fix: include the gateways' namespace.

    Example:
        metrics:
          namespaces:
            include: ["team-*", istio-ingress]
    """
    for key, namespaces in _choices(case).items():
        if namespaces.include and not any(
            glob(name).fullmatch(other) or "gateway" in name or "gress" in name
            for name in namespaces.include
            for other in GATEWAY_NAMESPACES
        ):
            yield Issue(
                f"{key}.include",
                f"{key}.include names no namespace that usually holds gateways: their traffic is left out",
                "add the namespace of your gateways, if you have some",
            )


@check("XS236", Severity.WARNING)
def control_plane_out_of_sight(case: Case) -> Iterator[Issue]:
    """The collector may not see the namespace of the control plane.

    Why: with rbac.namespaces it sees pods in these namespaces alone. istiod, ztunnel and istio-cni run in Istio's own
    namespace, which is left out here: their targets are not found, and nothing says so but missing series.

    Fix: add Istio's namespace, or turn the kinds of targets off that run there.

    Example:
        rbac:
          namespaces: [shop, istio-system]
    """
    rbac, root = case.settings.rbac, case.settings.istio.root_namespace
    there = [name for name in ("istiod", "ztunnel", "cni") if name in case.settings.scraped]
    if rbac.create and rbac.namespaces and root not in rbac.namespaces and there:
        yield Issue(
            "rbac.namespaces",
            f"rbac.namespaces leaves out {root}: {', '.join(there)} are not found, if they run there",
            f"add {root}, or turn off metrics.targets.{there[0]}",
        )


def _readable(path: str) -> str:
    """Return a path with its index as people write it."""
    head, _, number = path.rpartition(".")
    return f"{head}[{number}]"


def _choices(case: Case) -> Mapping[str, Namespaces]:
    settings = case.settings
    metrics = {"metrics.namespaces": settings.metrics.namespaces} if "proxies" in settings.scraped else {}
    logs = {"logs.namespaces": settings.logs.namespaces} if settings.logs.enabled else {}
    return {**metrics, **logs}


def chosen(namespaces: Namespaces, name: str) -> bool:
    """Return whether a namespace is among those that are included and not excluded."""
    included = not namespaces.include or any(glob(pattern).fullmatch(name) for pattern in namespaces.include)
    return included and not _excluded(name, namespaces)


def _excluded(name: str, namespaces: Namespaces) -> bool:
    """Return whether all that an entry of include stands for is excluded."""
    return any(glob(pattern).fullmatch(name) for pattern in namespaces.exclude)


def _overlap(one: str, other: str) -> bool:
    """Return whether a name may match both patterns: they agree before and after their stars."""
    if "*" not in one or "*" not in other:
        return bool(glob(one).fullmatch(other) or glob(other).fullmatch(one))
    first, second = one.partition("*")[0], other.partition("*")[0]
    last, final = one.rpartition("*")[2], other.rpartition("*")[2]
    return (first.startswith(second) or second.startswith(first)) and (last.endswith(final) or final.endswith(last))
