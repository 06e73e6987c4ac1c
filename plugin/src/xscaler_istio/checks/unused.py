"""Values that are set and change nothing."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from xscaler_istio.checks.registry import Issue, check
from xscaler_istio.findings.findings import Severity
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.values.units import bytes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from xscaler_istio.checks.case import Case
    from xscaler_istio.values.settings import Settings


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Unread:
    """Keys that have no effect under a condition; a key includes all keys below it."""

    keys: tuple[str, ...]
    when: Callable[[Settings], bool]
    why: str
    what: str = "has no effect"
    fix: str = "remove it"


def _collector_is_not(name: str) -> Callable[[Settings], bool]:
    return lambda settings: settings.metrics.collector != name


def _is_off(block: str) -> Callable[[Settings], bool]:
    return lambda settings: not settings.switches[block].enabled


def _keys(block: str, names: str, *more: str) -> tuple[str, ...]:
    return (*(f"{block}.{name}" for name in names.split()), *more)


_TARGETS = ("proxies", "agents", "ztunnel", "istiod", "cni", "agentgateway")
_METRICS = _keys(
    "metrics",
    "profile proxyDetails histograms scrapeInterval scrapeTimeout targets namespaces includeMetrics excludeMetrics"
    " extraMetricRelabelConfigs honorPrometheusOptOut shards",
    "xscaler.metrics.url",
)
_LOGS = _keys(
    "logs",
    "source runtime containers namespaces startAt structuredMetadata redactQueryStrings maskForwardedFor redact"
    " streamLabels sampling drop extraStages",
    "logAgent",
    "xscaler.logs.url",
    "xscaler.limits.logLineBytes",
    "xscaler.limits.labelsPerStream",
    "xscaler.plan.logBytesPerSecond",
)
# Parts of the chart that are not rendered.
_PARTS = (
    *(
        _Unread(keys=(name,), when=_collector_is_not(name), why=f"metrics.collector is not {name}")
        for name in COLLECTORS
    ),
    _Unread(keys=_METRICS, when=lambda settings: not settings.collector, why="metrics.collector is none"),
    _Unread(keys=_LOGS, when=lambda settings: not settings.logs.enabled, why="logs.enabled is false"),
    *(
        _Unread(keys=_keys(block, keys), when=_is_off(block), why=f"{block}.enabled is false")
        for block, keys in {
            "tests": "image timeout",
            "networkPolicy": "apiServerPorts scrapePorts ingress egress",
            "podDisruptionBudget": "maxUnavailable",
            "serviceMonitor": "interval labels relabelings metricRelabelings",
            "prometheusRule": "labels alerts",
        }.items()
    ),
    _Unread(keys=("rbac.namespaces",), when=lambda settings: not settings.rbac.create, why="rbac.create is false"),
)


@check("XS270", Severity.WARNING)
def part_is_off(case: Case) -> Iterator[Issue]:
    """A key belongs to a part that is off.

    Why: the chart renders nothing from it. Often it belongs to a collector that was used before, or a switch is
    missing.

    Fix: remove the key, or turn the part on.

    Example:
        metrics:
          collector: alloy
        alloy:
          resources:
            limits:
              memory: 3Gi
    """
    yield from _unread(case, _PARTS)


def _no_http(settings: Settings) -> bool:
    return not any(url.startswith("http://") for url in (settings.xscaler.metrics.url, settings.xscaler.logs.url))


def _target_is_off(name: str) -> Callable[[Settings], bool]:
    return lambda settings: bool(settings.collector) and name not in settings.scraped


# Keys of parts that are on, which another value disables.
_KEYS = (
    _Unread(
        keys=("xscaler.auth.username", "xscaler.auth.existingSecret.usernameKey"),
        when=lambda s: s.xscaler.auth.type != "basic",
        why="xscaler.auth.type is bearer",
    ),
    _Unread(
        keys=("xscaler.auth.existingSecret.tokenKey",),
        when=lambda s: not s.xscaler.auth.existing_secret.name,
        why="xscaler.auth.existingSecret.name is empty",
    ),
    _Unread(
        keys=_keys("xscaler.tls.ca", "kind key"),
        when=lambda s: not s.xscaler.tls.ca.name,
        why="xscaler.tls.ca.name is empty",
    ),
    _Unread(
        keys=("xscaler.proxySecret.key",),
        when=lambda s: not s.xscaler.proxy_secret.name,
        why="xscaler.proxySecret.name is empty",
    ),
    _Unread(keys=("xscaler.allowInsecureHttp",), when=_no_http, why="no URL is http"),
    *(
        _Unread(
            keys=_keys(f"metrics.targets.{name}", "port scrapeInterval sampleLimit bodySizeLimit"),
            when=_target_is_off(name),
            why=f"metrics.targets.{name}.enabled is false",
        )
        for name in _TARGETS
    ),
    _Unread(
        keys=("metrics.namespaces",), when=_target_is_off("proxies"), why="metrics.targets.proxies.enabled is false"
    ),
    _Unread(
        keys=("logs.runtime", "logAgent.statePath", "logAgent.updateStrategy"),
        when=lambda s: s.logs.enabled and s.logs.source == "api",
        why="logs.source is api, which reads no files",
    ),
    _Unread(
        keys=("istio.telemetry.apiVersion",),
        when=lambda s: not (s.istio.telemetry.access_logging.enabled or s.istio.telemetry.trim_tags.enabled),
        why="the release has no Telemetry object",
    ),
    _Unread(
        keys=("serviceAccount.annotations",),
        when=lambda s: not s.service_account.create,
        why="serviceAccount.create is false",
    ),
    *(
        _Unread(
            keys=(f"{name}.persistence.storageClassName",),
            when=lambda s, name=name: s.metrics.collector == name and not s.collectors[name].persistence.enabled,  # type: ignore[misc]
            why=f"{name}.persistence.enabled is false",
        )
        for name in COLLECTORS
    ),
)


@check("XS271", Severity.WARNING)
def key_is_not_read(case: Case) -> Iterator[Issue]:
    """A key has no effect because of another value.

    Why: nothing reads it, so it does not do what you want.

    Fix: remove it, or change the other value.

    Example:
        xscaler:
          auth:
            type: basic
            username: istio
    """
    yield from _unread(case, _KEYS)


def _ignored(case: Case) -> tuple[_Unread, ...]:
    """Return the keys of the collector's block and of `metrics` that it ignores or reads differently."""
    settings, name = case.settings, case.settings.metrics.collector
    # Most values have none of these, and importing an entry is slow.
    if not settings.collector or not any(path.startswith((f"{name}.", "metrics.")) for path in case.changed):
        return ()
    return tuple(
        _Unread(
            # `*` stands for a kind of targets.
            keys=tuple(dict.fromkeys(key.replace("*", kind) for key in ignored.keys for kind in _TARGETS)),
            when=lambda _: True,
            why=ignored.why,
            what=ignored.what,
            fix=ignored.fix,
        )
        for ignored in COLLECTORS[name].ignored
    )


