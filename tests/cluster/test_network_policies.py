"""NetworkPolicies that are enforced, by kube-router: what each component needs is open, and nothing else is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from xscaler_istio.rendered.collectors import COLLECTORS

from . import kubectl
from .release import NAME, WAY_TO_XSCALER, eventually
from .test_changes import FAST

if TYPE_CHECKING:
    from collections.abc import Callable

    from .release import Release

# Nobody knows whether a cluster of one's own enforces them.
pytestmark = pytest.mark.skipif(os.environ.get("CLUSTER") == "existing", reason="it takes the node of these tests")


def reaches(namespace: str, pod: str, address: str, port: int) -> bool:
    """Return whether a pod can connect to a port; raise CommandError where it cannot even try."""
    told = 'if nc -w 3 "$0" "$1" </dev/null >/dev/null; then echo open; else echo closed; fi'
    said = kubectl.run("-n", namespace, "exec", pod, "--", "sh", "-c", told, address, str(port))
    return {"open": True, "closed": False}[said.strip()]


def busybox(release: Release, name: str, labels: dict[str, str]) -> str:
    """Run a pod that waits to be told what to do."""
    image = kubectl.get("pod", f"{NAME}-test-metrics", "-n", release.namespace)["spec"]["containers"][0]["image"]
    allowed = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {"name": "main", "image": image, "command": ["sleep", "600"], "securityContext": allowed}
    user = {"runAsNonRoot": True, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"containers": [container], "securityContext": user, "terminationGracePeriodSeconds": 0}
    metadata = {"name": name, "namespace": release.namespace, "labels": labels}
    kubectl.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    kubectl.run(
        "-n", release.namespace, "wait", "--for=condition=Ready", f"pod/{name}", f"--timeout={kubectl.PATIENCE}"
    )
    return name


@pytest.mark.parametrize("collector", COLLECTORS)
def test_what_is_needed_is_open_and_nothing_else(collector: str, new_release: Callable[..., Release]) -> None:
    release = new_release(level="privileged")
    values = f"metrics.collector={collector},logs.enabled=true,{FAST}"
    release.install(values, f"networkPolicy.enabled=true,{WAY_TO_XSCALER}")
    # DNS, the API server, each target, xScaler, and the pods of `helm test`.
    assert release.test().count("PASSED") == 2
    eventually(lambda: release.found(10), release.expected())

    pod = release.pods()[0]
    collector_ = (pod["status"]["podIP"], pod["spec"]["containers"][0]["ports"][0]["containerPort"])
    istiod = (kubectl.get("pods", "-n", "istio-system", "-l", "app=istiod")["items"][0]["status"]["podIP"], 15014)
    stranger = busybox(release, "stranger", {})
    assert reaches(release.namespace, stranger, *istiod)
    assert not reaches(release.namespace, stranger, *collector_)
    # With the labels of a test's pod it may call the collector, and nobody else: not even what that scrapes.
    labels = kubectl.get("pod", f"{NAME}-test-metrics", "-n", release.namespace)["metadata"]["labels"]
    tester = busybox(release, "tester", labels)
    eventually(lambda: reaches(release.namespace, tester, *collector_), True)
    assert not reaches(release.namespace, tester, *istiod)


def test_without_the_way_to_xscaler_the_test_says_so(new_release: Callable[..., Release]) -> None:
    release = new_release()
    release.install(f"networkPolicy.enabled=true,tests.timeout=30s,{FAST}")
    said = release.failed_test()
    assert "xScaler has accepted nothing yet" in said
    assert "that no proxy or NetworkPolicy blocks it" in said
