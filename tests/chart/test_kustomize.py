"""Kustomize, as kubectl has it: objects that belong elsewhere stay there, with the namespace where the docs put it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.paths import CHART, ROOT
from tests.support.rendering import objects, run_template
from tests.support.tools import tool

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    Key = tuple[str, str, str]

EXAMPLE = ROOT / "examples/kustomize/kustomization.yaml"
# Objects in four namespaces: those of the release, of Grafana, of the mesh, and a Role in each that is read.
ELSEWHERE: Mapping[str, Any] = {
    "dashboards": {"enabled": True, "namespace": "monitoring"},
    "istio": {"telemetry": {"accessLogging": {"enabled": True}}},
    "logs": {"enabled": True},
}
ROLES: Mapping[str, Any] = {"rbac": {"namespaces": ["istio-system", "shop"]}}
UNSET_ONLY = {
    "apiVersion": "builtin",
    "kind": "NamespaceTransformer",
    "metadata": {"name": "rest", "namespace": "telemetry"},
    "unsetOnly": True,
}


def kustomize(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(tool("kubectl")), "kustomize", "--enable-helm", "--helm-command", str(tool("helm3")), str(folder)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def by_key(documents: list[dict[str, Any]]) -> dict[Key, dict[str, Any]]:
    found = {
        (item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]): item for item in documents
    }
    assert len(found) == len(documents)
    return found


def write(folder: Path, content: Mapping[str, Any]) -> None:
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(dict(content)))


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """Return a folder whose kustomization is the example's with further values, and this checkout's chart."""
    content = yaml.safe_load(EXAMPLE.read_text())
    (chart,) = content["helmCharts"]
    assert (chart.pop("repo"), chart.pop("version")) == ("oci://ghcr.io/xscaler/charts", "0.1.0")
    # The name that `run_template` gives a release.
    chart["releaseName"] = "t"
    chart["valuesInline"] |= {**ELSEWHERE, **ROLES}
    write(tmp_path / "release", {**content, "helmGlobals": {"chartHome": "charts"}})
    shutil.copytree(CHART, tmp_path / "release/charts" / chart["name"])
    return tmp_path / "release"


def namespaces(release: Path, content: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
    write(release.parent / "overlay", {"resources": ["../release"], **content})
    return kustomize(release.parent / "overlay")


def test_the_example_installs_what_helm_does(release: Path, tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    (chart,) = yaml.safe_load((release / "kustomization.yaml").read_text())["helmCharts"]
    values.write_text(yaml.safe_dump(chart["valuesInline"]))
    rendered = run_template("helm3", "--values", str(values))
    assert rendered.returncode == 0, rendered.stderr
    done = kustomize(release)
    assert done.returncode == 0, done.stderr
    ours = by_key(objects(done.stdout))
    assert ours == by_key(objects(rendered.stdout))
    assert {namespace for _, namespace, _ in ours} == {"telemetry", "monitoring", "istio-system", "shop"}
    assert ("Pod", "telemetry") not in {key[:2] for key in ours}


def test_an_overlay_names_the_namespace_of_what_has_none(release: Path) -> None:
    own = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "own"}}
    before = by_key(objects(kustomize(release).stdout))
    write(release.parent / "own", {"resources": ["own.yaml"]})
    (release.parent / "own/own.yaml").write_text(yaml.safe_dump(own))
    overlay = {"resources": ["../release", "../own"], "transformers": [yaml.safe_dump(UNSET_ONLY)]}
    done = namespaces(release, overlay)
    assert done.returncode == 0, done.stderr
    placed = by_key(objects(done.stdout))
    assert placed.pop(("ConfigMap", "telemetry", "own"))
    assert placed == before


def test_a_namespace_for_all_moves_what_belongs_elsewhere(release: Path) -> None:
    """The docs advise against it: the mesh would lose its Telemetry object, and Roles of one name meet."""
    done = namespaces(release, {"namespace": "telemetry"})
    assert done.returncode != 0
    assert "namespace transformation produces ID conflict" in done.stderr
    file = release / "kustomization.yaml"
    content = yaml.safe_load(file.read_text())
    del content["helmCharts"][0]["valuesInline"]["rbac"]
    file.write_text(yaml.safe_dump(content))
    shutil.rmtree(release.parent / "overlay")
    moved = {key[:2] for key in by_key(objects(namespaces(release, {"namespace": "telemetry"}).stdout))}
    assert ("Telemetry", "telemetry") in moved
    assert {namespace for _, namespace in moved} == {"telemetry", ""}
