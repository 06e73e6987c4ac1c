"""`ct install` with both Helms: every values file of ci/, each with its `helm test`, in a prepared namespace."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.support import revisions
from tests.support.paths import CHART, INSTALLED, ROOT
from tests.support.repositories import git, published
from tests.support.tools import tool

from . import kubectl
from .release import TENANT, WAY_TO_XSCALER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .backend import Backend

# Evidence in seconds; and a cluster of its own for each run: two that say the same series contradict each other.
SETS = "--set=metrics.scrapeInterval=5s --set=metrics.scrapeTimeout=5s --set=cluster.name="


@pytest.fixture
def prepared(backend: Backend) -> Iterator[Callable[[], str]]:
    """Make a namespace with what the values files name: the Secret, and volumes where nothing else provides them."""
    made: list[tuple[str, str]] = []

    def prepare() -> str:
        name = f"ct-{uuid.uuid4().hex[:8]}"
        kubectl.namespace(name, {"pod-security.kubernetes.io/enforce": "privileged"})
        made.append(("namespace", name))
        backend.grant(f"write-{name}", TENANT, "write")
        # That of the try-out.
        backend.grant("not-a-real-token", TENANT, "write")
        data = {"token": f"write-{name}", "tenant": TENANT}
        metadata = {"name": "xscaler-token", "namespace": name}
        kubectl.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})
        if not kubectl.get("storageclasses")["items"]:
            made.extend(("persistentvolume", _volume(name, number)) for number in range(2))
        return name

    yield prepare
    for kind, name in made:
        kubectl.run("delete", kind, name, "--wait=false", check=False)


def _volume(namespace: str, number: int) -> str:
    """Make a volume on the node, where nothing else provides any; return its name."""
    name = f"{namespace}-{number}"
    node = kubectl.get("nodes")["items"][0]["metadata"]["name"]
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    _make_folder(namespace, name, node)
    kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {
                "capacity": {"storage": "20Gi"},
                "accessModes": ["ReadWriteOnce"],
                "local": {"path": f"/var/lib/{name}"},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
            },
        }
    )
    return name


def _make_folder(namespace: str, name: str, node: str) -> None:
    """Make /var/lib/<name> on the node by the kubelet: a local volume takes a folder that is there."""
    image = yaml.safe_load((CHART / "values.yaml").read_text())["tests"]["image"]
    place = {"path": f"/var/lib/{name}", "type": "DirectoryOrCreate"}
    kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "nodeName": node,
                "restartPolicy": "Never",
                "containers": [
                    {
                        "name": "folder",
                        "image": f"{image['registry']}/{image['repository']}:{image['tag']}",
                        "command": ["true"],
                        "volumeMounts": [{"name": "folder", "mountPath": "/folder"}],
                    }
                ],
                "volumes": [{"name": "folder", "hostPath": place}],
            },
        }
    )
    kubectl.run(
        "-n",
        namespace,
        "wait",
        f"pod/{name}",
        "--for=jsonpath={.status.phase}=Succeeded",
        f"--timeout={kubectl.PATIENCE}",
    )


def ct_install(major: int, folder: Path, namespace: str, *flags: str, more: str = "") -> str:
    """Run `ct install` and return what it printed; fail with its end where it failed."""
    folders = [tool(f"helm{major}").parent, tool("kubectl").parent, Path(sys.executable).parent, os.environ["PATH"]]
    environment = dict(os.environ, PATH=os.pathsep.join(map(str, folders)))
    command = [str(tool("ct")), "install", "--config", "ct.yaml", "--namespace", namespace, *flags]
    command += [f"--helm-extra-args=--timeout={kubectl.PATIENCE}", f"--helm-extra-set-args={SETS}{namespace} {more}"]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=folder, env=environment, timeout=1800
    )
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}{done.stderr}"[-6000:]
    return done.stdout


@pytest.mark.parametrize("major", [3, 4])
def test_ct_installs_every_values_file(major: int, prepared: Callable[[], str]) -> None:
    said = ct_install(major, ROOT, prepared(), "--charts", "chart", "--upgrade=false", more=f"--set={WAY_TO_XSCALER}")
    # ct exits with 0 also where it finds no chart.
    for file in INSTALLED:
        assert f'Installing chart with values file "chart/ci/{file.name}"' in said
    assert said.count("Phase:          Succeeded") >= len(INSTALLED)


def test_ct_upgrades_from_an_earlier_chart(prepared: Callable[[], str], tmp_path: Path) -> None:
    """With --reuse-values, as ct does it: the values have none of the keys that are new since."""
    earlier = revisions.chart_of(revisions.BEFORE_LOGS, tmp_path)
    kept = ("default", "opentelemetry")
    for file in (earlier / "ci").iterdir():
        if file.name.removesuffix("-values.yaml") not in kept:
            file.unlink()
    repository = published(tmp_path, earlier)
    shutil.rmtree(repository / "chart")
    shutil.copytree(CHART, repository / "chart")
    # ct installs the new chart as well, with each of its files: that is another test.
    for file in (repository / "chart/ci").iterdir():
        if file.name.removesuffix("-values.yaml") not in kept:
            file.unlink()
    git(repository, "add", ".")
    git(repository, "commit", "--message", "second")
    said = ct_install(4, repository, prepared(), "--upgrade", "--skip-missing-values")
    for name in kept:
        assert f"{name}-values.yaml" in said
    # From the earlier chart, and from the new one to itself.
    assert said.count("has been upgraded. Happy Helming!") == 2 * len(kept)