@check("XS272", Severity.WARNING)
def collector_ignores_key(case: Case) -> Iterator[Issue]:
    """The chosen collector ignores a key, or reads it differently.

    Why: the collectors send the same series but differ in a few settings (docs/collectors.md): the OpenTelemetry
    Collector keeps no data on disk, and Alloy's sample limit counts all samples of a response.

    Fix: remove it, or use this collector's alternative.

    Example:
        metrics:
          targets:
            proxies:
              bodySizeLimit: 50MB
    """
    yield from _unread(case, _ignored(case))


@check("XS273", Severity.WARNING)
def persistence_buys_nothing(case: Case) -> Iterator[Issue]:
    """A persistent volume has no benefit.

    Why: no collector sends data that an earlier process left on disk, so after an outage a PersistentVolumeClaim has no
    advantage over an emptyDir but its size, and it ties the pod to a zone. With no more space than the default emptyDir
    it has no benefit. The chart refuses it for `opentelemetry` (XS100).

    Fix: remove it, or keep it with a size that the nodes' disks cannot offer.

    Example:
        prometheus:
          persistence:
            enabled: false
    """
    collector, name = case.settings.collector, case.settings.metrics.collector
    if not collector or not collector.persistence.enabled:
        return
    size, usual = collector.persistence.size, case.defaults.collectors[name].persistence.size
    if (bytes_of(size) or 0) <= (bytes_of(usual) or 0):
        yield Issue(
            f"{name}.persistence.enabled",
            f"{name}.persistence.enabled is true with {size}, which an emptyDir offers too: it has no benefit",
            f"set {name}.persistence.enabled: false",
        )


def _unread(case: Case, table: tuple[_Unread, ...]) -> Iterator[Issue]:
    """Yield one issue for each group of changed keys without effect."""
    for entry in table:
        if entry.when(case.settings):
            changed = [path for path in case.changed if f"{path}.".startswith(tuple(f"{key}." for key in entry.keys))]
            if changed:
                more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
                yield Issue(changed[0], f"{changed[0]}{more} {entry.what}: {entry.why}", entry.fix)
