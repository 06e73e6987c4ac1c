"""A Kubernetes of one node on this machine: up in seconds, gone without a trace.

Everything runs below one process in mount, network, pid, ipc and uts namespaces of its own. It sees no network but its
own, and the host's interfaces, mounts and packet filters stay as they are. `down` kills that process, the kernel ends
the rest; cgroups and the folder are then removed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.paths import ROOT
from tests.support.tools import tool
from tests.support.waiting import PATIENCE_SECONDS
from xscaler_istio.system.errors import SetupError

from . import certificates, machine, node_init, settings
from .layout import API_PORT, NODE, NODE_ADDRESS, Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")


def up(layout: Layout, minor: str = "") -> None:
    """Start a node and wait until its API answers; raise SetupError when it is up already or does not start.

    minor is one of KUBERNETES' further ones in tools.ini, as 1.37; empty is the one that everything else here uses.
    """
    if is_up(layout):
        raise SetupError(f"the cluster {layout.name} is up already", f"export KUBECONFIG={layout.kubeconfig}")
    machine.ensure()
    programs = {name: str(tool(f"{name}-{minor}" if minor else name)) for name in KUBERNETES}
    programs["kube-router"] = str(tool("kube-router"))
    programs |= {
        name: shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") or name for name in ("etcd", "containerd")
    }
    # What an interrupted run may have left.
    down(layout)
    for folder in (layout.folder, layout.logs):
        folder.mkdir(parents=True, exist_ok=True)
    layout.folder.chmod(0o700)
    shutil.copytree(machine.CNI_PLUGINS, layout.cni_plugins, symlinks=True)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    _credentials(layout, f"https://127.0.0.1:{listener.getsockname()[1]}")
    settings.write(layout)
    _make_cgroups(layout)
    _start(layout, listener, programs)
    listener.close()
    wait_until(lambda: _ready(layout) or not is_up(layout), f"the API server does not answer; see {layout.logs}")
    if not is_up(layout):
        raise SetupError(f"the node ended; see {layout.logs}", "look there, and run make cluster-down")


def is_up(layout: Layout) -> bool:
    """Return whether the first process of the node runs."""
    return _ours(layout) is not None


def down(layout: Layout) -> None:
    """End a node and remove everything that it had; does nothing where there is none."""
    pids = _ours(layout)
    if pids:
        for pid in reversed(pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not any(map(_runs, pids)), f"the processes {pids} do not end")
    wait_until(lambda: _remove_cgroups(layout), f"the cgroup {layout.cgroup} is still in use")
    shutil.rmtree(layout.folder, ignore_errors=True)


def inside(layout: Layout, *command: str | Path) -> list[str]:
    """Return a command line that runs a command in the namespaces of the node."""
    pids = _ours(layout)
    if not pids:
        raise SetupError(f"the cluster {layout.name} is not up", "run make cluster-up")
    return ["nsenter", f"--target={pids[1]}", "--mount", "--net", "--pid", "--ipc", "--uts", "--", *map(str, command)]


def wait_until(condition: Callable[[], object], message: str) -> None:
    """Wait for a condition; raise SetupError with the message when it does not come."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise SetupError(message, "look there, and run make cluster-down")
        time.sleep(0.05)


# -- guarding -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def guarded(layout: Layout) -> Iterator[None]:
    """Take the cluster down at the end of the block, also when this process is killed in it."""
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "tests.cluster", "--name", layout.name, "guard"]
    guard = subprocess.Popen(
        command, stdin=reading, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, cwd=ROOT
    )
    os.close(reading)
    try:
        yield
    finally:
        # The guard sees the end of its input, as it would if this process were killed.
        os.close(writing)
        guard.wait()


