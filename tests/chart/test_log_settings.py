"""Every setting of `logs` and `logAgent` shows in what is rendered, and none is without a row here."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import yaml

from tests.support.paths import CHART, ci
from tests.support.rendering import log_configs, objects, template

BASE = ("--values", str(ci("default")), "--set", "logs.enabled=true")


@dataclasses.dataclass(frozen=True)
class Row:
    """What is set, as JSON; what is rendered then and not by default, in the configuration or in the workload."""

    key: str
    json: str
    appears: str
    where: str = "config"
    # What must be gone, of things that the default has.
    goes: str = ""


ROWS = [
    Row("logs.source", '"api"', 'loki.source.kubernetes "pods"', goes="loki.source.file"),
    Row("logs.source", '"both"', "kind: Deployment", "workload"),
    Row("logs.runtime", '"docker"', 'log = "", stream = "", time = ""'),
    Row("logs.runtime", '"docker"', "path: /var/lib/docker/containers", "workload"),
    Row("logs.containers.istiod", "true", "discovery;istiod"),
    Row("logs.containers.cni", "true", "install-cni;.*"),
    Row("logs.namespaces.include", '["shop"]', 'regex = "shop"'),
    Row("logs.namespaces.exclude", '["shop"]', 'regex = "shop"'),
    Row("logs.startAt", '"beginning"', "", goes="before_first_start"),
    Row("logs.fields", '"none"', "", goes="stage.structured_metadata"),
    Row("logs.redactQueryStrings", "false", "", goes='replace = "redacted"'),
    Row("logs.maskForwardedFor", "true", 'replace = "masked"'),
    Row("logs.dashboardLabels", "true", 'request_method = "method"'),
    Row("logs.sampling.successRatio", "0.25", "rate = 0.25"),
    Row("xscaler.extraHeaders", '{"X-Team": "mesh"}', 'headers = {"X-Team" = "mesh"}'),
    Row("logAgent.image.registry", '"registry.example"', "registry.example/grafana/alloy", "workload"),
    Row("logAgent.image.repository", '"own/alloy"', "docker.io/own/alloy", "workload"),
    Row("logAgent.image.tag", '"v9"', "grafana/alloy:v9", "workload"),
    Row("logAgent.image.digest", f'"sha256:{"a" * 64}"', f"@sha256:{'a' * 64}", "workload"),
    Row("logAgent.image.pullPolicy", '"Always"', "imagePullPolicy: Always", "workload"),
    Row("logAgent.resources", '{"limits": {"cpu": "500m"}}', "cpu: 500m", "workload"),
    Row("logAgent.queue.batchSize", '"512KiB"', 'batch_size = "512KiB"'),
    Row("logAgent.queue.capacity", '"4MiB"', 'capacity = "4MiB"'),
    Row("logAgent.queue.drainTimeout", '"10s"', 'drain_timeout = "10s"'),
    Row("logAgent.queue.drainTimeout", '"10s"', "terminationGracePeriodSeconds: 40", "workload"),
    Row("logAgent.statePath", '"/data"', "path: /data/telemetry/t-xscaler-istio", "workload"),
    Row("logAgent.extraArgs", '["--cluster.enabled=false"]', "- --cluster.enabled=false", "workload"),
    Row("logAgent.pod", '{"priorityClassName": "high"}', "priorityClassName: high", "workload"),
    Row("limits.logLineBytes", "2000", 'limit = "2000B"'),
    Row("xscaler.logs.url", '"https://logs.example/push"', 'url = "https://logs.example/push"'),
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
