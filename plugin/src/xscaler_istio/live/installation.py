"""A release in a cluster, as kubectl and Helm know it; errors name the answer."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import yaml

from xscaler_istio import helm
from xscaler_istio.cluster.access import Access, access, first_line
from xscaler_istio.system import programs
from xscaler_istio.system.errors import UnreachableError, UsageError
from xscaler_istio.values import settings

if TYPE_CHECKING:
    from xscaler_istio.values.settings import Settings


@dataclasses.dataclass(frozen=True)
class Installation:
    """A release, and the cluster that it is in."""

    release: str
    namespace: str
    access: Access

    @property
    def kubectl(self) -> list[str]:
        """Kubectl with its flags, in the namespace of the release."""
        return [str(self.access.kubectl), *self.access.flags, "-n", self.namespace]

    def settings(self) -> Settings:
        """Return the values of the release, the chart's defaults among them; raise UsageError if there is none."""
        return settings.parse_any_version(yaml.safe_load(self._get("values", "--all", "-o", "yaml")))

    def test_pods(self) -> tuple[str, ...]:
        """Return the names of the pods of `helm test`."""
        hooks = yaml.safe_load_all(self._get("hooks"))
        return tuple(item["metadata"]["name"] for item in hooks if item and item["kind"] == "Pod")

    def pods(self, component: str) -> tuple[str, ...]:
        """Return the names of the pods of a component that are not ending."""
        selector = f"app.kubernetes.io/instance={self.release},app.kubernetes.io/component={component}"
        listed = json.loads(self.kube("get", "pods", "-l", selector, "-o", "json"))["items"]
        return tuple(pod["metadata"]["name"] for pod in listed if "deletionTimestamp" not in pod["metadata"])

    def page(self, pod: str, port: int, path: str) -> str:
        """Return a page of a pod, through the API server; raise UnreachableError when it does not answer."""
        proxied = f"/api/v1/namespaces/{self.namespace}/pods/{pod}:{port}/proxy{path}"
        return self.kube("get", "--raw", proxied)

    def log(self, pod: str, lines: int = 500) -> str:
        """Return the end of a pod's log."""
        return self.kube("logs", pod, f"--tail={lines}")

    def kube(self, *arguments: str) -> str:
        """Run kubectl in the namespace of the release; raise UnreachableError with what it said when it fails."""
        return self.access.run("-n", self.namespace, *arguments)

    def _get(self, what: str, *flags: str) -> str:
        """Return what Helm knows of the release."""
        try:
            return helm.of_release(self.namespace, "get", what, self.release, *flags)
        except helm.HelmError as error:
            said = error.stderr.decode(errors="replace")
            if "not found" in said:
                message = f"there is no release {self.release} in the namespace {self.namespace}"
                raise UsageError(message, "`helm list -A` shows all; give the namespace with -n") from error
            raise UnreachableError(f"helm get {what}: {first_line(said)}", "does `helm list` work?") from error


def connect(release: str, namespace: str) -> Installation:
    """Return the release of the current kubeconfig's cluster; raise SetupError without kubectl or Helm."""
    programs.require("helm")
    return Installation(release, namespace, access())
