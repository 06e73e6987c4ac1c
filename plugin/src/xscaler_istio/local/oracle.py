"""The targets that must exist, derived only from the pods, not from the relabelling rules under test.

The rules are those of the wire contract (docs/architecture.md): one target per pod that runs an Istio proxy, and one
for its agent if the values say so, one per istiod, one per istio-cni pod, and one per pod of the release itself.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import ipaddress
import re
from typing import TYPE_CHECKING, Any

from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.rendered.log_agent import LOG_AGENT
from xscaler_istio.rendered.scraping import CLASSIC

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from xscaler_istio.values.settings import Metrics, Settings

JOB_LABEL = "integrations/istio"
OWN_JOB_LABEL = "xscaler-istio"
# The job that scrapes the release's own pods.
OWN_JOB = "self"
# The jobs that scrape the same pods.
_OF_PROXIES = ("proxies", "agents")
_STATUS_PORT = "status_sidecar_istio_io_port"
_PATHS = {OWN_JOB: "/metrics", "istiod": "/metrics", "cni": "/metrics"}
# The usual port of what serves metrics itself, and the values of prometheus.io/path with which prometheus.io/port names
# another one.
_MONITORING = {
    "istiod": ("15014", ("", "/metrics")),
    "cni": ("15014", ("", "/metrics")),
    "ztunnel": ("15020", ("", "/metrics", "/stats/prometheus")),
}
_OWN_COMPONENTS = frozenset({"metrics", "logs", "logs-api"})


@dataclasses.dataclass(frozen=True)
class ExpectedTarget:
    """A target that a collector must scrape: its job, its URL and the labels of its series."""

    job: str
    url: str
    labels: Mapping[str, str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Pod:
    """The relevant parts of a v1 Pod."""

    namespace: str
    name: str
    ip: str
    containers: frozenset[str]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Own:
    """The release that scrapes: its namespace and name, the label app.kubernetes.io/name of its pods, its collector."""

    namespace: str
    release: str
    name: str
    collector: str


@dataclasses.dataclass(frozen=True)
class ScrapeLimits:
    """The limits of one kind of target: samples after the profile, and size of a response; 0 or "" is none."""

    samples: int
    size: str


@dataclasses.dataclass(frozen=True)
class Drop:
    """A rule of the values about names of metrics: the key that has it, its expression, and what it does."""

    key: str
    expression: str
    keeps: bool = False

    def drops(self, name: str) -> bool:
        """Return whether the rule drops a metric."""
        return bool(re.fullmatch(self.expression, name)) is not self.keeps


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choices:
    """The values' choices about targets.

    `jobs`: the enabled kinds; `proxy_port`: 15020 or 15090; `ports`: those of other kinds that do not follow the pod;
    `include` and `exclude`: patterns of the proxies' namespaces, where no `include` means all; `drops`: the values'
    rules about names of metrics; `limits`: by job; `histograms`: their form; `own`: the release, where it scrapes
    itself.
    """

    cluster: str
    jobs: frozenset[str] = frozenset({"proxies", "ztunnel", "istiod", "cni"})
    honor_prometheus_opt_out: bool = False
    proxy_port: int = 15020
    ports: Mapping[str, int] = dataclasses.field(default_factory=dict)
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    drops: tuple[Drop, ...] = ()
    limits: Mapping[str, ScrapeLimits] = dataclasses.field(default_factory=dict)
    histograms: str = CLASSIC
    own: Own | None = None


def choices(settings: Settings, release: str, namespace: str) -> Choices:
    """Return the values' choices for a release of this name in this namespace."""
    metrics, (_, namespaces) = settings.metrics, settings.chosen_namespaces["metrics"]
    there, name = settings.namespace_override or namespace, settings.name_override or "xscaler-istio"
    own = Own(there, release, name, metrics.collector)
    return Choices(
        cluster=settings.cluster.name,
        jobs=frozenset(name for name, kind in metrics.targets.items() if kind.enabled),
        honor_prometheus_opt_out=metrics.honor_prometheus_opt_out,
        proxy_port=metrics.targets["proxies"].port,
        ports={name: kind.port for name, kind in metrics.targets.items() if kind.port and name != "proxies"},
        include=namespaces.include,
        exclude=namespaces.exclude,
        labels=settings.cluster.labels,
        drops=tuple(_drops(metrics)),
        limits={name: ScrapeLimits(kind.sample_limit, kind.body_size_limit) for name, kind in metrics.targets.items()},
        histograms=metrics.histograms,
        own=own if settings.self_monitoring.enabled else None,
    )


def _drops(metrics: Metrics) -> Iterator[Drop]:
    yield from (Drop("metrics.excludeMetrics", expression) for expression in metrics.exclude_metrics)
    for rule in metrics.extra_metric_relabel_configs:
        if rule.source_labels == ("__name__",) and rule.action in ("drop", "keep"):
            yield Drop("metrics.extraMetricRelabelConfigs", rule.regex, keeps=rule.action == "keep")


