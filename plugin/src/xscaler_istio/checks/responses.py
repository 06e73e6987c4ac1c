"""What pods answer to a scrape: at which port, with whose metrics, and with which buckets."""

from __future__ import annotations

import itertools
import json
import math
import re
from typing import TYPE_CHECKING

from xscaler_istio.checks import sizing
from xscaler_istio.checks.mesh import counted, some
from xscaler_istio.checks.registry import Issue, check_cluster
from xscaler_istio.cluster.kinds import CNI, ISTIOD, PROXY
from xscaler_istio.findings.findings import Severity
from xscaler_istio.values.units import matches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from xscaler_istio.checks.examination import Examination
    from xscaler_istio.checks.facts import Profile
    from xscaler_istio.cluster.discovery import MeshPod
    from xscaler_istio.cluster.objects import Container, Pod

_BOUNDS = "sidecar.istio.io/statsHistogramBuckets"
_SIZES = ("istio_request_bytes_bucket", "istio_response_bytes_bucket")
# A percentile lies between two bounds.
_FEWEST = 2
_ENVOYS_BOUNDS = frozenset(map(float, sizing.BOUNDS)) - {math.inf}
_APPLICATION = "ISTIO_PROMETHEUS_ANNOTATIONS"
_SECURE_PORTS = ("ENVOY_SECURE_MERGED_METRICS_PORT", "ENVOY_SECURE_METRICS_PORT")
_SECURE_ANNOTATIONS = ("prometheus.istio.io/secure-port", "prometheus.istio.io/secure-envoy-port")
_LOOPBACK = re.compile(r"127\..*|localhost|\[?::1\]?")


@check_cluster("XS460", Severity.WARNING, "values", "pods")
def own_bounds_dropped(examined: Examination) -> Iterator[Issue]:
    """A pod's own histogram bounds are those that the profile drops.

    Why: the profiles minimal and dashboards drop 14 of Envoy's bounds from the histograms of sizes. Where a pod sets
    its own (sidecar.istio.io/statsHistogramBuckets), all others stay. If fewer than two finite bounds are left,
    percentiles of sizes are wrong or not a number. Durations keep every bound. The profile traffic is not judged: it
    drops all of Envoy's bounds, and shows sizes as means.

    Fix: give the pods other bounds as well, for example 100, 1000, 10000 and 100000, or use the profile full.

    Example:
        metadata:
          annotations:
            sidecar.istio.io/statsHistogramBuckets: '{"istio": [100, 1000, 10000, 100000, 1000000]}'
    """
    dropped = _dropped(examined.case.facts.profile)
    scraped = [outcome.pod for outcome in examined.outcomes if outcome.addresses]
    bounds = {pod.uid: _own_bounds(pod) for pod in scraped}
    left = {uid: [bound for bound in own if bound not in dropped] for uid, own in bounds.items()}
    found = [pod for pod in scraped if bounds[pod.uid] and len(left[pod.uid]) < _FEWEST]
    shows_percentiles = bool(_ENVOYS_BOUNDS - dropped)
    if dropped and found and shows_percentiles:
        yield Issue(
            "metrics.profile",
            f"the profile {examined.case.settings.metrics.profile} drops the histogram buckets of sizes that {_BOUNDS}"
            f" sets on {counted(len(found), 'pod')}: {some(pod.workload for pod in found)}",
            "add buckets that the profile keeps (for example 100, 1000, 10000), or set metrics.profile: full",
        )


def _dropped(profile: Profile) -> frozenset[float]:
    """Return the bounds that a profile drops from the histograms of sizes."""
    rules = [rule for rule in profile.thinned.get("proxies", ()) if matches(rule.metric, _SIZES)]
    return frozenset(float(bound) for rule in rules for bound in rule.without)


def _own_bounds(pod: Pod) -> Sequence[float]:
    """Return the bounds that a pod gives Istio's histograms: the annotation maps prefixes of names to numbers."""
    try:
        read = json.loads(pod.annotations.get(_BOUNDS, "{}"))
        of_istio = [bounds for prefix, bounds in read.items() if prefix.startswith("istio")]
        return [number for bounds in of_istio for bound in bounds if math.isfinite(number := float(bound))]
    except (ValueError, TypeError, AttributeError):
        # Istio ignores it, too.
        return ()


@check_cluster("XS461", Severity.INFO, "pods")
def merged_with_an_application(examined: Examination) -> Iterator[Issue]:
    """The metrics of proxies come in one response with those of their applications.

    Why: Istio's agent appends the application's metrics to Envoy's at port 15020 (meshConfig.enablePrometheusMerge, on
    by default). The chart drops them, but a collector reads a response as a whole: one line that it cannot read (an
    exemplar in plain text, a carriage return, bytes that are not UTF-8, a name with a dot), or an application slower
    than metrics.scrapeTimeout, and the scrape fails: `up` is 0 and the pod's istio_* are missing. No collector can keep
    the rest of such a response. Port 15090 serves only Envoy's metrics, which no application can break; there the
    agent's own (istio_agent_*) need a second target.

    Istio 1.31 can append several endpoints of an application (prometheus.istio.io/scrape-targets), each up to 10 MiB.

    Fix: no action while `up` is 1. Otherwise scrape Envoy apart, or take the application out of the response with the
    annotation prometheus.istio.io/merge-metrics: "false" on its pods. Then scrape the application yourself at its own
    port.

    Example:
        metrics:
          targets:
            proxies:
              port: 15090
            agents:
              enabled: true
    """
    found = [
        outcome.pod
        for outcome in examined.outcomes
        if (proxy := outcome.pod.container(PROXY)) and _APPLICATION in proxy.environment and outcome.merged
    ]
    if found:
        yield Issue(
            "metrics.targets.proxies.port",
            f"the response of {counted(len(found), 'pod')} contains the metrics of the application, which can make it"
            f" invalid as a whole: {some(pod.workload for pod in found)}",
            "no action while up is 1 for these pods; otherwise set metrics.targets.proxies.port: 15090 and"
            " metrics.targets.agents.enabled: true",
        )


