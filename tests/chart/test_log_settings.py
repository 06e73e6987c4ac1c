"""Every setting of `logs` and `logAgent` shows in what is rendered, and none is without a row here."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import yaml

from tests.support.paths import CHART, ci
from tests.support.rendering import log_configs, objects, template

BASE = ("--values", str(ci("default")), "--set", "logs.enabled=true")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """What is set, as JSON; what is rendered then and not by default, in the configuration or in the workload."""

    key: str
    json: str
    appears: str
    where: str = "config"
    # What must be gone, of things that the default has.
    goes: str = ""


ROWS = [
    Row(key="logs.source", json='"api"', appears='loki.source.kubernetes "pods"', goes="loki.source.file"),
    Row(key="logs.source", json='"filesAndFargate"', appears="kind: Deployment", where="workload"),
    Row(key="logs.runtime", json='"docker"', appears='log = "", stream = "", time = ""'),
    Row(key="logs.runtime", json='"docker"', appears="path: /var/lib/docker/containers", where="workload"),
    Row(key="logs.containers.istiod", json="true", appears="discovery;istiod"),
    Row(key="logs.containers.cni", json="true", appears="install-cni;.*"),
    Row(key="logs.namespaces.include", json='["shop"]', appears='regex = "shop"'),
    Row(key="logs.namespaces.exclude", json='["shop"]', appears='regex = "shop"'),
    Row(key="logs.startAt", json='"beginning"', appears="", goes="before_first_start"),
    Row(key="logs.structuredMetadata", json="false", appears="", goes="stage.structured_metadata"),
    Row(key="logs.redactQueryStrings", json="false", appears="", goes='replace = "redacted"'),
    Row(key="logs.maskForwardedFor", json="true", appears='replace = "masked"'),
    Row(key="logs.redact", json='["a=([0-9]+)"]', appears='expression = "a=([0-9]+)"'),
    Row(key="logs.drop.paths", json='["/healthz"]', appears='expression = "^(?:/healthz)(?:[?#].*)?$"'),
    Row(key="logs.drop.userAgents", json='["kube-probe/*"]', appears='expression = "^(?:kube-probe/.*)$"'),
    Row(key="logs.extraStages", json='"stage.pack {}"', appears="  stage.pack {}"),
    Row(key="logs.streamLabels", json='["request_method"]', appears='values = {request_method = "method"}'),
    Row(key="logs.sampling.successPercent", json="12.5", appears="rate = 0.125"),
    Row(key="xscaler.extraHeaders", json='{"X-Team": "mesh"}', appears='headers = {"X-Team" = "mesh"}'),
    Row(
        key="logAgent.image.registry",
        json='"registry.example"',
        appears="registry.example/grafana/alloy",
        where="workload",
    ),
    Row(key="logAgent.image.repository", json='"own/alloy"', appears="docker.io/own/alloy", where="workload"),
    Row(key="logAgent.image.tag", json='"v9"', appears="grafana/alloy:v9", where="workload"),
    Row(key="logAgent.image.digest", json=f'"sha256:{"a" * 64}"', appears=f"@sha256:{'a' * 64}", where="workload"),
    Row(key="logAgent.image.pullPolicy", json='"Always"', appears="imagePullPolicy: Always", where="workload"),
    Row(key="logAgent.resources", json='{"limits": {"cpu": "500m"}}', appears="cpu: 500m", where="workload"),
    Row(
        key="logAgent.updateStrategy",
        json='{"rollingUpdate": {"maxUnavailable": "50%"}}',
        appears="maxUnavailable: 50%",
        where="workload",
    ),
    Row(key="logAgent.queue.batchSize", json='"512KiB"', appears='batch_size = "512KiB"'),
    Row(key="logAgent.queue.capacity", json='"4MiB"', appears='capacity = "4MiB"'),
    Row(key="logAgent.queue.drainTimeout", json='"10s"', appears='drain_timeout = "10s"'),
    Row(key="logAgent.queue.drainTimeout", json='"10s"', appears="terminationGracePeriodSeconds: 40", where="workload"),
    Row(key="logAgent.statePath", json='"/data"', appears="path: /data/telemetry/t-xscaler-istio", where="workload"),
    Row(
        key="logAgent.extraArgs",
        json='["--cluster.enabled=false"]',
        appears="- --cluster.enabled=false",
        where="workload",
    ),
    Row(key="logAgent.pod", json='{"priorityClassName": "high"}', appears="priorityClassName: high", where="workload"),
    Row(key="xscaler.limits.logLineBytes", json="2000", appears='limit = "2000B"'),
    Row(key="xscaler.logs.url", json='"https://logs.example/push"', appears='url = "https://logs.example/push"'),
]


def keys(node: Any, path: str) -> set[str]:
    """Return the settings below one, those that the chart passes on as they are as one."""
    if not isinstance(node, dict) or not node or path.endswith(".resources"):
        return {path}
    return {key for name, value in node.items() for key in keys(value, f"{path}.{name}")}


def rendered(where: str, *words: str) -> str:
    """Return the configurations of the log agents, or their workloads, as text."""
    text = template("helm4", *BASE, *words)
    if where == "config":
        return "\n".join(config.text for config in log_configs(text))
    workloads = [item for item in objects(text) if item["metadata"]["name"].startswith("t-xscaler-istio-logs")]
    return yaml.safe_dump_all([item for item in workloads if item["kind"] in ("DaemonSet", "Deployment")], width=1000)


def test_no_setting_is_without_a_row() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    every = keys(values["logs"], "logs") | keys(values["logAgent"], "logAgent")
    assert every - {row.key for row in ROWS} == {"logs.enabled"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.key}={row.json}-{row.where}")
def test_a_setting_shows(row: Row) -> None:
    before, after = rendered(row.where), rendered(row.where, "--set-json", f"{row.key}={row.json}")
    assert row.appears in after
    assert not row.appears or row.appears not in before
    assert not row.goes or row.goes in before
    assert not row.goes or row.goes not in after


def test_a_release_for_logs_alone_has_nothing_else() -> None:
    kinds = {item["kind"] for item in objects(template("helm4", *BASE, "--set", "metrics.collector=none"))}
    rights = {"ClusterRole", "ClusterRoleBinding", "ServiceAccount"}
    # The Pod is that of `helm test`.
    assert kinds == {*rights, "ConfigMap", "DaemonSet", "Pod", "Service"}
    without = {item["kind"] for item in objects(template("helm4", *BASE, "--set", "logs.enabled=false"))}
    assert "DaemonSet" not in without
