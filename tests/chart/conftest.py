"""Rendering with both Helms, once per values file."""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from xscaler_istio.rendered import alloy, manifests

if TYPE_CHECKING:
    from xscaler_istio.rendered.manifests import CollectorConfig

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "chart"
# What chart-testing installs, and presets that a cluster for tests cannot run: those are rendered only.
INSTALLED = sorted(CHART.glob("ci/*-values.yaml"))
CI_FILES = [*INSTALLED, *sorted(ROOT.glob("examples/*-values.yaml"))]
HELMS = ("helm3", "helm4")


def ci(case: str) -> Path:
    """Return the values file of one case in ci/ or examples/."""
    return next(file for file in CI_FILES if file.name == f"{case}-values.yaml")


@functools.cache
def tool(name: str) -> Path:
    """Return the path of a pinned program, built when missing."""
    built = subprocess.run([ROOT / "tools/get", name], check=True, stdout=subprocess.PIPE, text=True)
    return Path(built.stdout.strip())


# Where others define the kinds that the chart makes beside Kubernetes' own: a Go module and a file in it.
DEFINITIONS = (
    ("istio.io/istio", "manifests/charts/base/files/crd-all.gen.yaml"),
    (
        "github.com/prometheus-operator/prometheus-operator",
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
    ),
    (
        "github.com/prometheus-operator/prometheus-operator",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
    ),
    ("github.com/argoproj/argo-cd/v3", "manifests/crds/application-crd.yaml"),
    (
        "github.com/openshift/api",
        "security/v1/zz_generated.crd-manifests/0000_03_config-operator_01_securitycontextconstraints.crd.yaml",
    ),
)


@functools.cache
def custom_schemas() -> Path:
    """Return a folder with schemas of the kinds that are not Kubernetes' own, made from their definitions."""
    folder = Path(tempfile.mkdtemp(prefix="xscaler-istio-schemas-"))
    atexit.register(shutil.rmtree, folder)
    files = [go_module(module) / file for module, file in DEFINITIONS]
    for definition in (item for file in files for item in yaml.load_all(file.read_text(), Loader=yaml.CSafeLoader)):
        versions = definition["spec"]["versions"]
        schema = next(version["schema"]["openAPIV3Schema"] for version in versions if version["storage"])
        (folder / f"{definition['spec']['names']['singular']}.json").write_text(json.dumps(_strict(schema)))
    return folder


def _strict(schema: Any) -> Any:
    """Refuse unknown fields, as the API server does when it is told to be strict."""
    if isinstance(schema, dict):
        closed = {"additionalProperties": False} if "properties" in schema else {}
        known: dict[str, Any] = (
            {"apiVersion": {}, "kind": {}, "metadata": {}} if "spec" in schema.get("properties", {}) else {}
        )
        strict = {key: _strict(value) for key, value in schema.items()}
        return {**closed, **strict, **({"properties": {**known, **strict["properties"]}} if known else {})}
    return [_strict(item) for item in schema] if isinstance(schema, list) else schema


@functools.cache
def go_module(name: str) -> Path:
    """Return the folder of a Go module that tools/evidence requires, fetched when missing."""
    go = shutil.which("go") or "/usr/local/go/bin/go"
    command = [go, "mod", "download", "-json", name]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT / "tools/evidence")
    return Path(json.loads(done.stdout)["Dir"])


@functools.cache
def template(helm: str, *arguments: str) -> str:
    """Return what `helm template` prints; release `t` in namespace `telemetry`."""
    done = run_template(helm, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_template(helm: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `helm template` and return whatever came of it."""
    command = [str(tool(helm)), "template", "t", str(CHART), "--namespace", "telemetry", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True)


# Manifests are what the test reads them as: Any is the type of parsed YAML.
def objects(text: str) -> list[dict[str, Any]]:
    """Return the objects of a rendered stream."""
    return [document for document in yaml.safe_load_all(text) if document]


def of_kind(text: str, kind: str) -> list[dict[str, Any]]:
    """Return the objects of one kind."""
    return [document for document in objects(text) if document["kind"] == kind]


def configs(text: str) -> tuple[CollectorConfig, ...]:
    """Return the collector configurations in a rendered stream."""
    return manifests.collector_configs(manifests.manifests(text))


def log_configs(text: str) -> tuple[CollectorConfig, ...]:
    """Return the configurations of log agents in a rendered stream."""
    return manifests.log_configs(manifests.manifests(text))


def parsed(config: CollectorConfig) -> dict[str, Any]:
    """Return a configuration as nested mappings; Alloy's attributes stay the text that they are written as."""
    reader = alloy.parse if config.collector in ("alloy", manifests.LOGS) else yaml.safe_load
    loaded: dict[str, Any] = reader(config.text)
    return loaded


def prometheus_config(text: str, shard: int = 0) -> dict[str, Any]:
    """Return the parsed configuration of one shard."""
    loaded: dict[str, Any] = yaml.safe_load(of_kind(text, "ConfigMap")[shard]["data"]["prometheus.yml"])
    return loaded


@pytest.fixture(params=HELMS)
def helm(request: pytest.FixtureRequest) -> str:
    """Run the test with each Helm major."""
    name: str = request.param
    return name


@pytest.fixture(params=CI_FILES, ids=lambda file: file.name.removesuffix("-values.yaml"))
def ci_file(request: pytest.FixtureRequest) -> Path:
    """Run the test with each values file in ci/ and examples/."""
    file: Path = request.param
    return file
