"""Where a cluster of this machine keeps what it has, and the addresses in it."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

NODE = "node-1"
NODE_ADDRESS = "10.243.0.1"
POD_NETWORK = "10.244.0.0/24"
SERVICE_NETWORK = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"
DNS_SERVICE = "10.96.0.10"
API_PORT = 6443
# Where everything of the project lies that is kept between runs.
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xscaler-istio"


@dataclasses.dataclass(frozen=True)
class Layout:
    """The folders of one cluster; several live beside each other under different names."""

    name: str

    @property
    def folder(self) -> Path:
        """Everything that this cluster writes."""
        return CACHE / "clusters" / self.name

    @property
    def cgroup(self) -> str:
        """The name of its cgroup in every hierarchy."""
        return f"xscaler-istio-{self.name}"

    @property
    def kubeconfig(self) -> Path:
        """An administrator's, for programs on this machine."""
        return self.folder / "kubeconfig"

    @property
    def pids(self) -> Path:
        """Holds the process ids of `unshare` and of the node's first process."""
        return self.folder / "pids"

    @property
    def pki(self) -> Path:
        """Certificates, keys and kubeconfigs."""
        return self.folder / "pki"

    @property
    def settings(self) -> Path:
        """Configuration files of the node's programs."""
        return self.folder / "settings"

    @property
    def logs(self) -> Path:
        """What the node's programs say."""
        return self.folder / "logs"

    @property
    def cni(self) -> Path:
        """The node's network configuration."""
        return self.folder / "cni"

    @property
    def cni_plugins(self) -> Path:
        """The node's own copy of the network plugins, to which istio-cni adds one."""
        return self.folder / "cni-plugins"

    def environment(self) -> dict[str, str]:
        """What kubectl and Helm need to work on this cluster and write nowhere else."""
        helm = {f"HELM_{kind.upper()}_HOME": str(self.folder / "helm" / kind) for kind in ("cache", "config", "data")}
        return {"KUBECONFIG": str(self.kubeconfig), "KUBECACHEDIR": str(self.folder / "kubecache"), **helm}
