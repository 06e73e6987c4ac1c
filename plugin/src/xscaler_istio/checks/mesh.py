"""Istio in a cluster: which parts run, which would be scraped, and why a pod would not be."""

from __future__ import annotations

import collections
import re
from typing import TYPE_CHECKING

from xscaler_istio.checks.registry import Issue, check_cluster
from xscaler_istio.cluster.discovery import ENVOY_PORT
from xscaler_istio.cluster.kinds import ISTIOD, KINDS, PROXY
from xscaler_istio.findings.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from xscaler_istio.checks.examination import Examination
    from xscaler_istio.cluster.objects import Pod

# The number of names that are shown; more are counted.
_SHOWN = 5
_PORT = "prometheus.io/port"
_STATUS_PORT = "status.sidecar.istio.io/port"
_OLDEST = (1, 9)


def some(names: Iterable[str]) -> str:
    """Return the names sorted, each once; of many the first, and the number of the others."""
    listed = sorted(set(names))
    more = len(listed) - _SHOWN
    return ", ".join(listed[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def counted(number: int, thing: str) -> str:
    """Return a number of things in words."""
    return f"{number} {thing}" if number == 1 or thing in ("istiod", "istio-cni") else f"{number} {thing}s"


@check_cluster("XS400", Severity.INFO, "pods")
def what_runs(examined: Examination) -> Iterator[Issue]:
    """The doctor lists Istio's versions and components.

    Why: this shows whether doctor examines the cluster that you mean and sees what you know to be there: sidecars
    (native ones separately), gateways, waypoints, ztunnel, istiod, istio-cni, and the pods that ambient mode captures,
    which have no proxy.

    Fix: no action. If it is the wrong cluster, select another one with `--kube-context`.

    Example:
        helm --kube-context prod xscaler doctor -f values.yaml
    """
    pods = examined.inventory.pods.items
    versions = collections.Counter(
        found.version for pod in pods if (found := pod.container(ISTIOD)) and pod.labels.get("app") == "istiod"
    )
    named = sorted({"an unknown version" if version is None else _dotted(version) for version in versions})
    kinds = collections.Counter(outcome.kind for outcome in examined.outcomes)
    if not kinds:
        return
    what = ", ".join(counted(kinds[kind], kind) for kind in KINDS if kinds[kind])
    captured = sum(pod.annotations.get("ambient.istio.io/redirection") == "enabled" for pod in pods)
    ambient = f"; {counted(captured, 'pod')} captured by ambient mode" if captured else ""
    istio = f"Istio {', '.join(named)}" if named else "no istiod in this cluster (perhaps a managed control plane)"
    yield Issue("", f"{istio}: {what}{ambient}", "")


@check_cluster("XS401", Severity.ERROR, "pods")
def no_mesh(examined: Examination) -> Iterator[Issue]:
    """No pod of Istio runs in this cluster.

    Why: a release would find no targets and send nothing.

    Fix: select the cluster of your mesh, or install Istio and restart the applications first.

    Example:
        kubectl config get-contexts
    """
    if not examined.outcomes:
        fix = "select the cluster of your mesh with --kube-context, or install Istio first"
        yield Issue("", "no pod runs a proxy or another part of Istio", fix)


@check_cluster("XS402", Severity.WARNING, "pods")
def proxies_of_other_versions(examined: Examination) -> Iterator[Issue]:
    """Proxies are more than one minor version away from every istiod.

    Why: Istio supports proxies one minor version behind their control plane. Older proxies lack metrics and labels that
    dashboards read, so that panels are empty for these workloads only; before 1.9 access logs also have another format.

    Fix: restart the workloads, so that they get a proxy of the current version.

    Example:
        kubectl rollout restart deployment -n shop
    """
    found = [(outcome.pod, outcome.pod.container(PROXY)) for outcome in examined.outcomes]
    proxies = [(pod, container.version[:2]) for pod, container in found if container and container.version]
    planes = {
        container.version[:2]
        for outcome in examined.outcomes
        if (container := outcome.pod.container(ISTIOD)) and container.version
    }
    old = [(pod, version) for pod, version in proxies if _apart(version, planes) or version < _OLDEST]
    for version in sorted({version for _, version in old}):
        workloads = [pod.workload for pod, of_pod in old if of_pod == version]
        beside = f" while istiod is {', '.join(map(_dotted, sorted(planes)))}" if planes else ""
        yield Issue(
            "",
            f"these workloads run proxies of Istio {_dotted(version)}{beside}: {some(workloads)}",
            "restart these workloads (kubectl rollout restart)",
        )


def _apart(version: tuple[int, ...], planes: set[tuple[int, int]]) -> bool:
    return bool(planes) and all(version[0] != major or abs(version[1] - minor) > 1 for major, minor in planes)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


@check_cluster("XS403", Severity.INFO, "pods")
def what_would_be_found(examined: Examination) -> Iterator[Issue]:
    """The doctor counts the targets that the release would find.

    Why: doctor applies the rendered rules to the pods that run now. Shards and plan must carry this number of targets,
    and `helm xscaler test RELEASE` should report the same number once the release runs.

    Fix: no action.

    Example:
        helm xscaler render -f values.yaml --explain --all   # the same rules in words
    """
    scraped = collections.Counter(outcome.kind for outcome in examined.outcomes if outcome.addresses)
    if examined.outcomes:
        what = ", ".join(counted(scraped[kind], kind) for kind in KINDS if scraped[kind])
        total = sum(len(outcome.addresses) for outcome in examined.outcomes)
        yield Issue("", f"the release would find {counted(total, 'target')}{f': {what}' if what else ''}", "")


@check_cluster("XS404", Severity.WARNING, "pods")
def not_found(examined: Examination) -> Iterator[Issue]:
    """Pods of the mesh would not be scraped.

    Why: a value or an annotation excludes them, and their traffic is missing from every dashboard. If you want that,
    ignore this finding and give the reason. agentgateway is off by default and is not reported.

    Fix: change the value or the annotation that the finding names.

    Example:
        metadata:
          annotations:
            xscaler.io/scrape: "false"   # takes a pod out; remove it
    """
    by_reason: dict[str, list[Pod]] = {}
    for outcome in examined.outcomes:
        # A pod that is about to start will be found.
        if not outcome.addresses and outcome.kind != "agentgateway" and outcome.pod.phase == "Running":
            by_reason.setdefault(outcome.reason, []).append(outcome.pod)
    for reason, pods in sorted(by_reason.items()):
        yield Issue(
            "",
            f"{counted(len(pods), 'pod')} of the mesh would not be scraped because {reason}:"
            f" {some(pod.workload for pod in pods)}",
            f"{_undone(reason)}; if it is on purpose, ignore this finding with a reason",
        )


def _undone(reason: str) -> str:
    """Return how to have pods scraped that are not, because of a key of the values, an annotation or another rule."""
    what, _, _ = reason.partition(" is ")
    if what.endswith(".enabled"):
        return f"set {what}: true"
    if what.startswith("annotation "):
        return f"remove the {what}"
    keys = re.match(r"[\w.]*namespaces(?: or [\w.]*namespaces)?", reason)
    return f"change {keys[0] if keys else 'what excludes them'}"


@check_cluster("XS405", Severity.INFO, "pods")
def status_ports(examined: Examination) -> Iterator[Issue]:
    """Pods have another status port than 15020.

    Why: the annotation status.sidecar.istio.io/port moves the port that serves the merged metrics, and 0 turns it off.
    The chart follows it; for 0 it scrapes Envoy's port 15090, which serves neither the agent's metrics (istio_agent_*)
    nor those of the application. So it does for a gateway whose annotation prometheus.io/port names 15090. Other
    scrapers read that annotation, which may name a port that does not listen.

    Fix: no action, or remove the annotation to get the agent's metrics.

    Example:
        metadata:
          annotations:
            status.sidecar.istio.io/port: "15020"
    """
    by_port: dict[str, list[Pod]] = {}
    for outcome in examined.outcomes:
        port = outcome.pod.annotations.get(_STATUS_PORT, "15020")
        if outcome.addresses and port != "15020":
            by_port.setdefault(port, []).append(outcome.pod)
    for port, pods in sorted(by_port.items()):
        instead = "15090 (without the agent's metrics)" if port == "0" else port
        yield Issue(
            "",
            f"{counted(len(pods), 'pod')} with the status port {port} would be scraped at port {instead}:"
            f" {some(pod.workload for pod in pods)}",
            f"no action, or remove the annotation {_STATUS_PORT}",
        )
    chosen = examined.case.settings.metrics.targets["proxies"].port
    of_envoy = [
        outcome.pod
        for outcome in examined.outcomes
        if outcome.pod.annotations.get(_PORT) == ENVOY_PORT
        and _STATUS_PORT not in outcome.pod.annotations
        and chosen != int(ENVOY_PORT)
        and outcome.ports == {ENVOY_PORT}
    ]
    if of_envoy:
        yield Issue(
            "",
            f"{counted(len(of_envoy), 'pod')} annotated {_PORT}: 15090 would be scraped there (without the agent's"
            f" metrics): {some(pod.workload for pod in of_envoy)}",
            "no action, or set the annotation to the agent's port, 15020",
        )


@check_cluster("XS406", Severity.ERROR, "pods", "mesh")
def localhost_only(examined: Examination) -> Iterator[Issue]:
    """Proxies serve metrics on localhost only.

    Why: with METRICS_LOCALHOST_ACCESS_ONLY (Istio 1.22 and newer) the agent answers 403 to requests from other pods,
    and Envoy's own port listens on the loopback address only. Every scrape fails. The ports with mutual TLS of Istio
    1.31 stay open, but take only clients with a certificate of the mesh, which the collectors do not have.

    Fix: remove it from meshConfig.defaultConfig.proxyMetadata or from the pods' proxy.istio.io/config, and restart the
    pods.

    Example:
        meshConfig:
          defaultConfig:
            proxyMetadata:
              METRICS_LOCALHOST_ACCESS_ONLY: "false"
    """
    closed = _set_to(examined, "METRICS_LOCALHOST_ACCESS_ONLY", "true")
    if closed:
        yield Issue(
            "",
            f"METRICS_LOCALHOST_ACCESS_ONLY makes proxies refuse every scrape: {some(pod.workload for pod in closed)}",
            "remove it from the proxies' metadata and restart the pods",
        )


@check_cluster("XS407", Severity.WARNING, "pods", "mesh")
def merged_without_envoy(examined: Examination) -> Iterator[Issue]:
    """The merged metrics of proxies lack Envoy's.

    Why: with PILOT_AGENT_MERGE_ENVOY_STATS=false (Istio 1.30 and newer) port 15020 serves only the agent's metrics;
    everything about traffic is at port 15090.

    Fix: scrape port 15090.

    Example:
        metrics:
          targets:
            proxies:
              port: 15090
    """
    apart = [
        outcome.pod
        for outcome in examined.outcomes
        if outcome.pod in _set_to(examined, "PILOT_AGENT_MERGE_ENVOY_STATS", "false") and outcome.merged
    ]
    if apart:
        yield Issue(
            "metrics.targets.proxies.port",
            f"PILOT_AGENT_MERGE_ENVOY_STATS removes Envoy's metrics from port 15020 of {counted(len(apart), 'pod')}:"
            f" {some(pod.workload for pod in apart)}",
            "set metrics.targets.proxies.port: 15090",
        )


def _set_to(examined: Examination, name: str, value: str) -> list[Pod]:
    """Return the pods whose proxy has a variable with this value, from the pod or from the mesh configuration."""
    proxies = [outcome.pod for outcome in examined.outcomes if outcome.pod.container(PROXY)]
    return [pod for pod in proxies if examined.environment_of(pod).get(name) == value]


@check_cluster("XS408", Severity.WARNING, "pods", "namespaces")
def not_injected(examined: Examination) -> Iterator[Issue]:
    """Pods in a namespace with injection have no proxy.

    Why: they were started before the namespace got its label, or while istiod did not answer. Without a proxy they
    report nothing, and their callers show them as `unknown`.

    Fix: restart them.

    Example:
        kubectl rollout restart deployment -n shop
    """
    injected = {item.name for item in examined.inventory.namespaces.items if _injects(item.labels)}
    bare = [
        pod
        for pod in examined.inventory.pods.items
        if pod.namespace in injected
        and not pod.container(PROXY)
        # Injection skips these.
        and not pod.host_network
        and "false" not in (pod.labels.get(_INJECT), pod.annotations.get(_INJECT))
        and pod.owner_kind != "Job"
    ]
    if bare:
        yield Issue(
            "",
            f"{counted(len(bare), 'pod')} in namespaces with injection ha{'s' if len(bare) == 1 else 've'} no proxy:"
            f" {some(pod.workload for pod in bare)}",
            f"restart {'it' if len(bare) == 1 else 'them'} (kubectl rollout restart)",
        )


_INJECT = "sidecar.istio.io/inject"


def _injects(labels: Mapping[str, str]) -> bool:
    injection = labels.get("istio-injection")
    return injection == "enabled" or (injection is None and bool(labels.get("istio.io/rev")))


@check_cluster("XS409", Severity.WARNING, "pods")
def killed_proxies(examined: Examination) -> Iterator[Issue]:
    """Proxies ran out of memory and were killed (OOMKilled).

    Why: a restarted proxy begins its counters at 0 and loses what was not scraped. With many series it also needs
    memory to serve its metrics. Dashboards show gaps that look like the collector's fault.

    Fix: raise the proxies' memory limit (sidecar.istio.io/proxyMemoryLimit), or reduce their series
    (istio.telemetry.trimTags).

    Example:
        istio:
          telemetry:
            trimTags:
              enabled: true
    """
    killed = [o.pod for o in examined.outcomes if any(item.killed for item in o.pod.containers if item.name == PROXY)]
    if killed:
        yield Issue(
            "",
            f"proxies ran out of memory and were killed (OOMKilled): {some(pod.workload for pod in killed)}",
            "raise their memory limit (sidecar.istio.io/proxyMemoryLimit)",
        )