@check_cluster("XS463", Severity.INFO, "pods", "mesh")
def secure_port_beside_the_plain_one(examined: Examination) -> Iterator[Issue]:
    """Proxies also serve their metrics with mutual TLS.

    Why: Istio 1.31 and newer can open such ports (ENVOY_SECURE_MERGED_METRICS_PORT, ENVOY_SECURE_METRICS_PORT; usually
    15092 and 15091), and writes the annotation prometheus.istio.io/secure-port. They take only clients with a
    certificate of the mesh, which the collectors do not have: the release scrapes the plain ports, which stay open.
    METRICS_LOCALHOST_ACCESS_ONLY would close these, and every scrape would fail (XS406).

    Fix: no action while the plain ports are open. A NetworkPolicy can admit only the collectors to them.

    Example:
        spec:
          podSelector: {}
          ingress:
            - from:
                - namespaceSelector:
                    matchLabels: {kubernetes.io/metadata.name: telemetry}
              ports: [{port: 15020}]
    """
    found = [
        outcome.pod
        for outcome in examined.outcomes
        if outcome.addresses and outcome.pod.container(PROXY) and _secured(examined, outcome.pod)
    ]
    if found:
        yield Issue(
            "",
            f"metrics of {counted(len(found), 'pod')} are also served with mutual TLS; the release would scrape the"
            f" plain port: {some(pod.workload for pod in found)}",
            "no action while the plain ports are open (without METRICS_LOCALHOST_ACCESS_ONLY)",
        )


def _secured(examined: Examination, pod: Pod) -> bool:
    """Return whether a proxy has a port for metrics that asks for a certificate."""
    environment = examined.environment_of(pod)
    ports = [environment.get(name, "") for name in _SECURE_PORTS]
    ports += [pod.annotations.get(name, "") for name in _SECURE_ANNOTATIONS]
    return any(port not in ("", "0") for port in ports)


@check_cluster("XS462", Severity.ERROR, "pods")
def other_monitoring_port(examined: Examination) -> Iterator[Issue]:
    """istiod, istio-cni or ztunnel serves metrics at another port than the one that would be scraped.

    Why: the operator of the mesh can move this port: --monitoringAddr of istiod, --monitoring-port or MONITORING_PORT
    of istio-cni, STATS_ADDR of ztunnel, for example where two programs share the network of a node. The chart follows
    the annotation prometheus.io/port of the pod, which Istio's charts write as a constant. Every scrape fails if it is
    wrong. An address on localhost can be reached by no collector.

    Fix: set metrics.targets.<kind>.port, or correct the annotation.

    Example:
        metrics:
          targets:
            istiod:
              port: 15027
    """
    found: dict[tuple[str, str, str, str], list[Pod]] = {}
    for outcome in examined.outcomes:
        host, port = _served(outcome)
        scraped = outcome.ports
        if scraped and _LOOPBACK.fullmatch(host):
            found.setdefault((outcome.kind, f"{host}:{port}", port, ""), []).append(outcome.pod)
        elif port and scraped and port not in scraped:
            found.setdefault((outcome.kind, f"port {port}", port, min(scraped)), []).append(outcome.pod)
    for (kind, served, port, scraped_at), pods in sorted(found.items()):
        which = some(pod.workload for pod in pods)
        if scraped_at:
            key = f"metrics.targets.{_KEYS[kind]}.port"
            message = f"{kind} serves metrics at {served} and would be scraped at port {scraped_at}: {which}"
            yield Issue(key, message, f"set {key}: {port}")
        else:
            message = f"{kind} serves metrics only at {served}, where no other pod can reach it: {which}"
            yield Issue("", message, f"let it listen at all addresses (:{port})")


_KEYS: Mapping[str, str] = {"istiod": "istiod", "istio-cni": "cni", "ztunnel": "ztunnel"}
# The container, its flag and its variable for the address, by kind.
_ADDRESSES: Mapping[str, tuple[str, str, str]] = {
    "istiod": (ISTIOD, "--monitoringAddr", ""),
    "istio-cni": (CNI, "--monitoring-port", "MONITORING_PORT"),
    "ztunnel": (PROXY, "", "STATS_ADDR"),
}


def _served(outcome: MeshPod) -> tuple[str, str]:
    """Return host and port at which a pod says that it serves metrics; nothing where it does not say."""
    name, flag, variable = _ADDRESSES.get(outcome.kind, ("", "", ""))
    container = outcome.pod.container(name) if name else None
    if not container:
        return "", ""
    written = (flag and _flag(container, flag)) or container.environment.get(variable, "")
    host, _, port = written.rpartition(":")
    return (host, port) if port.isdigit() else ("", "")


def _flag(container: Container, name: str) -> str:
    """Return a flag's last value, written as `--name=value` or as two arguments."""
    arguments = container.arguments
    values = [text.partition("=")[2] for text in arguments if text.startswith(f"{name}=")]
    apart = [value for text, value in itertools.pairwise(arguments) if text == name]
    return next(reversed((*apart, *values)), "")
