"""The pod-security level that a rendered pod needs: each control of the standards by one change of a good pod."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from tests.support.paths import ci
from tests.support.rendering import template
from xscaler_istio.rendered import manifests, pod_security
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.rendered.pod_security import BASELINE, PRIVILEGED

GOOD = {
    "securityContext": {"runAsNonRoot": True, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "c",
            "ports": [{"containerPort": 9090}],
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
    "volumes": [{"name": "v", "emptyDir": {}}],
}
# (path in the pod's specification, what is put there, the level that it takes, the reason)
CHANGES: list[tuple[tuple[Any, ...], Any, str, str]] = [
    (("hostNetwork",), True, PRIVILEGED, "hostNetwork is on"),
    (("hostPID",), True, PRIVILEGED, "hostPID is on"),
    (("volumes", 0), {"name": "v", "hostPath": {"path": "/var/log"}}, PRIVILEGED, "hostPath /var/log"),
    (("containers", 0, "ports", 0, "hostPort"), 80, PRIVILEGED, "hostPort 80"),
    (("containers", 0, "securityContext", "privileged"), True, PRIVILEGED, "container c is privileged"),
    (
        ("containers", 0, "securityContext", "capabilities", "add"),
        ["NET_ADMIN"],
        PRIVILEGED,
        "container c adds capabilities NET_ADMIN",
    ),
    (("securityContext", "seLinuxOptions"), {"type": "spc_t"}, PRIVILEGED, "SELinux type spc_t"),
    (("securityContext", "runAsUser"), 0, BASELINE, "container c may run as root"),
    (("securityContext", "runAsNonRoot"), False, BASELINE, "container c may run as root"),
    (("securityContext", "seccompProfile"), {}, BASELINE, "container c has no seccomp profile"),
    (
        ("containers", 0, "securityContext", "allowPrivilegeEscalation"),
        True,
        BASELINE,
        "container c may escalate its privileges",
    ),
    (("containers", 0, "securityContext", "capabilities"), {}, BASELINE, "container c keeps capabilities"),
    (("volumes", 0), {"name": "v", "nfs": {}}, BASELINE, "volume v is a nfs"),
]


def manifest(spec: dict[str, Any]) -> tuple[manifests.Manifest, ...]:
    """Wrap a pod's specification into a Deployment."""
    document = {"kind": "Deployment", "metadata": {"name": "d", "namespace": "n"}, "spec": {"template": {"spec": spec}}}
    return manifests.manifests(f"# Source: chart/templates/d.yaml\n{yaml.safe_dump(document)}")


def test_a_good_pod_needs_nothing() -> None:
    assert pod_security.needs(manifest(GOOD)) == ()


@pytest.mark.parametrize(("path", "value", "level", "reason"), CHANGES, ids=[change[3] for change in CHANGES])
def test_one_change(path: tuple[Any, ...], value: Any, level: str, reason: str) -> None:
    spec: Any = copy.deepcopy(GOOD)
    place = spec
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert pod_security.needs(manifest(spec)) == (pod_security.Need("Deployment d", "n", level, (reason,)),)


@pytest.mark.parametrize("collector", COLLECTORS)
@pytest.mark.parametrize(("source", "privileged"), [("files", True), ("api", False), ("filesAndFargate", True)])
def test_only_the_log_agent_on_nodes_needs_more_than_restricted(collector: str, source: str, privileged: bool) -> None:
    values = f"logs.enabled=true,logs.source={source},metrics.collector={collector}"
    needs = pod_security.needs(manifests.manifests(template("helm4", "--values", str(ci("default")), "--set", values)))
    assert [(need.workload, need.level) for need in needs] == [
        ("DaemonSet t-xscaler-istio-logs", PRIVILEGED)
    ] * privileged