def guard(layout: Layout) -> None:
    """Wait until whoever holds the other end of standard input is gone, then take the cluster down."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdin.read()
    down(layout)


# -- parts --------------------------------------------------------------------------------------------------------


def _credentials(layout: Layout, api: str) -> None:
    authority = certificates.create(layout.pki)
    authority.issue("kube-apiserver", "kube-apiserver", servers=node_init.servers())
    authority.issue("kubelet-server", f"system:node:{NODE}", "system:nodes", servers=[NODE_ADDRESS, "127.0.0.1", NODE])
    authority.issue("kube-apiserver-kubelet", "kube-apiserver-kubelet-client", "system:masters")
    authority.issue("admin", "admin", "system:masters")
    authority.issue("kubelet", f"system:node:{NODE}", "system:nodes")
    inside = f"https://127.0.0.1:{API_PORT}"
    authority.kubeconfig("kubelet", inside)
    for name in ("kube-controller-manager", "kube-scheduler", "kube-proxy"):
        authority.issue(name, f"system:{name}")
        authority.kubeconfig(name, inside)
    authority.issue("kube-router", "kube-router", "system:masters")
    authority.kubeconfig("kube-router", inside)
    authority.kubeconfig("admin", api).rename(layout.kubeconfig)


def _make_cgroups(layout: Layout) -> None:
    """Make the kubelet's root, and a group for the node's own programs, in every hierarchy."""
    for hierarchy in machine.hierarchies():
        root = hierarchy / layout.cgroup
        for group in (root, root / "node"):
            # In v2 a group has the controllers that those above pass on.
            if machine.unified():
                machine.delegate(group.parent)
            group.mkdir(exist_ok=True)
            for file in ("cpuset.cpus", "cpuset.mems"):
                if (hierarchy / file).exists():
                    (group / file).write_text((hierarchy / file).read_text())


def _remove_cgroups(layout: Layout) -> bool:
    for hierarchy in machine.hierarchies():
        root = hierarchy / layout.cgroup
        for folder, _, _ in os.walk(root, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
        if root.exists():
            return False
    return True


def _start(layout: Layout, listener: socket.socket, programs: dict[str, str]) -> None:
    groups = [str(hierarchy / layout.cgroup / "node" / "cgroup.procs") for hierarchy in machine.hierarchies()]
    join = 'for group in "$@"; do [ "$group" = -- ] && break; echo $$ > "$group"; shift; done; shift; exec "$@"'
    own = [
        "unshare",
        "--mount",
        "--net",
        "--pid",
        "--ipc",
        "--uts",
        "--fork",
        "--kill-child=KILL",
        "--mount-proc",
        "--",
    ]
    first = [sys.executable, "-m", "tests.cluster.node_init", layout.name, str(listener.fileno())]
    with (layout.logs / "node.log").open("wb") as log:
        process = subprocess.Popen(
            ["sh", "-c", join, "sh", *groups, "--", *own, *first],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=[listener.fileno()],
            start_new_session=True,
            cwd=ROOT,
        )
    assert process.stdin
    process.stdin.write(json.dumps(programs).encode())
    process.stdin.close()
    wait_until(lambda: process.poll() is not None or _child(process.pid), "unshare does not start")
    if process.poll() is not None:
        raise SetupError(
            f"unshare ended: {(layout.logs / 'node.log').read_text().strip()}", "see tests/cluster/machine.py"
        )
    layout.pids.write_text(f"{process.pid} {_child(process.pid)}")


def _child(pid: int) -> int | None:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    return int(children[0]) if children and "node_init" in _command_line(int(children[0])) else None


def _ours(layout: Layout) -> Sequence[int] | None:
    """Return the recorded processes, if they still are what was recorded."""
    try:
        pids = [int(word) for word in layout.pids.read_text().split()]
    except OSError:
        return None
    ours = [pid for pid in pids if f"tests.cluster.node_init {layout.name} " in _command_line(pid) and _runs(pid)]
    return pids if ours == pids else None


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _ready(layout: Layout) -> bool:
    command = [str(tool("kubectl")), "get", "--raw", "/readyz"]
    environment = {**os.environ, **layout.environment()}
    return subprocess.run(command, check=False, capture_output=True, env=environment).returncode == 0
