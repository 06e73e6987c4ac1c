"""The launcher: a second cluster beside the first, nothing left of a killed one, clear words where none can run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from xscaler_istio.system.errors import SetupError

from . import machine, node
from .layout import Layout

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
    groups = list(Path("/sys/fs/cgroup").glob(f"*/{Layout(name).cgroup}"))
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
    deadline = time.monotonic() + 30
    while snapshot(name) != before and time.monotonic() < deadline:
        time.sleep(0.2)
    assert snapshot(name) == before


def test_a_machine_that_cannot_run_one_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "CGROUPS", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(SetupError, match=r"it takes root.*no cgroup v1 hierarchies for cpu, cpuset") as caught:
        machine.ensure()
    assert "CLUSTER=existing" in caught.value.fix
