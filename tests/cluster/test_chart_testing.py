"""`ct install` with both Helms: every values file of ci/, each with its `helm test`, in a prepared namespace."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.chart.conftest import INSTALLED, ROOT, tool

from . import kubectl
from .layout import NODE, Layout
from .release import TENANT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .backend import Backend

# Evidence in seconds; and a cluster of its own for each run: two that say the same series contradict each other.
SETS = "--set=metrics.scrapeInterval=5s --set=metrics.scrapeTimeout=5s --set=cluster.name="


@pytest.fixture
def prepared(backend: Backend, cluster: str) -> Iterator[Callable[[], str]]:
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
        if cluster != "existing":
            made.extend(("persistentvolume", _volume(Layout(cluster), f"{name}-{number}")) for number in range(2))
        return name

    yield prepare
    for kind, name in made:
        kubectl.run("delete", kind, name, "--wait=false", check=False)


def _volume(layout: Layout, name: str) -> str:
    """Make a volume on the node: there is no provisioner."""
    (layout.folder / "var/lib" / name).mkdir()
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE]}
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


@pytest.mark.parametrize("major", [3, 4])
def test_ct_installs_every_values_file(major: int, prepared: Callable[[], str]) -> None:
    namespace = prepared()
    folders = [tool(f"helm{major}").parent, tool("kubectl").parent, Path(sys.executable).parent, os.environ["PATH"]]
    environment = dict(os.environ, PATH=os.pathsep.join(map(str, folders)))
    command = [str(tool("ct")), "install", "--config", "ct.yaml", "--charts", "chart", "--namespace", namespace]
    # Upgrades from an earlier revision take a remote branch to compare with.
    command += ["--upgrade=false", "--helm-extra-args=--timeout=120s", f"--helm-extra-set-args={SETS}{namespace}"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=560)
    said = f"{shlex.join(command)}\n{done.stdout}{done.stderr}"
    assert done.returncode == 0, said[-6000:]
    # ct exits with 0 also where it finds no chart.
    for file in INSTALLED:
        assert f'Installing chart with values file "chart/ci/{file.name}"' in done.stdout
    assert done.stdout.count("Phase:          Succeeded") >= len(INSTALLED)
