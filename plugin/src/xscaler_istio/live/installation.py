"""An installed release, through kubectl and Helm; errors contain their answer."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import yaml

from xscaler_istio import helm
from xscaler_istio.cluster.access import Access, access, last_line
from xscaler_istio.rendered import documents
from xscaler_istio.system import programs
from xscaler_istio.system.errors import UnreachableError, UsageError
from xscaler_istio.values import renamed
from xscaler_istio.values.effective import Effective

if TYPE_CHECKING:
    from xscaler_istio.values.settings import Settings


@dataclasses.dataclass(frozen=True)
class Installation:
    """A release and its cluster; `elsewhere` is the namespace of its objects, if that is not the release's."""

    release: str
    namespace: str
    access: Access
    elsewhere: str = ""

    @property
    def of_objects(self) -> str:
        """The namespace of the release's objects."""
        return self.elsewhere or self.namespace

    @property
    def kubectl(self) -> list[str]:
        """Kubectl with its flags, in the namespace of the release's objects."""
        return [str(self.access.kubectl), *self.access.flags, "-n", self.of_objects]

    def settings(self) -> Settings:
        """Return the values of the release with its chart's defaults; raise UsageError if it does not exist."""
        return self._values("--all").settings_of_any_version()

    def given(self) -> Effective:
        """Return the values that were set for the release, without its chart's defaults; raise as `settings`."""
        return self._values()

    def _values(self, *flags: str) -> Effective:
        values = yaml.safe_load(self._get("values", *flags, "-o", "yaml")) or {}
        chart = programs.chart(None)
        defaults = documents.load((chart / "values.yaml").read_text(encoding="utf-8"))
        return Effective(values, defaults, renamed.known(chart))

    def chart_version(self) -> str:
        """Return the version of the release's chart; raise as `settings`."""
        return str(json.loads(self._get("metadata", "-o", "json"))["version"])

    def test_pods(self) -> tuple[str, ...]:
        """Return the names of the pods of `helm test`."""
        hooks = yaml.safe_load_all(self._get("hooks"))
        return tuple(item["metadata"]["name"] for item in hooks if item and item["kind"] == "Pod")

    def pods(self, component: str) -> tuple[str, ...]:
        """Return the names of a component's pods, without those that are being deleted."""
        selector = f"app.kubernetes.io/instance={self.release},app.kubernetes.io/component={component}"
        listed = json.loads(self.kube("get", "pods", "-l", selector, "-o", "json"))["items"]
        return tuple(pod["metadata"]["name"] for pod in listed if "deletionTimestamp" not in pod["metadata"])

    def response(self, pod: str, port: int, path: str) -> str:
        """Return a pod's response, through the API server; raise UnreachableError if it does not answer."""
        proxied = f"/api/v1/namespaces/{self.of_objects}/pods/{pod}:{port}/proxy{path}"
        return self.kube("get", "--raw", proxied)

    def log(self, pod: str, lines: int = 500) -> str:
        """Return the end of a pod's log."""
        return self.kube("logs", pod, f"--tail={lines}")

    def kube(self, *arguments: str) -> str:
        """Run kubectl in the namespace of the release's objects; raise UnreachableError with its output if it fails."""
        return self.access.run("-n", self.of_objects, *arguments)

    def _get(self, what: str, *flags: str) -> str:
        """Return Helm's record of the release."""
        try:
            return helm.of_release(self.namespace, "get", what, self.release, *flags)
        except helm.HelmError as error:
            output = error.stderr.decode(errors="replace")
            if "not found" in output:
                message = f"the namespace {self.namespace} has no release {self.release}"
                raise UsageError(message, "`helm list -A` shows all releases; give the namespace with -n") from error
            fix = "check that `helm list` works"
            raise UnreachableError(f"helm get {what}: {last_line(output)}", fix) from error


def connect(release: str, namespace: str) -> Installation:
    """Return the release in the kubeconfig's current cluster; raise SetupError without kubectl or Helm."""
    programs.require("helm")
    return Installation(release, namespace, access())
