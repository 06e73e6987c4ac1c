"""The pods of the release under test, as the controllers of their workloads make them (`v1` Pod manifests, Running)."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xscaler_istio.rendered.manifests import CollectorConfig

_NAMESPACE = uuid.UUID("5c0f1cbe-6d0a-4c1e-9a3e-1d0f9a1f0001")


def pod(config: CollectorConfig, ip: str, node: str = "node-1") -> Mapping[str, Any]:
    """Return the pod of a rendered workload at an address; its name ends as a Deployment's or DaemonSet's pods do."""
    workload = config.workload
    metadata, template = workload["metadata"], workload["spec"]["template"]
    ends = hashlib.sha256(ip.encode()).hexdigest()
    suffix = f"{ends[:10]}-{ends[10:15]}" if workload["kind"] == "Deployment" else ends[:5]
    name = f"{metadata['name']}-{suffix}"
    identity = {
        "name": name,
        "namespace": metadata["namespace"],
        "uid": str(uuid.uuid5(_NAMESPACE, f"{metadata['namespace']}/{name}")),
    }
    return {
        "metadata": {**template["metadata"], **identity},
        "spec": {**template["spec"], "nodeName": node},
        "status": {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "hostIP": "192.0.2.10"},
    }
