"""Istio in a cluster: what runs, which of it would be scraped, and what keeps a pod from being scraped."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

from xscaler_istio.checks.registry import Issue, check_cluster
from xscaler_istio.cluster.kinds import ISTIOD, KINDS, PROXY
from xscaler_istio.findings.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from xscaler_istio.checks.examination import Examination
    from xscaler_istio.cluster.objects import Pod

# Names beyond these are counted.
_SHOWN = 5
_STATUS_PORT = "status.sidecar.istio.io/port"
_OLDEST = (1, 9)


def some(names: Iterable[str]) -> str:
    """Return names, each once and in order; of many the first, and how many more there are."""
    listed = sorted(set(names))
    more = len(listed) - _SHOWN
    return ", ".join(listed[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def counted(number: int, thing: str) -> str:
    """Return a number of things in words."""
    return f"{number} {thing}" if number == 1 or thing in ("istiod", "istio-cni") else f"{number} {thing}s"


@check_cluster("XS400", Severity.INFO, "pods")
def what_runs(examined: Examination) -> Iterator[Issue]:
    """Istio's versions, and what of it runs.

    Why: it says whether the doctor looks at the cluster that you mean, and sees what you know to be there: sidecars
    (native ones apart), gateways, waypoints, ztunnel, istiod and istio-cni, and the pods that ambient mode captures,
    which have no proxy of their own.

    Fix: nothing is wrong. If it is another cluster, `--kube-context` names the right one.

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
    istio = f"Istio {', '.join(named)}" if named else "no istiod in this cluster (a managed control plane?)"
    yield Issue("", f"{istio}: {what}{ambient}", "")


@check_cluster("XS401", Severity.ERROR, "pods")
def no_mesh(examined: Examination) -> Iterator[Issue]:
    """No pod of Istio runs here.

    Why: a release would be installed, find nothing and send nothing.

    Fix: choose the cluster that has the mesh, or install Istio and restart the applications first.

    Example:
        kubectl config get-contexts
    """
    if not examined.outcomes:
        yield Issue("", "no pod runs a proxy or another part of Istio", "is it the right cluster? --kube-context")


@check_cluster("XS402", Severity.WARNING, "pods")
def proxies_of_other_versions(examined: Examination) -> Iterator[Issue]:
    """Proxies are of another minor version than every istiod, by more than one.

    Why: Istio supports proxies one minor behind their control plane. Older ones lack metrics and labels that
    dashboards read, so that panels are empty for them alone; before 1.9 access logs have another format as well.

    Fix: restart the workloads, so that they are injected anew.

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
        beside = f", and istiod of {', '.join(map(_dotted, sorted(planes)))}" if planes else ""
        yield Issue(
            "",
            f"proxies of Istio {_dotted(version)} run{beside}: {some(workloads)}",
            "restart these workloads (kubectl rollout restart)",
        )


def _apart(version: tuple[int, ...], planes: set[tuple[int, int]]) -> bool:
    return bool(planes) and all(version[0] != major or abs(version[1] - minor) > 1 for major, minor in planes)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


@check_cluster("XS403", Severity.INFO, "pods")
def what_would_be_found(examined: Examination) -> Iterator[Issue]:
    """How many targets the release would have.

    Why: the rendered rules are applied to the pods that run now; the number of targets says what shards and plan must
    carry, and `helm xscaler test RELEASE` should name the same number once the release runs.

    Fix: nothing is wrong.

    Example:
        helm xscaler render -f values.yaml --explain   # the same rules in words
    """
    scraped = collections.Counter(outcome.kind for outcome in examined.outcomes if outcome.addresses)
    if examined.outcomes:
        what = ", ".join(counted(scraped[kind], kind) for kind in KINDS if scraped[kind])
        total = sum(scraped.values())
        yield Issue("", f"{counted(total, 'target')} would be found{f': {what}' if what else ''}", "")


@check_cluster("XS404", Severity.WARNING, "pods")
def not_found(examined: Examination) -> Iterator[Issue]:
    """Pods of the mesh would not be scraped.

    Why: a value or an annotation leaves them out, so that their traffic is missing in every dashboard. What is meant
    is not a fault; then ignore this with the reason. agentgateway is off by default and not told.

    Fix: the value or the annotation that the finding names.

    Example:
        metadata:
          annotations:
            xscaler.io/scrape: "false"   # takes a pod out; remove it
    """
    by_reason: dict[str, list[Pod]] = {}
    for outcome in examined.outcomes:
        # A pod that is about to start would be found a moment later.
        if not outcome.addresses and outcome.kind != "agentgateway" and outcome.pod.phase == "Running":
            by_reason.setdefault(outcome.reason, []).append(outcome.pod)
    for reason, pods in sorted(by_reason.items()):
        yield Issue(
            "",
            f"{counted(len(pods), 'pod')} of the mesh would not be scraped because {reason}:"
            f" {some(pod.workload for pod in pods)}",
            "change that, or ignore this with the reason if it is meant",
        )


@check_cluster("XS405", Severity.INFO, "pods")
def status_ports(examined: Examination) -> Iterator[Issue]:
    """Pods have a status port of their own.

    Why: their annotation status.sidecar.istio.io/port moves the page that is scraped, or with 0 turns it off. The
    chart follows it: with another port it goes there, with 0 to Envoy's own port 15090, where the agent's metrics
    (istio_agent_*) and those of the application are not. Other scrapers read the annotation prometheus.io/port, which
    names a port at which nobody listens.

    Fix: nothing, or remove the annotation to get the agent's metrics.

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
        instead = "15090, without the agent's metrics," if port == "0" else port
        yield Issue(
            "",
            f"the status port of {counted(len(pods), 'pod')} is {port}, and {instead} would be scraped:"
            f" {some(pod.workload for pod in pods)}",
            f"nothing, or remove the annotation {_STATUS_PORT}",
        )


