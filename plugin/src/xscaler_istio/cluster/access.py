"""The one place that asks the Kubernetes API, with kubectl; errors name the answer."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from xscaler_istio.system import programs
from xscaler_istio.system.errors import UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


# An object of Kubernetes: arbitrary by nature.
Object = dict[str, Any]


_TIMEOUT_SECONDS = 60


# How many objects the API server gives at a time.
_PAGE = 500


# What Helm tells its plugins of its own flags, and how kubectl calls them.
_KUBECTL_FLAGS: Mapping[str, str] = {
    "HELM_KUBECONTEXT": "--context",
    "HELM_KUBEASUSER": "--as",
    "HELM_KUBEAPISERVER": "--server",
    "HELM_KUBECAFILE": "--certificate-authority",
    "HELM_KUBETLS_SERVER_NAME": "--tls-server-name",
}


class AnsweredError(UnreachableError):
    """The API server refuses: `reason` is Kubernetes' word for it (Forbidden, NotFound, …), `text` what it said."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(f"the cluster answered {reason}: {text}", _FIXES.get(reason, "does `kubectl get pods` work?"))
        self.reason = reason
        self.text = text


_FIXES: Mapping[str, str] = {
    "Forbidden": "ask for that right, or use another context of the kubeconfig",
    "Unauthorized": "log in again: the kubeconfig's credentials are not valid",
}


_ANSWER = re.compile(r"(?:Error from server|error: You must be logged in to the server) \((\w+)\)(?:: (.*))?")


@dataclasses.dataclass(frozen=True)
class Access:
    """A cluster and who asks: kubectl with the kubeconfig's context, or as Helm's flags have it."""

    kubectl: Path
    flags: tuple[str, ...] = ()

    def run(self, *arguments: str) -> str:
        """Run kubectl; raise AnsweredError for what the API server refuses, UnreachableError where none answers."""
        done = _run([str(self.kubectl), *self.flags, *arguments])
        if done.returncode:
            said = first_line(done.stderr)
            if answer := _ANSWER.search(done.stderr):
                raise AnsweredError(answer[1], (answer[2] or "").strip() or said)
            raise UnreachableError(f"kubectl {arguments[0]}: {said}", "does `kubectl get pods` work?")
        return done.stdout

    def get(self, path: str) -> Object:
        """Return the object at a path of the API, such as /api/v1/namespaces/shop; raise as `run` does."""
        found: Object = json.loads(self.run("get", "--raw", path))
        return found

    def items(self, path: str) -> tuple[Object, ...]:
        """Return all objects of a list at a path of the API, a page at a time; raise as `run` does."""
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
    """Return the cluster of the kubeconfig's context, by default the current one, asked as Helm's flags have it.

    Raises SetupError without kubectl, UsageError for a flag that kubectl cannot be given safely.
    """
    environment = {**os.environ, **({"HELM_KUBECONTEXT": context} if context else {})}
    flags = [f"{flag}={environment[name]}" for name, flag in _KUBECTL_FLAGS.items() if environment.get(name)]
    if environment.get("HELM_KUBETOKEN"):
        message = "Helm's --kube-token is not passed on to kubectl: the list of processes would show it"
        raise UsageError(message, "have a user with that token in the kubeconfig, and name its context")
    if environment.get("HELM_KUBEINSECURE_SKIP_TLS_VERIFY") == "true":
        flags.append("--insecure-skip-tls-verify")
    groups = environment.get("HELM_KUBEASGROUPS", "")
    flags += [f"--as-group={group}" for group in groups.split(",") if group]
    return Access(programs.require("kubectl"), tuple(flags))


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise UnreachableError(f"{command[0]} took more than {_TIMEOUT_SECONDS} s", "is the cluster there?") from error


def first_line(text: str) -> str:
    """Return what a program that fails wrote last, which is what went wrong."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("Error: ").removeprefix("error: ") if lines else "no message"
