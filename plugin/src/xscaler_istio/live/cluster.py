"""What kubectl and Helm say of a release; errors that name the cluster's answer."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from typing import TYPE_CHECKING, Any

import yaml

from xscaler_istio import programs
from xscaler_istio.errors import UnreachableError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

_TIMEOUT_SECONDS = 60


@dataclasses.dataclass(frozen=True)
class Cluster:
    """A release and the programs that ask for it, with the current kubeconfig."""

    release: str
    namespace: str
    helm: Path
    kubectl: Path

    def values(self) -> dict[str, Any]:
        """Return the values of the release, the chart's defaults among them; raise UsageError if there is none."""
        loaded: dict[str, Any] = yaml.safe_load(self._helm("get", "values", self.release, "--all", "-o", "yaml"))
        return loaded

    def test_pods(self) -> tuple[str, ...]:
        """Return the names of the pods of `helm test`."""
        hooks = yaml.safe_load_all(self._helm("get", "hooks", self.release))
        return tuple(item["metadata"]["name"] for item in hooks if item and item["kind"] == "Pod")

    def pods(self, component: str) -> tuple[dict[str, Any], ...]:
        """Return the pods of a component that are not ending."""
        selector = f"app.kubernetes.io/instance={self.release},app.kubernetes.io/component={component}"
        listed = json.loads(self.kube("get", "pods", "-l", selector, "-o", "json"))["items"]
        return tuple(pod for pod in listed if "deletionTimestamp" not in pod["metadata"])

    def page(self, pod: str, port: int, path: str) -> str:
        """Return a page of a pod, through the API server; raise UnreachableError when it does not answer."""
        proxied = f"/api/v1/namespaces/{self.namespace}/pods/{pod}:{port}/proxy{path}"
        return self.kube("get", "--raw", proxied)

    def log(self, pod: str, lines: int = 500) -> str:
        """Return the end of a pod's log."""
        return self.kube("logs", pod, f"--tail={lines}")

    def kube(self, *arguments: str) -> str:
        """Run kubectl in the namespace of the release; raise UnreachableError with what it said when it fails."""
        done = _run([str(self.kubectl), "-n", self.namespace, *arguments])
        if done.returncode:
            raise UnreachableError(f"kubectl {arguments[0]}: {_first(done.stderr)}", "does `kubectl get pods` work?")
        return done.stdout

    def _helm(self, *arguments: str) -> str:
        done = _run([str(self.helm), *arguments, "-n", self.namespace])
        if done.returncode and "not found" in done.stderr:
            message = f"there is no release {self.release} in the namespace {self.namespace}"
            raise UsageError(message, "`helm list -A` shows all; give the namespace with -n")
        if done.returncode:
            raise UnreachableError(f"helm {' '.join(arguments[:2])}: {_first(done.stderr)}", "does `helm list` work?")
        return done.stdout


def connect(release: str, namespace: str) -> Cluster:
    """Return the release of the current kubeconfig's cluster; raise SetupError without kubectl or Helm."""
    return Cluster(release, namespace, programs.require("helm"), programs.require("kubectl"))


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise UnreachableError(f"{command[0]} took more than {_TIMEOUT_SECONDS} s", "is the cluster there?") from error


def _first(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("Error: ").removeprefix("error: ") if lines else "no message"
