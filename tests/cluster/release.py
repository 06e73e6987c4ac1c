"""One release of the chart in a namespace of its own, as a user has it."""

from __future__ import annotations

import collections
import dataclasses
import time
from typing import TYPE_CHECKING, Any

from tests.support.paths import CHART, ROOT
from tests.support.waiting import PATIENCE_SECONDS
from xscaler_istio.local import oracle

from . import kubectl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .backend import Backend

NAME = "xscaler-istio"
VALUES = ROOT / "examples/values.yaml"
# As in the values of the example.
TENANT = "acme"
# Where NetworkPolicies are enforced: they see the ports behind the Services of the local xScaler.
WAY_TO_XSCALER = "networkPolicy.egress[0].ports[0].port=8443,networkPolicy.egress[0].ports[1].port=8444"
SECRET = "xscaler-token"  # noqa: S105 - a name


@dataclasses.dataclass(frozen=True, kw_only=True)
class Release:
    """Where it is, and what its series and lines are known by."""

    namespace: str
    cluster: str
    token: str
    reader: str
    backend: Backend
    major: int

    def secret(self, token: str) -> None:
        """Write the Secret that the values name."""
        metadata = {"name": SECRET, "namespace": self.namespace}
        document = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"token": token}}
        kubectl.apply(document)

    def install(self, *sets: str, chart: Path = CHART, check: bool = True) -> str:
        """Install or upgrade with the ten-line values and these, and wait until everything runs."""
        words = [word for pair in (f"cluster.name={self.cluster}", *sets) for word in ("--set", pair)]
        command: list[str | Path] = ["upgrade", "--install", NAME, chart, "-n", self.namespace, "-f", VALUES, *words]
        return kubectl.helm(self.major, *command, "--wait", f"--timeout={kubectl.PATIENCE}", check=check)

    def uninstall(self) -> None:
        """Uninstall it."""
        kubectl.helm(self.major, "uninstall", NAME, "-n", self.namespace, "--wait")

    def test(self, *flags: str) -> str:
        """Run `helm test --logs`; raise CommandError with all that was said when it fails."""
        return kubectl.helm(
            self.major, "test", NAME, "-n", self.namespace, "--logs", f"--timeout={kubectl.PATIENCE}", *flags
        )

    def failed_test(self) -> str:
        """Run `helm test --logs`, which must fail, and return what was said."""
        try:
            said = self.test()
        except kubectl.CommandError as error:
            return str(error)
        raise AssertionError(f"the test passed:\n{said}")

    def query(self, promql: str) -> list[dict[str, Any]]:
        """Ask xScaler with the read token."""
        return self.backend.query(self.reader, TENANT, promql)

    def expected(self) -> collections.Counter[tuple[str, str]]:
        """Return namespace and pod of every target of the mesh that must be found, from the pods alone."""
        return self._expected(oracle.Choices(cluster=self.cluster))

    def expected_of_itself(self, collector: str = "prometheus") -> collections.Counter[tuple[str, str]]:
        """Return the same of the release's own pods."""
        own = oracle.Own(self.namespace, NAME, "xscaler-istio", collector)
        return self._expected(oracle.Choices(cluster=self.cluster, jobs=frozenset(), own=own))

    def _expected(self, chosen: oracle.Choices) -> collections.Counter[tuple[str, str]]:
        pods = kubectl.get("pods", "--all-namespaces")["items"]
        targets = oracle.expected_targets(pods, chosen)
        return collections.Counter((target.labels["namespace"], target.labels["pod"]) for target in targets)

    def found(self, seconds: int = 20, job: str = oracle.JOB_LABEL) -> collections.Counter[tuple[str, str]]:
        """Return how many series of `up` each pod has had that was scraped with success lately."""
        up = self.query(f'max_over_time(up{{job="{job}",cluster="{self.cluster}"}}[{seconds}s]) == 1')
        return collections.Counter((item["metric"]["namespace"], item["metric"]["pod"]) for item in up)

    def pods(self, component: str = "metrics") -> list[dict[str, Any]]:
        """Return the pods of a component that are not ending."""
        selector = f"app.kubernetes.io/instance={NAME},app.kubernetes.io/component={component}"
        listed = kubectl.get("pods", "-n", self.namespace, "-l", selector)["items"]
        return [pod for pod in listed if "deletionTimestamp" not in pod["metadata"]]


def eventually(what: Callable[[], Any], expected: Any) -> None:
    """Wait until something is as expected; fail with both when it does not come."""
    deadline, now = time.monotonic() + PATIENCE_SECONDS, what()
    while now != expected and time.monotonic() < deadline:
        time.sleep(1)
        now = what()
    assert now == expected
