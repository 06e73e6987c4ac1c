"""The schemas of Kubernetes that `lint` has are those of the pinned package, and need no other installation."""

from __future__ import annotations

import json
import lzma
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support import kubernetes_schemas
from tests.support.tools import tool
from xscaler_istio.commands import lint

if TYPE_CHECKING:
    from pathlib import Path

CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": {"replicas": "two"}}


@pytest.fixture(scope="module")
def kubeconform() -> Path:
    """The program, looked for before a test has a cache to itself."""
    return tool("kubeconform")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.whole("reads all schemas of the package; the others show that those in the plugin are used")
def test_they_are_those_of_the_package() -> None:
    packed = json.loads(lzma.decompress(lint.SCHEMAS.read_bytes()))
    assert packed == kubernetes_schemas.packed(), "run make kubernetes-schemas"


def test_the_newest_is_the_one_that_lint_takes(cache: Path) -> None:
    folder = lint.kubernetes_schemas(lint.NEWEST_KUBERNETES)
    assert folder is not None
    assert folder.is_relative_to(cache)
    assert lint.kubernetes_schemas(lint.NEWEST_KUBERNETES) == folder
    assert lint.kubernetes_schemas("1.12.0") is None


@pytest.mark.parametrize(
    ("document", "status"), [(CONFIG_MAP, "Valid"), (DEPLOYMENT, "Invalid"), ({**CONFIG_MAP, "datta": {}}, "Invalid")]
)
@pytest.mark.usefixtures("cache")
def test_kubeconform_judges_by_them_without_a_network(
    kubeconform: Path, document: dict[str, object], status: str
) -> None:
    location = f"{lint.kubernetes_schemas(lint.NEWEST_KUBERNETES)}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"
    command = [str(kubeconform), "-strict", "-output", "json", "-verbose", "-schema-location", location, "-"]
    done = subprocess.run(command, input=json.dumps(document), check=False, capture_output=True, text=True)
    (judged,) = json.loads(done.stdout)["resources"]
    assert judged["status"] == f"status{status}", done.stdout
