"""What the examples are written for reads them, and what comes of them is what the ten-line values give."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.paths import CHART, ROOT
from tests.support.rendering import objects, of_kind, run_template
from tests.support.schemas import custom_schemas
from tests.support.tools import tool

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = ROOT / "examples"
TEN_LINES = EXAMPLES / "values.yaml"
# test_objects.py renders each of them, test_alerts.py generates it, test_fleet.py, test_kustomize.py or this file reads
# it.
FOLDERS = {"alerts", "argo-cd", "fleet", "flux", "helmfile", "kustomize", "terraform", "umbrella"}


def rendered(helm: str, folder: Path, *values: dict[str, Any] | str) -> list[dict[str, Any]]:
    """Return the objects of the chart with these values, each laid over the ones before it."""
    arguments = []
    for number, part in enumerate(values):
        file = folder / f"{number}.yaml"
        file.write_text(part if isinstance(part, str) else yaml.safe_dump(part))
        arguments += ["--values", str(file)]
    done = run_template(helm, *arguments)
    assert done.returncode == 0, done.stderr
    return objects(done.stdout)


def ten_lines(helm: str, folder: Path, **more: Any) -> list[dict[str, Any]]:
    return rendered(helm, folder, TEN_LINES.read_text(), more)


def read_by(language: str, file: Path) -> list[dict[str, Any]]:
    """Return what the reader of tools/gitops finds in a file."""
    done = subprocess.run([tool("gitops"), language, file], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_every_example_is_tested() -> None:
    assert {item.name for item in EXAMPLES.iterdir() if item.is_dir()} == FOLDERS
    files = [item.name for item in EXAMPLES.iterdir() if item.suffix == ".yaml"]
    assert [name for name in files if not name.endswith("-values.yaml")] == [TEN_LINES.name]


def test_the_page_names_every_example() -> None:
    page = (EXAMPLES / "README.md").read_text()
    names = [item.name for item in EXAMPLES.iterdir() if item.name != "README.md"]
    assert [name for name in names if f"({name}" not in page] == []


def test_argo_cd_takes_the_application(helm: str, tmp_path: Path) -> None:
    file = EXAMPLES / "argo-cd/application.yaml"
    command = [
        str(tool("kubeconform")),
        "-strict",
        "-schema-location",
        f"{custom_schemas()}/{{{{ .ResourceKind }}}}.json",
    ]
    done = subprocess.run([*command, file], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    spec = yaml.safe_load(file.read_text())["spec"]
    assert (ROOT / spec["source"]["path"]).resolve() == CHART
    assert spec["destination"]["namespace"] == "telemetry"
    deployed = rendered(helm, tmp_path, spec["source"]["helm"]["valuesObject"])
    assert deployed == ten_lines(helm, tmp_path, tests={"enabled": False})
    # What `automated.selfHeal` compares has no hook in it.
    assert not [item for item in deployed if "helm.sh/hook" in item["metadata"].get("annotations", {})]


def test_flux_takes_the_release(helm: str, tmp_path: Path) -> None:
    source, release = read_by("flux", EXAMPLES / "flux/release.yaml")
    chart = release["spec"]["chart"]["spec"]
    assert chart["sourceRef"] == {"kind": source["kind"], "name": source["metadata"]["name"]}
    assert (ROOT / chart["chart"]).resolve() == CHART
    assert rendered(helm, tmp_path, release["spec"]["values"]) == ten_lines(helm, tmp_path)


def test_flux_s_reader_refuses_a_misspelt_field(tmp_path: Path) -> None:
    file = tmp_path / "release.yaml"
    file.write_text((EXAMPLES / "flux/release.yaml").read_text().replace("remediation", "remedation"))
    done = subprocess.run([tool("gitops"), "flux", file], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert 'HelmRelease: error unmarshaling JSON: while decoding JSON: json: unknown field "remedation"' in done.stderr


# https://registry.terraform.io/providers/hashicorp/helm/latest/docs/resources/release
ARGUMENTS = {"name", "namespace", "create_namespace", "chart", "wait", "timeout", "values"}


def test_terraform_s_values_give_the_same(helm: str, tmp_path: Path) -> None:
    (release,) = read_by("terraform", EXAMPLES / "terraform/main.tf")
    assert release["type"] == "helm_release"
    attributes = release["attributes"]
    assert attributes.keys() == ARGUMENTS
    # path.module is the folder of the file.
    assert (ROOT / attributes["chart"]).resolve() == CHART
    assert rendered(helm, tmp_path, *attributes["values"]) == ten_lines(helm, tmp_path)


# https://helmfile.readthedocs.io/en/latest/#configuration
OF_A_RELEASE = {"name", "namespace", "createNamespace", "chart", "values"}


def test_helmfile_s_values_give_the_same(helm: str, tmp_path: Path) -> None:
    folder = EXAMPLES / "helmfile"
    written = yaml.safe_load((folder / "helmfile.yaml").read_text())
    assert written.keys() == {"helmDefaults", "releases"}
    (release,) = written["releases"]
    assert release.keys() == OF_A_RELEASE
    assert (folder / release["chart"]).resolve() == CHART
    values = [(folder / part).read_text() if isinstance(part, str) else part for part in release["values"]]
    assert rendered(helm, tmp_path, *values) == ten_lines(helm, tmp_path, metrics={"profile": "minimal"})


@pytest.fixture
def umbrella(each_helm: str, tmp_path: Path) -> Path:
    """The umbrella chart in a checkout of its own, with its dependency packed into it as Helm does."""
    chart = tmp_path / "examples/umbrella"
    shutil.copytree(EXAMPLES / "umbrella", chart)
    (tmp_path / "chart").symlink_to(CHART)
    command = [str(tool(each_helm)), "dependency", "build", str(chart)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert list((chart / "charts").glob("xscaler-istio-*.tgz"))
    return chart


def test_an_umbrella_chart_passes_values_and_what_is_global(each_helm: str, umbrella: Path) -> None:
    command = [str(tool(each_helm)), "template", "t", str(umbrella), "--namespace", "telemetry"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    (workload,) = of_kind(text, "Deployment")
    pod = workload["spec"]["template"]["spec"]
    assert [item["image"].split("/")[0] for item in pod["containers"]] == ["registry.corp.example"]
    assert pod["imagePullSecrets"] == [{"name": "registry-credentials"}]


def test_an_umbrella_chart_has_a_switch(each_helm: str, umbrella: Path) -> None:
    command = [str(tool(each_helm)), "template", "t", str(umbrella), "--set", "xscaler-istio.enabled=false"]
    assert objects(subprocess.run(command, check=True, capture_output=True, text=True).stdout) == []


def of_umbrella(helm: str, umbrella: Path, values: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Render the umbrella with values for this chart, given where a parent passes them."""
    file = umbrella / "more.yaml"
    file.write_text(yaml.safe_dump({"xscaler-istio": values}))
    command = [str(tool(helm)), "template", "t", str(umbrella), "--namespace", "telemetry", "--values", str(file)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_old_names_work_below_an_umbrella_and_never_beside_new_ones(each_helm: str, umbrella: Path) -> None:
    logs = {"enabled": True}
    new = {"logs": {**logs, "structuredMetadata": False}, "cluster": {"labels": {"tier": "a"}}}
    old = {"logs": {**logs, "fields": "none"}, "metrics": {"extraLabels": {"tier": "a"}}}
    neither, with_new, with_old = (of_umbrella(each_helm, umbrella, values) for values in ({"logs": logs}, new, old))
    assert with_old.returncode == 0, with_old.stderr
    assert with_old.stdout == with_new.stdout != neither.stdout
    both = of_umbrella(each_helm, umbrella, {**new, "metrics": old["metrics"]})
    assert both.returncode == 1
    assert "metrics.extraLabels and cluster.labels are both set." in both.stderr


NEIGHBOUR = "of a neighbour"


def test_a_neighbour_in_an_umbrella_replaces_no_template_of_ours(each_helm: str, umbrella: Path) -> None:
    """Helm has one space of names for all charts, so a neighbour may define our names without the prefix."""
    before = of_umbrella(each_helm, umbrella, {"logs": {"enabled": True}})
    assert before.returncode == 0, before.stderr
    defined = [
        name.removeprefix("xscaler-istio.")
        for file in sorted(CHART.glob("templates/**/*.tpl"))
        for name in re.findall(r'define "([^"]+)"', file.read_text())
    ]
    assert "logs.config" in defined
    # Helm parses templates by depth and name of their file; before and after ours, one of them is the last.
    for neighbour in ("aaa", "zzz"):
        templates = umbrella / "charts" / neighbour / "templates"
        templates.mkdir(parents=True)
        chart = {"apiVersion": "v2", "name": neighbour, "version": "1.0.0"}
        (templates.parent / "Chart.yaml").write_text(yaml.safe_dump(chart))
        text = "".join(f'{{{{- define "{name}" }}}}{NEIGHBOUR}{{{{ end -}}}}\n' for name in defined)
        (templates / "_names.tpl").write_text(text)
        (templates / "map.yaml").write_text(
            f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {neighbour}}}\n"
            'data: {text: {{ include "logs.config" . | quote }}}\n'
        )
    after = of_umbrella(each_helm, umbrella, {"logs": {"enabled": True}})
    assert after.returncode == 0, after.stderr
    found = objects(after.stdout)
    theirs = [item for item in found if item["metadata"]["name"] in ("aaa", "zzz")]
    # Their templates are in effect, and none of ours calls them.
    assert [item["data"]["text"] for item in theirs] == [NEIGHBOUR, NEIGHBOUR]
    assert sorted(json.dumps(item) for item in found if item not in theirs) == sorted(
        json.dumps(item) for item in objects(before.stdout)
    )