@check_cluster("XS406", Severity.ERROR, "pods", "mesh")
def answers_itself_alone(examined: Examination) -> Iterator[Issue]:
    """Proxies give their metrics to nobody outside their pod.

    Why: with METRICS_LOCALHOST_ACCESS_ONLY (Istio 1.22) the agent answers 403 to whoever asks from elsewhere, and
    Envoy's own port listens on the loopback address alone. Every scrape fails.

    Fix: remove it from meshConfig.defaultConfig.proxyMetadata or from the pods' proxy.istio.io/config, and restart
    them.

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
            "remove it from the proxies' metadata and restart them",
        )


@check_cluster("XS407", Severity.WARNING, "pods", "mesh")
def merged_without_envoy(examined: Examination) -> Iterator[Issue]:
    """The merged page of proxies has nothing of Envoy's.

    Why: with PILOT_AGENT_MERGE_ENVOY_STATS=false (Istio 1.30) port 15020 has the agent's metrics alone, and everything
    about traffic is at 15090.

    Fix: have the chart scrape 15090.

    Example:
        metrics:
          targets:
            proxies:
              port: 15090
    """
    apart = [
        outcome.pod
        for outcome in examined.outcomes
        if outcome.pod in _set_to(examined, "PILOT_AGENT_MERGE_ENVOY_STATS", "false")
        and any(not address.endswith(":15090") for address in outcome.addresses)
    ]
    if apart:
        yield Issue(
            "metrics.targets.proxies.port",
            f"PILOT_AGENT_MERGE_ENVOY_STATS leaves Envoy's metrics out of 15020 for {counted(len(apart), 'pod')}:"
            f" {some(pod.workload for pod in apart)}",
            "set metrics.targets.proxies.port: 15090",
        )


def _set_to(examined: Examination, name: str, value: str) -> list[Pod]:
    """Return the pods whose proxy has a variable of this value, of its own or by the mesh configuration."""

    def environment(pod: Pod) -> Mapping[str, str]:
        mesh = examined.mesh_of(pod)
        proxy = pod.container(PROXY)
        return {**(mesh.environment if mesh else {}), **(proxy.environment if proxy else {})}

    proxies = [outcome.pod for outcome in examined.outcomes if outcome.pod.container(PROXY)]
    return [pod for pod in proxies if environment(pod).get(name) == value]


@check_cluster("XS408", Severity.WARNING, "pods", "namespaces")
def not_injected(examined: Examination) -> Iterator[Issue]:
    """Pods in an injected namespace have no proxy.

    Why: they were started before the namespace was labelled or while istiod did not answer. Without a proxy they
    report nothing; their callers show them as `unknown`.

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
        # Injection leaves these alone.
        and not pod.host_network
        and "false" not in (pod.labels.get(_INJECT), pod.annotations.get(_INJECT))
        and pod.owner_kind != "Job"
    ]
    if bare:
        yield Issue(
            "",
            f"{counted(len(bare), 'pod')} in injected namespaces ha{'s' if len(bare) == 1 else 've'} no proxy:"
            f" {some(pod.workload for pod in bare)}",
            "restart them (kubectl rollout restart)",
        )


_INJECT = "sidecar.istio.io/inject"


def _injects(labels: Mapping[str, str]) -> bool:
    injection = labels.get("istio-injection")
    return injection == "enabled" or (injection is None and bool(labels.get("istio.io/rev")))


@check_cluster("XS409", Severity.WARNING, "pods")
def killed_proxies(examined: Examination) -> Iterator[Issue]:
    """Proxies were killed for want of memory.

    Why: a proxy that starts again begins its counters at 0 and loses what was not scraped; with many series it needs
    memory for their page as well. Dashboards show gaps that look like the collector's.

    Fix: raise the proxies' memory limit (sidecar.istio.io/proxyMemoryLimit), or have the mesh count less
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
            f"proxies were killed for want of memory: {some(pod.workload for pod in killed)}",
            "raise their memory limit (sidecar.istio.io/proxyMemoryLimit)",
        )
