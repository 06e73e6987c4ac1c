"""Which targets must exist, said from the pods alone and never from the relabelling rules under test.

The rules are those of the wire contract (docs/architecture.md): one target per pod that runs an Istio proxy, one per
istiod, one per istio-cni pod, and one per pod of the release itself.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import ipaddress
import re
from typing import TYPE_CHECKING, Any

from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.rendered.log_agent import LOG_AGENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from xscaler_istio.values.settings import Settings

JOB_LABEL = "integrations/istio"
OWN_JOB_LABEL = "xscaler-istio"
# The job that scrapes the release's own pods.
OWN_JOB = "self"
_OWN_COMPONENTS = frozenset({"metrics", "logs", "logs-api"})


@dataclasses.dataclass(frozen=True)
class ExpectedTarget:
    """What a collector must scrape: the job that finds it, its URL and the labels of its series."""

    job: str
    url: str
    labels: Mapping[str, str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Pod:
    """The parts of a v1 Pod that decide."""

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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choices:
    """What the values say about targets.

    `jobs`: the enabled kinds; `proxy_port`: 15020 or 15090; `include` and `exclude`: patterns of the proxies'
    namespaces, where no `include` means all; `excluded_metrics`: regular expressions; `own`: the release, where it
    scrapes itself.
    """

    cluster: str
    jobs: frozenset[str] = frozenset({"proxies", "ztunnel", "istiod", "cni"})
    honor_prometheus_opt_out: bool = False
    proxy_port: int = 15020
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    extra_labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    excluded_metrics: tuple[str, ...] = ()
    own: Own | None = None


def choices(settings: Settings, release: str, namespace: str) -> Choices:
    """Return what the values choose for a release of this name in this namespace."""
    metrics = settings.metrics
    own = Own(namespace, release, settings.name_override or "xscaler-istio", metrics.collector)
    return Choices(
        cluster=settings.cluster.name,
        jobs=frozenset(name for name, kind in metrics.targets.items() if kind.enabled),
        honor_prometheus_opt_out=metrics.honor_prometheus_opt_out,
        proxy_port=metrics.targets["proxies"].port,
        include=metrics.namespaces.include,
        exclude=metrics.namespaces.exclude,
        extra_labels=metrics.extra_labels,
        excluded_metrics=metrics.exclude_metrics,
        own=own if settings.self_monitoring.enabled else None,
    )


def expected_targets(manifests: Iterable[Mapping[str, Any]], chosen: Choices) -> tuple[ExpectedTarget, ...]:
    """Return the targets of these v1 Pods, in their order."""
    running = [_read(pod) for pod in manifests if pod.get("status", {}).get("phase") == "Running"]
    wanted = [pod for pod in running if pod.ip and not _opted_out(pod, chosen.honor_prometheus_opt_out)]
    jobs = [(pod, _job(pod, chosen.own)) for pod in wanted]
    enabled = chosen.jobs | {OWN_JOB}
    return tuple(_target(pod, job, chosen) for pod, job in jobs if job in enabled and _admitted(pod, job, chosen))


def _admitted(pod: _Pod, job: str, chosen: Choices) -> bool:
    if job != "proxies":
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


def _job(pod: _Pod, own: Own | None) -> str:
    if own and _belongs(pod, own):
        return OWN_JOB
    app = pod.labels.get("app", "")
    if "discovery" in pod.containers and app == "istiod":
        return "istiod"
    if "install-cni" in pod.containers:
        return "cni"
    if "istio-proxy" in pod.containers:
        return "ztunnel" if app == "ztunnel" else "proxies"
    return ""


def _belongs(pod: _Pod, own: Own) -> bool:
    named = pod.labels.get("app.kubernetes.io/instance"), pod.labels.get("app.kubernetes.io/name")
    component = pod.labels.get("app.kubernetes.io/component")
    return (pod.namespace, *named) == (own.namespace, own.release, own.name) and component in _OWN_COMPONENTS


def _own_port(pod: _Pod, own: Own | None) -> str:
    metrics = own and pod.labels.get("app.kubernetes.io/component") == "metrics"
    return str((COLLECTORS[own.collector] if own and metrics else LOG_AGENT).metrics_port)


def _target(pod: _Pod, job: str, chosen: Choices) -> ExpectedTarget:
    port, path = {
        OWN_JOB: (_own_port(pod, chosen.own), "/metrics"),
        "istiod": ("15014", "/metrics"),
        "cni": ("15014", "/metrics"),
        "ztunnel": ("15020", "/stats/prometheus"),
    }.get(job) or (_proxy_port(pod, chosen), "/stats/prometheus")
    # The address as the pod's status spells it, in brackets for version 6.
    host = f"[{pod.ip}]" if ipaddress.ip_address(pod.ip).version == 6 else pod.ip
    labels = {
        "job": OWN_JOB_LABEL if job == OWN_JOB else JOB_LABEL,
        "instance": f"{host}:{port}",
        "cluster": chosen.cluster,
        "namespace": pod.namespace,
        "pod": pod.name,
        **chosen.extra_labels,
    }
    if job in ("istiod", "ztunnel"):
        labels["app"] = job
    return ExpectedTarget(job, f"http://{host}:{port}{path}", labels)


def _proxy_port(pod: _Pod, chosen: Choices) -> str:
    if chosen.proxy_port == 15090:
        return "15090"
    own = pod.annotations.get("status_sidecar_istio_io_port", "")
    if own == "0":
        return "15090"
    if re.fullmatch(r"[1-9][0-9]*", own):
        return own
    mesh_wide = pod.annotations.get("prometheus_io_port", "")
    injected = pod.annotations.get("prometheus_io_path") == "/stats/prometheus"
    return mesh_wide if injected and mesh_wide.isdigit() else "15020"
