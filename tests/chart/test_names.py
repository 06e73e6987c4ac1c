"""Names, labels and namespaces: whatever a release, a chart's version or a value is called, Kubernetes takes them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.paths import CHART, ci
from tests.support.rendering import configs, objects, of_kind, parsed, run_template, template
from tests.support.tools import tool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BASE = ("--values", str(ci("default")), "--set", "logs.enabled=true")
# What a release can bring: cluster-wide objects, and objects of other namespaces.
EVERYTHING = (
    *BASE,
    "--set",
    "networkPolicy.enabled=true,serviceMonitor.enabled=true,prometheusRule.enabled=true,podDisruptionBudget.enabled=true",
    "--set",
    "dashboards.enabled=true,istio.telemetry.accessLogging.enabled=true,prometheus.persistence.enabled=true",
)
LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/: RFC 1035 for Services, RFC 1123 for others.
OF_A_SERVICE = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
OF_OTHERS = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


def rendered(chart: Path = CHART, name: str = "t") -> list[dict[str, Any]]:
    words = (tool("helm4"), "template", name, chart, "--namespace", "telemetry", *EVERYTHING)
    return objects(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def labels_of(node: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield each label of an object and of what is in it, and each that it selects by."""
    if isinstance(node, dict):
        if key in ("labels", "matchLabels", "selector"):
            yield from ((name, value) for name, value in node.items() if isinstance(value, str))
        for name, child in node.items():
            yield from labels_of(child, name)
    if isinstance(node, list):
        for child in node:
            yield from labels_of(child, key)


@pytest.mark.parametrize(
    ("version", "app_version"),
    [
        ("0.1.0-rc.1+build.7", "1.31"),
        (f"0.1.0-{'a' * 70}", "v1.31.0+git.abc"),
        (f"0.1.0-{'a' * 42}-+b", "1.31@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
        ("0.1.0", "-1.31 (beta)-"),
    ],
)
def test_every_label_is_valid_whatever_the_versions_are(version: str, app_version: str, tmp_path: Path) -> None:
    chart = tmp_path / "chart"
    shutil.copytree(CHART, chart)
    text = (chart / "Chart.yaml").read_text().replace("version: 0.1.0", f"version: {version}", 1)
    (chart / "Chart.yaml").write_text(text.replace('appVersion: "1.31"', f"appVersion: {json.dumps(app_version)}"))
    found = {pair for item in rendered(chart) for pair in labels_of(item)}
    assert {"helm.sh/chart", "app.kubernetes.io/version"} <= {name for name, _ in found}
    assert [pair for pair in found if not LABEL.fullmatch(pair[1])] == []


@pytest.mark.parametrize("name", ["1prod", "0", "1.2", f"7{'x' * 52}", "a1", "9-xscaler-istio"])
def test_every_name_is_valid_whatever_the_release_is_called(name: str) -> None:
    found = rendered(name=name)
    services = [item["metadata"]["name"] for item in found if item["kind"] == "Service"]
    assert len(services) == 2
    assert [text for text in services if not OF_A_SERVICE.fullmatch(text)] == []
    assert [item for item in found if not OF_OTHERS.fullmatch(item["metadata"]["name"])] == []
    shards = [item["metadata"]["name"] for item in found if item["kind"] == "Deployment"]
    assert [len(text) <= 58 and text.endswith("-metrics-0") for text in shards] == [True]


@pytest.mark.parametrize(
    "setting",
    [
        'commonLabels={"team":"mesh team"}',
        'commonLabels={"a/b/c":"x"}',
        'pod.labels={"-a":"x"}',
        f'prometheus.pod.labels={{"a":"{"x" * 64}"}}',
        'pod.nodeSelector={"pool":"infra/a"}',
        'serviceMonitor.labels={"release":"kps."}',
        'prometheusRule.labels={"Team/role":"x"}',
        'dashboards.labels={"a":"ä"}',
        'commonAnnotations={"a b":"x"}',
        'pod.annotations={"a/":"x"}',
        'serviceAccount.annotations={"":"x"}',
        'dashboards.annotations={"folder name":"x"}',
        'fullnameOverride="1mesh"',
        'namespaceOverride="Telemetry"',
        'global={"image":{"registry":"https://registry.example"}}',
        'global={"imageRegistry":"https://registry.example"}',
        'global={"image":{"registry":"registry.example/"}}',
        'global={"imageRegistry":"registry.example/"}',
    ],
)
def test_what_kubernetes_would_reject_is_refused(setting: str) -> None:
    done = run_template("helm4", *BASE, "--set-json", setting)
    assert "values don't meet the specifications of the schema" in done.stderr


def test_what_kubernetes_takes_is_taken() -> None:
    labels = {"a": "", "example.com/Team_a.b-c": "A.b_c-1", "x" * 63: "y" * 63}
    notes = {"example.com/a": "free text: {}, ä", "b": ""}
    sets = (f"commonLabels={json.dumps(labels)}", f"commonAnnotations={json.dumps(notes)}")
    text = template("helm4", *BASE, *(word for item in sets for word in ("--set-json", item)))
    for item in objects(text):
        assert labels.items() <= item["metadata"]["labels"].items()
        assert notes.items() <= item["metadata"]["annotations"].items()


def test_modes_of_files_are_decimal() -> None:
    text = template("helm4", *BASE)
    assert {int(mode) for mode in re.findall(r"defaultMode: (\d+)", text)} == {0o440}


# -- the namespace ------------------------------------------------------------------------------------------------

CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding"}


@pytest.mark.parametrize("sets", [(), ("--set", "dashboards.namespace=grafana")])
def test_a_namespace_of_the_values_is_that_of_all_objects_but_those_that_belong_elsewhere(
    sets: tuple[str, ...],
) -> None:
    text = template("helm4", *EVERYTHING, "--set", "namespaceOverride=mesh", *sets)
    found = {
        (item["kind"], item["metadata"]["namespace"]) for item in objects(text) if item["kind"] not in CLUSTER_WIDE
    }
    elsewhere = {("Telemetry", "istio-system"), *([("ConfigMap", "grafana")] if sets else [])}
    assert {pair for pair in found if pair[1] != "mesh"} == elsewhere
    (subject,) = of_kind(text, "ClusterRoleBinding")[0]["subjects"]
    assert subject["namespace"] == "mesh"
    # The collector finds the release's own pods there.
    (own,) = (job for job in parsed(configs(text)[0])["scrape_configs"] if job["job_name"] == "self")
    assert any(rule.get("regex", "").startswith("mesh;t;") for rule in own["relabel_configs"])


def test_without_one_it_is_the_releases() -> None:
    moved = template("helm4", *BASE, "--set", "namespaceOverride=telemetry")
    assert objects(moved) == objects(template("helm4", *BASE))
