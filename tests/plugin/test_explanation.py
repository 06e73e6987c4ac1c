"""What a key changes: one of each block really does, in the rendered chart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.paths import CHART
from tests.support.thinned import thinned
from tests.support.tools import tool
from xscaler_istio import helm
from xscaler_istio.commands import explain
from xscaler_istio.system.terminal import Terminal
from xscaler_istio.values import keys, schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.command import Ran

SCHEMA = schema.load(CHART)
NOTHING = helm.Inputs(chart=CHART, values=helm.ValuesArguments())

# Of each block a key that needs other values beside it, where there is one.
CHANGES = {
    "xscaler.logs.url": "logs: url: https://euw1-01.l.xscalerlabs.com/api/v1/logs/push -> https://logs.example.com/api/v1/logs/push",
    "xscaler.auth.username": "metrics: authentication: basic, user name (empty) -> basic, user name istio",
    "xscaler.tls.ca.key": "spec.template.spec.volumes[ca].configMap.items[ca.crt].key: ca.crt -> root.pem",
    "istio.customTags": "proxies: istio_requests_total: 27 of 30 labels -> 28 of 30 labels",
    "istio.rootNamespace": "Telemetry mesh-system/",
    "xscaler.limits.logLineBytes": "files on each node: longest line: 262144 bytes -> 524288 bytes",
    "metrics.targets.agentgateway.bodySizeLimit": "agentgateway: body size limit: now 50MB",
    "logs.startAt": "files on each node: lines before the first start: not sent -> sent",
    "pod.priorityClassName": "spec.template.spec.priorityClassName added: system-cluster-critical",
    "prometheus.persistence.storageClassName": "spec.storageClassName added: fast",
    "alloy.queue.sampleAgeLimit": "queue_config.sample_age_limit",
    "opentelemetry.resources.limits": "resources.limits.cpu added: 250m",
    "logAgent.statePath": "/var/lib/collectors",
    "tests.enabled": "Pod default/xscaler-istio-test-metrics",
    "rbac.create": "- ServiceAccount default/xscaler-istio-metrics",
    "serviceAccount.annotations": "metadata.annotations",
    "commonLabels": "metadata.labels.team added: mesh",
}


@pytest.fixture(autouse=True)
def _helm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELM_BIN", str(tool("helm4")))


@pytest.mark.parametrize("name", thinned(CHANGES, "a key of every third block is changed", every=3))
def test_what_an_example_changes(name: str) -> None:
    found = explain.effect(keys.find(SCHEMA, name), NOTHING)
    assert not found.unknown
    assert any(CHANGES[name] in str(change) for change in found.changes), [str(change) for change in found.changes]


def test_a_missing_helm_costs_the_changes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELM_BIN", "/nowhere")
    key = keys.find(SCHEMA, "metrics.shards")
    found = explain.effect(key, NOTHING)
    assert str(found.unknown) == "HELM_BIN is /nowhere, which is not a program"
    assert "HELM_BIN is /nowhere" in explain.text(key, found, Terminal())


def test_values_that_are_not_yaml_are_named_and_not_refused(cli4: Callable[..., Ran]) -> None:
    ran = cli4("explain", "metrics.shards", "-f", "-", "-o", "json", stdin=b"a: [\n")
    assert json.loads(ran.out)["unknown"].startswith("without it the chart refuses the values: <stdin>:2:1: not YAML: ")
    ran = cli4("explain", "metrics.shards", "-f", "-", "-o", "json", stdin=b"nonsense: 1\n")
    says = "without it the chart refuses the values: <stdin>:1:1: nonsense is not a key of this chart."
    assert json.loads(ran.out)["unknown"] == says


@pytest.mark.parametrize("width", [1, 30, 100])
def test_any_width_will_do(width: int) -> None:
    for key in keys.every(SCHEMA):
        text = explain.text(key, explain.Effect(), Terminal(True, width))
        assert text.startswith(f"\x1b[1m{key.path}\x1b[0m\n")
