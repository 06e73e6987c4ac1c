"""What a node needs of the machine, and how to get it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from xscaler_istio.system.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CGROUPS = Path("/sys/fs/cgroup")
CNI_PLUGINS = Path("/usr/lib/cni")
_ELSEWHERE = (
    "where Docker runs, CLUSTER=kind make cluster-up gives the same mesh; or point KUBECONFIG at a cluster of yours "
    "and run CLUSTER=existing make test-cluster"
)
# Programs, and the Debian packages that hold them.
PROGRAMS = {
    "busybox": "busybox-static",
    "conntrack": "conntrack",
    "containerd": "containerd",
    "ctr": "containerd",
    "etcd": "etcd-server",
    "ip": "iproute2",
    "ipset": "ipset",
    "iptables": "iptables",
    "mount": "mount",
    "nsenter": "util-linux",
    "runc": "runc",
    "unshare": "util-linux",
}
# In cgroup v2 those two are there without a controller.
_V1_ONLY = ("devices", "freezer")
_CONTROLLERS = ("cpu", "cpuset", "memory", "pids")
# What the kubelet demands of its root where the machine has it.
_WHERE_THERE = ("hugetlb", "io")


def unified() -> bool:
    """Return whether the machine has cgroup v2 and nothing else."""
    return (CGROUPS / "cgroup.controllers").exists()


def hierarchies() -> list[Path]:
    """Return where groups are made: in v1 a hierarchy a controller, in v2 the only one."""
    if unified():
        return [CGROUPS]
    return [folder for folder in CGROUPS.iterdir() if folder.is_dir() and not folder.is_symlink()]


def delegate(group: Path) -> None:
    """Let the groups below one of cgroup v2 have its controllers; raise SetupError where that is not allowed."""
    there = (group / "cgroup.controllers").read_text().split()
    wanted = [f"+{name}" for name in (*_CONTROLLERS, *_WHERE_THERE) if name in there]
    file = group / "cgroup.subtree_control"
    try:
        file.write_text(" ".join(wanted))
    except OSError as error:
        raise SetupError(f"{file} cannot be written: {error.strerror}", _ELSEWHERE) from error


def missing_packages(programs: Mapping[str, str]) -> list[str]:
    """Return the Debian packages of programs that are not there."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    return sorted({package for program, package in programs.items() if not shutil.which(program, path=path)})


def obstacles() -> list[str]:
    """Return why no node can run here, whatever is installed."""
    found = []
    if sys.platform != "linux":
        return ["it takes Linux"]
    if os.geteuid() != 0:
        found.append("it takes root: mounts, network namespaces and cgroups of its own")
    if unified():
        there = (CGROUPS / "cgroup.controllers").read_text().split()
        absent, kind = [name for name in _CONTROLLERS if name not in there], "v2 controllers"
    else:
        names = (*_CONTROLLERS, *_V1_ONLY)
        absent, kind = [name for name in names if not (CGROUPS / name).is_dir()], "v1 hierarchies"
    if absent:
        found.append(f"no cgroup {kind} for {', '.join(absent)} in {CGROUPS}")
    elif os.geteuid() == 0 and not os.access(hierarchies()[0], os.W_OK):
        found.append(f"{CGROUPS} is read-only")
    if not Path("/dev/kmsg").exists():
        found.append("no /dev/kmsg, which the kubelet reads")
    return found


def ensure() -> None:
    """Install what is missing; raise SetupError where a node cannot run."""
    if found := obstacles():
        raise SetupError(f"no Kubernetes node can run on this machine: {'; '.join(found)}", _ELSEWHERE)
    plugins = [] if (CNI_PLUGINS / "bridge").exists() else ["containernetworking-plugins"]
    install([*missing_packages(PROGRAMS), *plugins])


def install(packages: Sequence[str]) -> None:
    """Install Debian packages; raise SetupError where that does not work."""
    if not packages:
        return
    if not shutil.which("apt-get") or os.geteuid() != 0:
        fix = f"sudo apt-get install {' '.join(packages)}"
        raise SetupError(f"these Debian packages or their like are missing: {' '.join(packages)}", fix)
    print(f"installing {' '.join(packages)} with apt-get", file=sys.stderr)
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    for words in (command, ["apt-get", "update"], command):
        done = subprocess.run(words, check=False, env=environment, capture_output=True, text=True)
        if done.returncode == 0 and words is command:
            return
    raise SetupError(f"apt-get could not install {' '.join(packages)}: {done.stderr.strip()}", "install them by hand")
