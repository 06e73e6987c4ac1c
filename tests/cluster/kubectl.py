"""kubectl and Helm on the cluster of the current kubeconfig."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from tests.support.tools import tool
from tests.support.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from pathlib import Path


# How long kubectl and Helm wait for what only a failure keeps away, and after how long one that hangs is ended.
PATIENCE = f"{PATIENCE_SECONDS:.0f}s"
SECONDS = PATIENCE_SECONDS + 60


class CommandError(AssertionError):
    """A command that should have worked; the message is what it said."""


def run(*arguments: str | Path, stdin: str = "", timeout: float = SECONDS, check: bool = True) -> str:
    """Run kubectl; return standard output, and raise CommandError with what it said when it fails."""
    return _run([str(tool("kubectl")), *map(str, arguments)], stdin, timeout, check)


def helm(major: int, *arguments: str | Path, timeout: float = SECONDS, check: bool = True) -> str:
    """Run Helm 3 or 4; return what it printed."""
    return _run([str(tool(f"helm{major}")), *map(str, arguments)], "", timeout, check)


def _run(command: list[str], stdin: str, timeout: float, check: bool) -> str:
    done = subprocess.run(command, check=False, input=stdin, capture_output=True, text=True, timeout=timeout)
    if check and done.returncode:
        raise CommandError(f"{' '.join(command[:6])} … ended with {done.returncode}:\n{done.stderr}{done.stdout}")
    return done.stdout if check else done.stdout + done.stderr


def apply(*documents: dict[str, Any]) -> None:
    """Apply objects, server-side, so that large ones fit."""
    listed = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
    run("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(listed))


def get(*arguments: str) -> dict[str, Any]:
    """Return an object, or a list of them, as the API gives it."""
    document: dict[str, Any] = json.loads(run("get", *arguments, "-o", "json"))
    return document


def namespace(name: str, labels: dict[str, str] | None = None) -> None:
    """Make a namespace."""
    apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels or {}}})


def rolled_out(kind_and_name: str, in_namespace: str) -> None:
    """Wait until a workload runs as asked for; the error holds what its pods and events say."""
    try:
        run("-n", in_namespace, "rollout", "status", kind_and_name, f"--timeout={PATIENCE}")
    except CommandError as error:
        pods = run("-n", in_namespace, "get", "pods", "-o", "wide", check=False)
        events = run("-n", in_namespace, "get", "events", "--sort-by=.lastTimestamp", check=False)
        raise CommandError(f"{error}\n{pods}\n{events[-3000:]}") from None
