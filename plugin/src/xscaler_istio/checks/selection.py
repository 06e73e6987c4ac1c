"""The selection of metrics by name and of pods by namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.checks.registry import Issue, check
from xscaler_istio.findings.findings import Severity
from xscaler_istio.values.units import beginning, everything_and_nothing, glob, matches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xscaler_istio.checks.case import Case
    from xscaler_istio.values.settings import Namespaces, Relabeling

# The most important metrics of Istio's published dashboards and of xScaler's page (tests/chart/evidence.yaml).
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
# Further metrics of families whose suffix people forget.
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
# The prefixes of all metrics of Istio's components (Istio 1.9 to 1.31; Envoy's depend on proxyStatsMatcher).
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
# The namespaces in which installation guides put gateways.
GATEWAY_NAMESPACES = ("istio-system", "istio-ingress", "istio-egress", "istio-gateway", "istio-gateways", "gateways")


@check("XS230", Severity.WARNING)
def essential_metrics_dropped(case: Case) -> Iterator[Issue]:
    """Metrics that every dashboard needs are dropped.

    Why: metrics.excludeMetrics overrides profile and includeMetrics, and rules in metrics.extraMetricRelabelConfigs
    apply last. Without these metrics Istio's dashboards have empty panels. The chart refuses drops that would merge
    series or break a histogram (XS100).

    Fix: use a narrower expression; to pay less, use the profile `minimal`.

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
    for number, rule in enumerate(metrics.extra_metric_relabel_configs):
        if gone := _gone(rule):
            yield _dropped(f"metrics.extraMetricRelabelConfigs.{number}", gone)


def _gone(rule: Relabeling) -> tuple[str, ...]:
    """Return the metrics that a rule drops whatever their labels are: by name, or for any value of a label."""
    if rule.source_labels != ("__name__",):
        return ESSENTIAL if rule.action == "drop" and everything_and_nothing(rule.regex) else ()
    matched = matches(rule.regex, ESSENTIAL)
    dropped = {"drop": matched, "keep": tuple(name for name in ESSENTIAL if name not in matched)}
    return dropped.get(rule.action, ())


def _dropped(path: str, gone: tuple[str, ...]) -> Issue:
    shown = ", ".join(gone[:3]) + (f" and {len(gone) - 3} more" if len(gone) > 3 else "")
    return Issue(path, f"{_readable(path)} drops {shown}, which dashboards need", "use a narrower expression")


@check("XS231", Severity.WARNING)
def matches_no_metric(case: Case) -> Iterator[Issue]:
    """An expression matches no metric.

    Why: expressions must match the whole name, so neither `requests` nor `istio_requests` matches istio_requests_total.
    An entry of includeMetrics adds nothing if no metric of Istio or Envoy begins like it, and one of excludeMetrics
    drops nothing if no kept metric begins like it.

    Fix: write the whole name, or end it with `.*`.

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
                yield _nothing(
                    f"metrics.{key}Metrics.{number}", f"matches no whole name, only the beginning of {whole}"
                )
    for number, expression in enumerate(metrics.include_metrics):
        if not _may_match(expression, _FAMILIES):
            yield _nothing(
                f"metrics.includeMetrics.{number}", "adds nothing: no metric of Istio or Envoy begins like this"
            )
    kept = [*metrics.include_metrics, *(item for job in case.settings.scraped for item in _kept(case, job))]
    for number, expression in enumerate(metrics.exclude_metrics):
        if not _may_match(expression, [beginning(item) for item in kept]):
            yield _nothing(f"metrics.excludeMetrics.{number}", "drops nothing: no kept metric begins like this")


def _kept(case: Case, job: str) -> tuple[str, ...]:
    details = case.settings.metrics.proxy_details if job in ("proxies", "agents") else ()
    more = (expression for name in details for expression in case.facts.details[name].keep)
    return (*case.facts.profile.keep.get(job, ()), *more)


def _nothing(path: str, why: str) -> Issue:
    return Issue(path, f"{_readable(path)} {why}", "write the whole name, or end the expression with .*")


def _without_its_end(literal: str) -> str:
    """Return the first metric that begins with a name, unless the name is a metric itself."""
    longer = (name for name in _KNOWN if name.startswith(f"{literal}_"))
    return "" if literal in _KNOWN else next(longer, "")


def _may_match(expression: str, beginnings: tuple[str, ...] | list[str]) -> bool:
    ours = beginning(expression)
    return any(ours.startswith(other) or other.startswith(ours) for other in beginnings)


@check("XS233", Severity.WARNING)
def namespaces_without_effect(case: Case) -> Iterator[Issue]:
    """A selection of namespaces leaves nothing, or changes nothing.

    Why: exclude overrides include. If exclude covers all of include, or is `*`, nothing is left. An entry of exclude
    that overlaps with no entry of include changes nothing and misleads the next reader.

    Fix: remove the entry without effect.

    Example:
        metrics:
          namespaces:
            include: ["team-*"]
            exclude: [team-sandbox]
    """
    for key, namespaces in _choices(case).items():
        covered = [name for name in namespaces.include if _excluded(name, namespaces)]
        if "*" in namespaces.exclude or (namespaces.include and len(covered) == len(namespaces.include)):
            fix = f"exclude less, or set {' and '.join(_switches(case, key))}"
            yield Issue(f"{key}.exclude", f"{key}.exclude leaves nothing", fix)
            continue
        for number, name in enumerate(namespaces.include):
            if name in covered:
                path = f"{key}.include.{number}"
                yield Issue(
                    path, f"{_readable(path)} ({name}) is also excluded by {key}.exclude", "remove it from one of them"
                )
        for number, name in enumerate(namespaces.exclude):
            if namespaces.include and not any(_overlap(name, other) for other in namespaces.include):
                path = f"{key}.exclude.{number}"
                yield Issue(path, f"{_readable(path)} ({name}) has no effect: it is not included", "remove it")


@check("XS234", Severity.WARNING)
def gateways_excluded(case: Case) -> Iterator[Issue]:
    """An excluded namespace often contains gateways.

    Why: gateways are proxies like sidecars and count the traffic from outside. If you exclude istio-system to silence
    istiod, the ingress gateways vanish too. istiod is scraped in every namespace and has its own switch.

    Fix: include the namespace, and turn off the kind of target that you do not want.

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
                    f"{_readable(path)} ({name}) excludes {', '.join(held)}, where gateways often run",
                    "check where yours run (kubectl get pods -A -l istio=ingressgateway)",
                )


