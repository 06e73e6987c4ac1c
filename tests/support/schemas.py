"""Schemas of the kinds that are not Kubernetes' own."""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from .tools import go_module

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
    ("github.com/argoproj/argo-cd/v3", "manifests/crds/applicationset-crd.yaml"),
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


def conforms(document: dict[str, Any]) -> None:
    """Check an object against the definition of its kind; raise ValidationError if it does not conform."""
    jsonschema.validate(document, json.loads((custom_schemas() / f"{document['kind'].lower()}.json").read_text()))


def _strict(schema: Any) -> Any:
    """Refuse unknown fields, as the API server does in strict mode."""
    if isinstance(schema, dict):
        closed = {"additionalProperties": False} if "properties" in schema else {}
        known: dict[str, Any] = (
            {"apiVersion": {}, "kind": {}, "metadata": {}} if "spec" in schema.get("properties", {}) else {}
        )
        strict = {key: _strict(value) for key, value in schema.items()}
        return {**closed, **strict, **({"properties": {**known, **strict["properties"]}} if known else {})}
    return [_strict(item) for item in schema] if isinstance(schema, list) else schema
