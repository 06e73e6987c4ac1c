"""The same cluster in Docker, made by kind: for machines on which no node of ours runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from tests.support.tools import tool
from xscaler_istio.system.errors import SetupError

from . import machine

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from .layout import Layout

# That of a node of ours; kind v0.31 has an image of it.
KUBERNETES = "v1.34.3"
# Changed Secrets and ConfigMaps reach pods after ten seconds, as on a node of ours, instead of a minute.
CONFIG = """kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
kubeadmConfigPatches:
  - |
    kind: KubeletConfiguration
    syncFrequency: 10s
"""
# Of this machine, for images.
_PROGRAMS = {"busybox": "busybox-static", "iptables": "iptables"}


def up(layout: Layout, version: str = "") -> None:
    """Start a cluster of a version, as v1.35.0, and wait for its node.

    Raises SetupError when it is up already or does not start.
    """
    _docker()
    if is_up(layout):
        raise SetupError(f"the cluster {layout.name} is up already", f"export KUBECONFIG={layout.kubeconfig}")
    machine.install(machine.missing_packages(_PROGRAMS))
    layout.folder.mkdir(parents=True, exist_ok=True)
    create = ["create", "cluster", f"--image=kindest/node:{version or KUBERNETES}", "--config=-", "--wait=300s"]
    _kind(layout, *create, f"--kubeconfig={layout.kubeconfig}", stdin=CONFIG)


def is_up(layout: Layout) -> bool:
    """Return whether kind has a cluster of this name."""
    listed = subprocess.run([str(tool("kind")), "get", "clusters"], check=True, capture_output=True, text=True).stdout
    return _name(layout) in listed.split()


def down(layout: Layout) -> None:
    """Delete a cluster; does nothing where there is none."""
    _docker()
    _kind(layout, "delete", "cluster", f"--kubeconfig={layout.kubeconfig}")
    shutil.rmtree(layout.folder, ignore_errors=True)


def load(layout: Layout, archives: Iterable[Path]) -> None:
    """Import archives of images into the node."""
    for archive in archives:
        _kind(layout, "load", "image-archive", str(archive))


def _docker() -> None:
    found = shutil.which("docker")
    if not found:
        raise SetupError(
            "kind needs Docker, which is not on PATH", "install it (https://docs.docker.com/engine/install/)"
        )
    done = subprocess.run(
        [found, "version", "--format={{.Server.Version}}"], check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise SetupError(f"Docker does not answer: {done.stderr.strip()}", "start it, and see that you may use it")


def _name(layout: Layout) -> str:
    return f"xscaler-istio-{layout.name}"


def _kind(layout: Layout, *arguments: str, stdin: str = "") -> None:
    """Run kind, which reports to standard error."""
    command = [str(tool("kind")), *arguments, f"--name={_name(layout)}"]
    done = subprocess.run(command, check=False, input=stdin, text=True, env={**os.environ, **layout.environment()})
    if done.returncode:
        raise SetupError(f"kind {' '.join(arguments[:2])} ended with {done.returncode}", "its messages are above")
