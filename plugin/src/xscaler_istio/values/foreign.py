"""Values files that this chart cannot read as a whole: encrypted files, files of an umbrella chart or of another one.

One finding names the kind of the file. Without it each of its keys would be unknown.
"""

from __future__ import annotations

import dataclasses
import json
import shlex
from typing import TYPE_CHECKING

from xscaler_istio.findings.findings import Finding, Location, Severity
from xscaler_istio.values.places import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from xscaler_istio.values.places import KeyPath, ValuesFile


@dataclasses.dataclass(frozen=True)
class OtherChart:
    """Another chart, and keys on the top level of its values that this chart does not have."""

    name: str
    keys: frozenset[str]


OTHER_CHARTS = (
    OtherChart(
        "Grafana's k8s-monitoring",
        frozenset(
            "destinations clusterMetrics clusterEvents hostMetrics costMetrics nodeLogs podLogs podLogsViaLoki"
            " podLogsViaKubernetesApi applicationObservability autoInstrumentation annotationAutodiscovery"
            " prometheusOperatorObjects profiling integrations selfReporting collectors collectorCommon"
            " telemetryServices externalServices"
            " alloy-metrics alloy-singleton alloy-logs alloy-receiver alloy-profiles".split()
        ),
    ),
    OtherChart(
        "kube-prometheus-stack",
        frozenset(
            "alertmanager grafana prometheusOperator defaultRules kubelet kubeApiServer kubeControllerManager coreDns"
            " kubeDns kubeEtcd kubeScheduler kubeProxy kubeStateMetrics nodeExporter kube-state-metrics"
            " prometheus-node-exporter thanosRuler".split()
        ),
    ),
    OtherChart("Istio", frozenset("pilot meshConfig sidecarInjectorWebhook istio_cni istiodRemote".split())),
)
_OF_AN_OBJECT = "this key belongs to a Kubernetes object; check that it is the right file"
_OURS = "xscaler-istio"
# What to do with a key on the top level of a file that is not recognized as a whole.
KEYS: Mapping[str, str] = {
    "apiVersion": _OF_AN_OBJECT,
    "kind": _OF_AN_OBJECT,
    "metadata": _OF_AN_OBJECT,
    "sops": "decrypt the file first, for example with `sops decrypt` or helm-secrets",
    _OURS: "only values of a parent chart have this key; in values of this chart, leave it out",
}
# One key may be a mistake in a file of this chart.
_LEAST_KEYS = 2
_MARK = "xscaler"
# Every chart may have them.
_SHARED = frozenset({"global", "enabled", "<<"})
_FIX_OF_ANOTHER = "pass a values file of this chart; `helm xscaler init` writes one"


def recognize(file: ValuesFile, schema: Mapping[str, Any]) -> Finding | None:
    """Return what a file is if it is not a values file of this chart."""
    keys = (path[0] for path in file.places if len(path) == 1)
    top = [key for key in keys if key not in _SHARED and not key.startswith("x-")]
    ours = frozenset(schema["properties"]) - _SHARED
    if "sops" in top and (("sops", "mac") in file.places or any("ENC[AES256_GCM," in line for line in file.lines)):
        fix = f"decrypt it first: sops -d {_operand(file)} | helm xscaler validate -f -"
        return _finding("the file is encrypted with sops", file, ("sops",), fix)
    if block := next(_blocks(file, ours), None):
        return _umbrella(file, block)
    for chart in OTHER_CHARTS:
        if len(found := [key for key in top if key in chart.keys]) >= _LEAST_KEYS:
            message = f"the file has values of another chart, {chart.name}: {', '.join(found)}"
            return _finding(message, file, (found[0],), _FIX_OF_ANOTHER)
    return None


def _blocks(file: ValuesFile, ours: frozenset[str]) -> Iterator[KeyPath]:
    """Yield the paths of blocks that have values of this chart, as umbrella charts and Argo CD Applications do."""
    children: dict[KeyPath, set[str]] = {}
    for path in file.places:
        children.setdefault(path[:-1], set()).add(path[-1])
    mixed = bool(children.get((), set()) & ours)
    for path, keys in children.items():
        if not path or path[0] in ours:
            continue
        named = path[-1] == _OURS and bool(keys & ours)
        marked = not mixed and _MARK in keys
        alike = not mixed and len(path) == 1 and len(keys & ours) >= _LEAST_KEYS and "cluster" in keys and keys <= ours
        if named or marked or alike:
            yield path


def _umbrella(file: ValuesFile, block: KeyPath) -> Finding:
    name = dotted(int(step) if step.isdigit() else step for step in block)
    # In quotes, since a hyphen is a minus to yq.
    steps = "".join(f"[{step}]" if step.isdigit() else f"[{json.dumps(step)}]" for step in block)
    fix = f"validate only this block: yq {shlex.quote(f'.{steps}')} {_operand(file)} | helm xscaler validate -f -"
    message = f"the values of this chart are below {name}, as in the values of an umbrella chart"
    return _finding(message, file, block, fix)


def _operand(file: ValuesFile) -> str:
    return "FILE" if file.name.startswith("<") or "://" in file.name else shlex.quote(file.name)


def _finding(message: str, file: ValuesFile, path: KeyPath, fix: str) -> Finding:
    place = file.place(path)
    return Finding(
        rule="XS004",
        severity=Severity.ERROR,
        message=message,
        location=place.key if place else Location(file.name),
        path=".".join(path),
        fix=fix,
    )
