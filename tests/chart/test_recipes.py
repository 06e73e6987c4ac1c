"""Every recipe of docs/recipes.md has its effect: its values are rendered, its commands run."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.paths import EXAMPLE, ROOT
from tests.support.rendering import of_kind, prometheus_config, run_template, template
from tests.support.schemas import conforms
from tests.support.tools import tool

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PAGE = ROOT / "docs/recipes.md"
# What a recipe's values add to the rendered objects, without spaces and quotes; one after "-" is what they remove.
VALUES: Mapping[str, tuple[str, ...]] = {
    "Leave a namespace out": ("regex:batch|preview-.*action:drop", "regex=batch|preview-.*action=drop"),
    "Drop health checks from the metrics": ("regex:blackbox-exporter",),
    "Keep one more metric": ("envoy_cluster_upstream_rq_(retry|timeout)",),
    "Send fewer series": ("regex:istio_(request|response)_bytes_(bucket|sum|count)action:drop",),
    "Send fewer log lines": ("stage.sampling{rate=0.1",),
    "Hide client addresses in the logs": ("replace=masked",),
    "Add a label": ("target_label:environmentreplacement:production", "environment=production"),
    "Take the token from a Vault agent": (
        "credentials_file:/vault/secrets/xscaler",
        "credentials_file=/vault/secrets/xscaler",
        "{{withsecretsecret/data/xscaler}}{{.Data.data.token}}{{end}}",
        "-secretName:xscaler-token",
    ),
    "Take the token from a CSI driver": (
        "credentials_file:/mnt/secrets-store/token",
        "secretProviderClass:xscaler",
        "-secretName:xscaler-token",
    ),
    "Send through a proxy that inspects TLS": ("proxy_url:http://proxy.corp.example:3128", "name:corporate-ca"),
    "Send through a proxy with a password": ("name:corporate-proxy", "name:HTTPS_PROXY"),
    "Take the images from your registry": ("image:registry.corp.example/", "-image:quay.io/"),
    "Allow only necessary connections": ("kind:NetworkPolicy",),
    "Use another collector": ("prometheus.remote_write", "-prometheus.yml:"),
    "Split the targets of a large mesh": ("modulus:3",),
    "Run on dedicated nodes": ("pool:infra", "key:infra"),
    "Give slow nodes more time": ("failureThreshold:20", "timeoutSeconds:5", "-failureThreshold:6"),
    "Read logs without access to the nodes": ("pods/log", "-kind:DaemonSet"),
    "Monitor the collectors with your Prometheus": ("kind:ServiceMonitor", "release:kube-prometheus-stack"),
}


def recipes() -> dict[str, str]:
    """Return the recipes by title."""
    pieces = re.split(r"(?m)^### (.+)$", re.split(r"(?m)^## ", PAGE.read_text(), maxsplit=1)[1])
    texts = [re.split(r"(?m)^## ", text)[0] for text in pieces[2::2]]
    return dict(zip(pieces[1::2], texts, strict=True))


def block(title: str, language: str) -> str:
    (found,) = re.findall(rf"(?ms)^ *```{language}\n(.*?)^ *```$", recipes()[title])
    return str(found)


def rendered(*files: Path) -> str:
    """Return the objects without spaces and quotes, always with logs: a recipe for logs then shows its own effect."""
    arguments = [word for file in files for word in ("--values", str(file))]
    done = run_template("helm4", *arguments, "--set", "logs.enabled=true")
    assert done.returncode == 0, done.stderr
    return re.sub(r"[\s\"']", "", done.stdout)


@pytest.mark.parametrize("title", VALUES)
def test_the_values_have_their_effect(title: str, tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(block(title, "yaml"))
    before, after = rendered(EXAMPLE), rendered(EXAMPLE, file)
    for effect in VALUES[title]:
        without, with_it = (after, before) if effect.startswith("-") else (before, after)
        assert effect.removeprefix("-") in with_it
        assert effect.removeprefix("-") not in without


def test_health_checks_leave_the_access_logs_by_a_telemetry_object() -> None:
    document = yaml.safe_load(block("Drop health checks from the access logs", "yaml"))
    conforms(document)


def test_the_annotation_leaves_a_pod_out_of_every_job() -> None:
    patch = re.findall(r"-p '(.*)'", block("Leave a pod out", "sh"))
    annotations: dict[str, Any] = json.loads(patch[0])["spec"]["template"]["metadata"]["annotations"]
    ((name, value),) = annotations.items()
    label = "__meta_kubernetes_pod_annotation_" + re.sub(r"\W", "_", name)
    jobs = [
        job
        for job in prometheus_config(template("helm4", "--values", str(EXAMPLE)))["scrape_configs"]
        if "self" not in job["job_name"]
    ]
    rule = {"source_labels": [label], "regex": value, "action": "drop"}
    assert jobs
    assert all(any(rule.items() <= item.items() for item in job["relabel_configs"]) for job in jobs)


def test_the_new_token_is_applied_under_the_name_that_the_values_have(tmp_path: Path) -> None:
    """kubectl is the real one where it needs no cluster; what it would apply is kept."""
    applied = tmp_path / "applied.yaml"
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f'#!/bin/sh\n[ "$1" = apply ] && exec cat > {applied}\nexec {tool("kubectl")} "$@"\n')
    kubectl.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "NEW_TOKEN": "new"}
    subprocess.run(["sh", "-c", block("Rotate the token", "sh")], check=True, env=environment)
    secret = yaml.safe_load(applied.read_text())
    named = yaml.safe_load(EXAMPLE.read_text())["xscaler"]["auth"]["existingSecret"]["name"]
    assert (secret["kind"], secret["metadata"]["name"], secret["metadata"]["namespace"]) == (
        "Secret",
        named,
        "telemetry",
    )
    assert secret["data"] == {"token": "bmV3"}


def test_go_follows_the_limit_that_an_autoscaler_sets(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(block("Let a VerticalPodAutoscaler set the memory", "yaml"))
    chosen = ("--set", "metrics.collector=opentelemetry")
    (deployment,) = of_kind(template("helm4", "--values", str(EXAMPLE), "--values", str(file), *chosen), "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    limit, go = container["env"]
    # Kubernetes expands a variable that precedes, and rounds up to the divisor.
    assert limit["valueFrom"]["resourceFieldRef"] == {
        "containerName": container["name"],
        "resource": "limits.memory",
        "divisor": "1Mi",
    }
    assert go == {"name": "GOMEMLIMIT", "value": f"$({limit['name']})000000B"}
    assert 0.95 < 10**6 / 2**20 < 0.96


def test_every_recipe_is_tested() -> None:
    others = {
        "Leave a pod out",
        "Drop health checks from the access logs",
        "Rotate the token",
        "Let a VerticalPodAutoscaler set the memory",
    }
    assert recipes().keys() == VALUES.keys() | others
