"""What a node needs of the machine, and how to get it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from xscaler_istio.system.errors import SetupError

CGROUPS = Path("/sys/fs/cgroup")
CNI_PLUGINS = Path("/usr/lib/cni")
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
_CONTROLLERS = ("cpu", "cpuset", "memory", "pids", "devices", "freezer")


def missing_packages() -> list[str]:
    """Return the Debian packages of programs that are not there."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    wanted = {package for program, package in PROGRAMS.items() if not shutil.which(program, path=path)}
    if not (CNI_PLUGINS / "bridge").exists():
        wanted.add("containernetworking-plugins")
    return sorted(wanted)


def obstacles() -> list[str]:
    """Return why no node can run here, whatever is installed."""
    found = []
    if sys.platform != "linux":
        return ["it takes Linux"]
    if os.geteuid() != 0:
        found.append("it takes root: mounts, network namespaces and cgroups of its own")
    absent = [name for name in _CONTROLLERS if not (CGROUPS / name).is_dir()]
    if absent:
        found.append(f"no cgroup v1 hierarchies for {', '.join(absent)} in {CGROUPS}")
    elif os.geteuid() == 0 and not os.access(CGROUPS / "memory", os.W_OK):
        found.append(f"{CGROUPS} is read-only")
    if not Path("/dev/kmsg").exists():
        found.append("no /dev/kmsg, which the kubelet reads")
    return found


def ensure() -> None:
    """Install what is missing; raise SetupError where a node cannot run."""
    found = obstacles()
    if found:
        raise SetupError(
            f"no Kubernetes node can run on this machine: {'; '.join(found)}",
            "point KUBECONFIG at a cluster of yours (kind, for example) and run CLUSTER=existing make test-cluster",
        )
    packages = missing_packages()
    if not packages:
        return
    if not shutil.which("apt-get"):
        raise SetupError(f"these Debian packages or their like are missing: {' '.join(packages)}", "install them")
    print(f"installing {' '.join(packages)} with apt-get", file=sys.stderr)
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    for command in (install, ["apt-get", "update"], install):
        done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
        if done.returncode == 0 and command is install:
            return
    raise SetupError(f"apt-get could not install {' '.join(packages)}: {done.stderr.strip()}", "install them by hand")