def expected_targets(manifests: Iterable[Mapping[str, Any]], chosen: Choices) -> tuple[ExpectedTarget, ...]:
    """Return the targets of these v1 Pods, in their order."""
    running = [_read(pod) for pod in manifests if pod.get("status", {}).get("phase") == "Running"]
    wanted = [pod for pod in running if pod.ip and not _opted_out(pod, chosen.honor_prometheus_opt_out)]
    jobs = [(pod, job) for pod in wanted for job in _jobs(pod, chosen.own)]
    enabled = chosen.jobs | {OWN_JOB}
    return tuple(_target(pod, job, chosen) for pod, job in jobs if job in enabled and _admitted(pod, job, chosen))


def _admitted(pod: _Pod, job: str, chosen: Choices) -> bool:
    if job not in _OF_PROXIES:
        return True
    included = not chosen.include or any(fnmatch.fnmatchcase(pod.namespace, name) for name in chosen.include)
    return included and not any(fnmatch.fnmatchcase(pod.namespace, name) for name in chosen.exclude)


def _read(manifest: Mapping[str, Any]) -> _Pod:
    metadata, spec = manifest["metadata"], manifest.get("spec", {})
    containers = [*spec.get("containers", []), *spec.get("initContainers", [])]
    return _Pod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        ip=manifest["status"].get("podIP", ""),
        containers=frozenset(container["name"] for container in containers),
        labels=metadata.get("labels") or {},
        # Service discovery sees prometheus.io/x, prometheus.io.x and prometheus-io/x as one.
        annotations={
            re.sub(r"[^a-zA-Z0-9]", "_", name): value for name, value in (metadata.get("annotations") or {}).items()
        },
    )


def _opted_out(pod: _Pod, honor_prometheus_opt_out: bool) -> bool:
    if pod.annotations.get("xscaler_io_scrape") == "false":
        return True
    return honor_prometheus_opt_out and pod.annotations.get("prometheus_io_scrape") == "false"


def _jobs(pod: _Pod, own: Own | None) -> tuple[str, ...]:
    if own and _belongs(pod, own):
        return (OWN_JOB,)
    app = pod.labels.get("app", "")
    if "discovery" in pod.containers and app == "istiod":
        return ("istiod",)
    if "install-cni" in pod.containers:
        return ("cni",)
    if "istio-proxy" not in pod.containers:
        return ()
    if app == "ztunnel":
        return ("ztunnel",)
    # With status port 0 the agent serves nothing.
    return _OF_PROXIES[:1] if pod.annotations.get(_STATUS_PORT) == "0" else _OF_PROXIES


def _belongs(pod: _Pod, own: Own) -> bool:
    named = pod.labels.get("app.kubernetes.io/instance"), pod.labels.get("app.kubernetes.io/name")
    component = pod.labels.get("app.kubernetes.io/component")
    return (pod.namespace, *named) == (own.namespace, own.release, own.name) and component in _OWN_COMPONENTS


def _own_port(pod: _Pod, own: Own | None) -> str:
    metrics = own and pod.labels.get("app.kubernetes.io/component") == "metrics"
    return str((COLLECTORS[own.collector] if own and metrics else LOG_AGENT).metrics_port)


def _target(pod: _Pod, job: str, chosen: Choices) -> ExpectedTarget:
    port, path = _port(pod, job, chosen), _PATHS.get(job, "/stats/prometheus")
    # The address as the pod's status spells it, in brackets for version 6.
    host = f"[{pod.ip}]" if ipaddress.ip_address(pod.ip).version == 6 else pod.ip
    labels = {
        "job": OWN_JOB_LABEL if job == OWN_JOB else JOB_LABEL,
        "instance": f"{host}:{port}",
        "cluster": chosen.cluster,
        "namespace": pod.namespace,
        "pod": pod.name,
        **chosen.labels,
    }
    if job in ("istiod", "ztunnel"):
        labels["app"] = job
    return ExpectedTarget(job, f"http://{host}:{port}{path}", labels)


def _port(pod: _Pod, job: str, chosen: Choices) -> str:
    if job == OWN_JOB:
        return _own_port(pod, chosen.own)
    if job in chosen.ports:
        return str(chosen.ports[job])
    if job == "proxies":
        return _proxy_port(pod, chosen)
    if job == "agents":
        return _agent_port(pod)
    default, paths = _MONITORING[job]
    named = pod.annotations.get("prometheus_io_port", "")
    follows = pod.annotations.get("prometheus_io_path", "") in paths and re.fullmatch(r"[1-9][0-9]*", named)
    return named if follows else default


def _proxy_port(pod: _Pod, chosen: Choices) -> str:
    if chosen.proxy_port == 15090 or pod.annotations.get(_STATUS_PORT) == "0":
        return "15090"
    return _status_port(pod)


def _agent_port(pod: _Pod) -> str:
    found = _status_port(pod)
    # Envoy's own port in an annotation that injection writes the agent's to.
    of_envoy = found == "15090" and pod.annotations.get(_STATUS_PORT) != found
    return "15020" if of_envoy else found


def _status_port(pod: _Pod) -> str:
    own = pod.annotations.get(_STATUS_PORT, "")
    if re.fullmatch(r"[1-9][0-9]*", own):
        return own
    mesh_wide = pod.annotations.get("prometheus_io_port", "")
    injected = pod.annotations.get("prometheus_io_path") == "/stats/prometheus"
    return mesh_wide if injected and mesh_wide.isdigit() else "15020"