@check("XS235", Severity.INFO)
def gateways_not_included(case: Case) -> Iterator[Issue]:
    """No included namespace usually contains gateways.

    Why: a list of namespaces excludes all others, also those of gateways, and with them the traffic from outside.

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
                f"{key}.include has no namespace that usually contains gateways: their traffic would be missing",
                "add the namespace of your gateways, if you have any",
            )


@check("XS236", Severity.WARNING)
def control_plane_out_of_sight(case: Case) -> Iterator[Issue]:
    """The collector may not read the namespace of the control plane.

    Why: with rbac.namespaces it can discover pods only in these namespaces. istiod, ztunnel and istio-cni run in
    Istio's own namespace, which the list lacks: their targets are not found, and only missing series show it.

    Fix: add Istio's namespace, or turn off the kinds of targets that run there.

    Example:
        rbac:
          namespaces: [shop, istio-system]
    """
    rbac, root = case.settings.rbac, case.settings.istio.root_namespace
    there = [name for name in ("istiod", "ztunnel", "cni") if name in case.settings.scraped]
    if rbac.create and rbac.namespaces and root not in rbac.namespaces and there:
        yield Issue(
            "rbac.namespaces",
            f"rbac.namespaces lacks {root}: what runs there is not found ({', '.join(there)})",
            f"add {root}, or set {' and '.join(f'metrics.targets.{name}.enabled: false' for name in there)}",
        )


def _readable(path: str) -> str:
    """Return a path with its index in brackets."""
    head, _, number = path.rpartition(".")
    return f"{head}[{number}]"


def _choices(case: Case) -> Mapping[str, Namespaces]:
    settings = case.settings
    used = {"metrics": "proxies" in settings.scraped, "logs": settings.logs.enabled}
    return dict(choice for part, choice in settings.chosen_namespaces.items() if used[part])


def chosen(namespaces: Namespaces, name: str) -> bool:
    """Return whether a namespace is included and not excluded."""
    included = not namespaces.include or any(glob(pattern).fullmatch(name) for pattern in namespaces.include)
    return included and not _excluded(name, namespaces)


def _switches(case: Case, key: str) -> Iterator[str]:
    """Yield how to turn off what follows a choice of namespaces."""
    used = {"metrics": "proxies" in case.settings.scraped, "logs": case.settings.logs.enabled}
    switch = {"metrics": "metrics.targets.proxies.enabled: false", "logs": "logs.enabled: false"}
    for part, (chosen_by, _) in case.settings.chosen_namespaces.items():
        if used[part] and chosen_by == key:
            yield switch[part]


def _excluded(name: str, namespaces: Namespaces) -> bool:
    """Return whether an entry of include is excluded completely."""
    return any(glob(pattern).fullmatch(name) for pattern in namespaces.exclude)


def _overlap(one: str, other: str) -> bool:
    """Return whether a name may match both patterns: they agree before and after their stars."""
    if "*" not in one or "*" not in other:
        return bool(glob(one).fullmatch(other) or glob(other).fullmatch(one))
    first, second = one.partition("*")[0], other.partition("*")[0]
    last, final = one.rpartition("*")[2], other.rpartition("*")[2]
    return (first.startswith(second) or second.startswith(first)) and (last.endswith(final) or final.endswith(last))
