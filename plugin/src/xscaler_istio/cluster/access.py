"""Requests to the Kubernetes API, all with kubectl and all from here; errors contain the answer."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from xscaler_istio.findings.findings import KubeContext
from xscaler_istio.system import programs
from xscaler_istio.system.errors import UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


# An object of Kubernetes: arbitrary by nature.
Object = dict[str, Any]


_TIMEOUT_SECONDS = 60


# The number of objects that the API server returns at a time.
_PAGE = 500


# The variables in which Helm passes its own flags to plugins, and kubectl's names for these flags.
_KUBECTL_FLAGS: Mapping[str, str] = {
    "HELM_KUBECONTEXT": "--context",
    "HELM_KUBEASUSER": "--as",
    "HELM_KUBEAPISERVER": "--server",
    "HELM_KUBECAFILE": "--certificate-authority",
    "HELM_KUBETLS_SERVER_NAME": "--tls-server-name",
}


class AnsweredError(UnreachableError):
    """A refusal of the API server: `reason` is Kubernetes' word (Forbidden, NotFound, …), `text` its message."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(
            f"the cluster answered {reason}: {text}", _FIXES.get(reason, "check that `kubectl get pods` works")
        )
        self.reason = reason
        self.text = text


_FIXES: Mapping[str, str] = {
    "Forbidden": "request this permission, or use another context of the kubeconfig",
    "Unauthorized": "log in again: the kubeconfig's credentials are not valid",
}


_ANSWER = re.compile(r"(?:Error from server|error: You must be logged in to the server) \((\w+)\)(?:: (.*))?")


@dataclasses.dataclass(frozen=True)
class Access:
    """A cluster and the credentials: kubectl with the kubeconfig's context, or with Helm's flags."""

    kubectl: Path
    flags: tuple[str, ...] = ()

    def run(self, *arguments: str) -> str:
        """Run kubectl; raise AnsweredError if the API server rejects it, UnreachableError if it does not answer."""
        done = _run([str(self.kubectl), *self.flags, *arguments])
        if done.returncode:
            output = last_line(done.stderr)
            if answer := _ANSWER.search(done.stderr):
                raise AnsweredError(answer[1], (answer[2] or "").strip() or output)
            raise UnreachableError(
                f"kubectl {arguments[0]}: {output}", f"check that `kubectl get pods` works with {self.cluster}"
            )
        return done.stdout

    @functools.cached_property
    def cluster(self) -> KubeContext:
        """What leads to the cluster: as kubectl understands the kubeconfig, without asking the cluster."""
        given = dict(flag.partition("=")[::2] for flag in self.flags)
        done = _run([str(self.kubectl), "config", "current-context"]) if "--context" not in given else None
        current = done.stdout.strip() if done and not done.returncode else ""
        files = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
        return KubeContext(files, given.get("--context", current), given.get("--server", ""))

    def get(self, path: str) -> Object:
        """Return the object at a path of the API, such as /api/v1/namespaces/shop; raise as `run` does."""
        found: Object = json.loads(self.run("get", "--raw", path))
        return found

    def items(self, path: str) -> tuple[Object, ...]:
        """Return all objects of a list at a path of the API, fetched in parts; raise as `run` does."""
        found: list[Object] = []
        more = ""
        while True:
            query = {"limit": str(_PAGE), **({"continue": more} if more else {})}
            page = self.get(f"{path}?{urlencode(query)}")
            found += page["items"]
            more = page["metadata"].get("continue", "")
            if not more:
                return tuple(found)


def access(context: str = "") -> Access:
    """Return the cluster of the kubeconfig's context (by default the current one), accessed with Helm's flags.

    Raises SetupError without kubectl, UsageError for a flag that cannot be passed on to kubectl safely.
    """
    environment = {**os.environ, **({"HELM_KUBECONTEXT": context} if context else {})}
    flags = [f"{flag}={environment[name]}" for name, flag in _KUBECTL_FLAGS.items() if environment.get(name)]
    if environment.get("HELM_KUBETOKEN"):
        message = "Helm's --kube-token is not passed on to kubectl, because the list of processes would show it"
        raise UsageError(message, "put the token into a user of the kubeconfig, and name that user's context")
    if environment.get("HELM_KUBEINSECURE_SKIP_TLS_VERIFY") == "true":
        flags.append("--insecure-skip-tls-verify")
    groups = environment.get("HELM_KUBEASGROUPS", "")
    flags += [f"--as-group={group}" for group in groups.split(",") if group]
    return Access(programs.require("kubectl"), tuple(flags))


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired as error:
        message = f"{command[0]} did not answer within {_TIMEOUT_SECONDS} s"
        raise UnreachableError(message, "check that the cluster is reachable") from error


def last_line(text: str) -> str:
    """Return the last line of a failed program's output, which has the reason."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("Error: ").removeprefix("error: ") if lines else "no message"
