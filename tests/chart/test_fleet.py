"""examples/fleet: each cluster's layers render, and the ApplicationSet deploys the same."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.paths import CHART, ROOT
from tests.support.rendering import configs, objects, parsed, template
from tests.support.schemas import conforms
from tests.support.tools import tool

if TYPE_CHECKING:
    from pathlib import Path

FLEET = ROOT / "examples/fleet"
CLUSTERS = sorted(FLEET.glob("clusters/*/*.yaml"))
each_cluster = pytest.mark.parametrize("cluster", CLUSTERS, ids=lambda file: file.stem)


def layers(cluster: Path) -> list[Path]:
    """Return the values files of a cluster; later ones win."""
    return [FLEET / "base.yaml", FLEET / f"environments/{cluster.parent.name}.yaml", cluster]


def rendered(helm: str, *files: Path) -> str:
    return template(helm, *(word for file in files for word in ("--values", str(file))))


@each_cluster
def test_a_cluster_renders_with_its_name_and_its_environment(each_helm: str, cluster: Path) -> None:
    labels = {
        rule["target_label"]: rule["replacement"]
        for job in parsed(configs(rendered(each_helm, *layers(cluster)))[0])["scrape_configs"]
        for rule in job["relabel_configs"]
        if rule.get("target_label") in ("cluster", "environment")
    }
    assert labels == {"cluster": cluster.stem, "environment": cluster.parent.name}


def test_no_two_clusters_have_the_same_name() -> None:
    names = [yaml.safe_load(file.read_text())["cluster"]["name"] for file in CLUSTERS]
    assert len(set(names)) == len(names) > 1
    assert {file.parent.name for file in CLUSTERS} == {file.stem for file in FLEET.glob("environments/*.yaml")}


def application(cluster: Path, folder: Path) -> dict[str, Any]:
    """Return what the ApplicationSet makes of a file: Helm evaluates the Go template with the generator's values."""
    wanted = yaml.safe_load((FLEET / "applicationset.yaml").read_text())["spec"]["template"]
    (folder / "templates").mkdir()
    (folder / "Chart.yaml").write_text("{apiVersion: v2, name: set, version: 1.0.0}")
    text = yaml.safe_dump({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", **wanted})
    (folder / "templates/application.yaml").write_text(f"{{{{ with .Values }}}}{text}{{{{ end }}}}")
    path = cluster.relative_to(FLEET)
    parameters = {"path": {"path": str(path.parent), "basename": path.parent.name, "filename": path.name}}
    (folder / "values.yaml").write_text(yaml.safe_dump({**yaml.safe_load(cluster.read_text()), **parameters}))
    done = subprocess.run([tool("helm4"), "template", folder], check=True, capture_output=True, text=True)
    (made,) = objects(done.stdout)
    return made


def test_argo_cd_takes_the_application_set() -> None:
    document = yaml.safe_load((FLEET / "applicationset.yaml").read_text())
    conforms(document)
    (generator,) = document["spec"]["generators"]
    (files,) = generator["git"]["files"]
    assert sorted(FLEET.glob(files["path"])) == CLUSTERS


@each_cluster
def test_the_application_set_deploys_the_layers_of_a_cluster(cluster: Path, tmp_path: Path) -> None:
    made = application(cluster, tmp_path)
    conforms(made)
    chart, own = made["spec"]["sources"]
    assert made["metadata"]["name"] == f"xscaler-istio-{cluster.stem}"
    assert made["spec"]["destination"] == {"name": cluster.stem, "namespace": "telemetry"}
    assert (ROOT / chart["path"]).resolve() == CHART
    # The files are in the other source, which has this name.
    prefix = f"${own['ref']}/"
    assert [FLEET / file.removeprefix(prefix) for file in chart["helm"]["valueFiles"]] == layers(cluster)
    last = tmp_path / "last.yaml"
    last.write_text(yaml.safe_dump(chart["helm"]["valuesObject"]))
    deployed = objects(rendered("helm4", *layers(cluster), last))
    hooks = [item for item in deployed if "helm.sh/hook" in item["metadata"].get("annotations", {})]
    assert (bool(deployed), hooks) == (True, [])
