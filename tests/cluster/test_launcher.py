"""The launcher: a second cluster beside the first, nothing left of a killed one, clear words where none can run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.paths import ROOT
from xscaler_istio.system.errors import SetupError

from . import __main__, layout, machine, node
from .layout import Layout
from .release import eventually

OWNER = """
import sys, time
from tests.cluster import node
from tests.cluster.layout import Layout
layout = Layout(sys.argv[1])
with node.guarded(layout):
    node.up(layout)
    print("up", flush=True)
    time.sleep(600)
"""


def snapshot(name: str) -> dict[str, object]:
    """Return what a cluster could leave on the machine."""
    groups = [group for group in machine.hierarchies() if (group / Layout(name).cgroup).exists()]
    commands = [_content(file) for file in Path("/proc").glob("[0-9]*/cmdline")]
    return {
        "mounts": Path("/proc/mounts").read_text(),
        "interfaces": sorted(path.name for path in Path("/sys/class/net").iterdir()),
        "cgroups": groups,
        "processes": sum(f"clusters/{name}/".encode() in command for command in commands),
        "folder": Layout(name).folder.exists(),
    }


def _content(file: Path) -> bytes:
    """Return what a file of a process holds; nothing where the process is gone."""
    try:
        return file.read_bytes()
    except OSError:
        return b""


@pytest.mark.skipif(os.environ.get("CLUSTER") == "existing", reason="starts a cluster on this machine")
def test_a_second_cluster_runs_beside_and_is_gone_when_its_owner_is_killed() -> None:
    name = f"second-{os.getpid()}"
    before = snapshot(name)
    command = [sys.executable, "-c", OWNER, name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as owner:
        assert owner.stdout
        assert owner.stdout.readline() == "up\n"
        assert node.is_up(Layout(name))
        during = snapshot(name)
        assert all(during[what] for what in ("processes", "cgroups", "folder"))
        with pytest.raises(SetupError, match="is up already"):
            node.up(Layout(name))
        owner.send_signal(signal.SIGKILL)
    eventually(lambda: snapshot(name), before)


def test_a_machine_that_cannot_run_one_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "CGROUPS", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(SetupError, match=r"it takes root.*no cgroup v1 hierarchies for cpu, cpuset") as caught:
        machine.ensure()
    assert "CLUSTER=existing" in caught.value.fix
    # As in a container that was not given all of them.
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    with pytest.raises(SetupError, match="no cgroup v2 controllers for cpuset in") as caught:
        machine.ensure()
    assert "CLUSTER=kind make cluster-up" in caught.value.fix


def test_in_cgroup_v2_the_kubelet_has_every_controller_that_it_asks_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(machine, "CGROUPS", tmp_path)
    root = tmp_path / Layout("test").cgroup
    groups = (tmp_path, root, root / "node")
    for group in groups:
        group.mkdir(exist_ok=True)
        (group / "cgroup.controllers").write_text("cpuset cpu io memory hugetlb pids rdma misc\n")
        (group / "cgroup.subtree_control").write_text("")
    assert not any("cgroup" in obstacle for obstacle in machine.obstacles())
    node._make_cgroups(Layout("test"))
    passed_on = [(group / "cgroup.subtree_control").read_text() for group in groups]
    # Not those of the node's own programs: a group of cgroup v2 has processes or passes controllers on.
    assert passed_on == ["+cpu +cpuset +memory +pids +hugetlb +io"] * 2 + [""]


def test_a_cgroup_that_must_not_pass_controllers_on_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "CGROUPS", tmp_path)
    (tmp_path / "cgroup.controllers").write_text("cpu\n")
    # What cannot be written, by root either.
    (tmp_path / "cgroup.subtree_control").mkdir()
    with pytest.raises(SetupError, match=r"cgroup\.subtree_control cannot be written: Is a directory") as caught:
        node._make_cgroups(Layout("test"))
    assert "CLUSTER=kind" in caught.value.fix


# -- kind ---------------------------------------------------------------------------------------------------------


def pretend(folder: Path, name: str, script: str) -> None:
    """Write a program."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def launch(cache: Path, path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the launcher with programs of ours before those of the machine."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-m", "tests.cluster", "--on", "kind", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=ROOT)


def test_without_docker_kind_is_not_begun(tmp_path: Path) -> None:
    pretend(tmp_path / "bin", "docker", "echo the daemon sleeps >&2; exit 1")
    done = launch(tmp_path, tmp_path / "bin", "up", "--mesh")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("error: Docker does not answer: the daemon sleeps\n  fix: start it")


def kind_that(does: str, clusters: str = "") -> str:
    """Return a script in place of kind, which has these clusters and does this with commands that change something."""
    answers = f"version) echo kind v0.31.0 go1.26;; get) echo {clusters};;"
    return f'case "$1" in {answers} *) {does};; esac'


def test_a_second_cluster_of_kind_is_not_begun(tmp_path: Path) -> None:
    pretend(tmp_path / "bin", "docker", "echo 28.0")
    pretend(tmp_path / "bin", "kind", kind_that("exit 1", clusters="xscaler-istio-kind"))
    done = launch(tmp_path, tmp_path / "bin", "up", "--mesh")
    own = tmp_path / "xscaler-istio/clusters/kind/kubeconfig"
    said = f"error: the cluster kind is up already\n  fix: export KUBECONFIG={own}\n"
    assert (done.returncode, done.stdout, done.stderr) == (3, "", said)


def test_who_ends_another_cluster_than_there_is_hears_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "xscaler-istio"
    monkeypatch.setattr(layout, "CACHE", cache)
    (tmp_path / "cgroups").mkdir()
    monkeypatch.setattr(machine, "CGROUPS", tmp_path / "cgroups")
    monkeypatch.setattr(sys, "argv", ["cluster", "down"])
    assert (__main__.main(), capsys.readouterr().err) == (0, "")
    there = cache / "clusters/kind/kubeconfig"
    there.parent.mkdir(parents=True)
    there.touch()
    assert __main__.main() == 0
    assert capsys.readouterr().err == "cluster: the cluster kind is still there: CLUSTER=kind make cluster-down\n"
    pretend(tmp_path / "bin", "docker", "echo 28.0")
    pretend(tmp_path / "bin", "kind", kind_that("exit 0"))
    assert launch(tmp_path, tmp_path / "bin", "down").stderr == ""
    assert not there.exists()


def test_kind_makes_a_cluster_in_a_kubeconfig_of_its_own(tmp_path: Path) -> None:
    # Docker runs on few machines of developers' tests; the workflow `cluster` has the real one.
    pretend(tmp_path / "bin", "docker", "echo 28.0")
    asked = f'echo "$@" >>{tmp_path}/asked; cat >{tmp_path}/config'
    pretend(tmp_path / "bin", "kind", kind_that(f"{asked}; exit 1"))
    done = launch(tmp_path, tmp_path / "bin", "--kubernetes", "v1.35.0", "up", "--mesh")
    assert (done.returncode, done.stdout) == (3, "")
    assert "error: kind create cluster ended with 1" in done.stderr
    own = f"--kubeconfig={tmp_path}/xscaler-istio/clusters/kind/kubeconfig --name=xscaler-istio-kind"
    assert (tmp_path / "asked").read_text() == (
        f"create cluster --image=kindest/node:v1.35.0 --config=- --wait=300s {own}\n"
    )
    (patch,) = yaml.safe_load((tmp_path / "config").read_text())["kubeadmConfigPatches"]
    assert yaml.safe_load(patch) == {"kind": "KubeletConfiguration", "syncFrequency": "10s"}
