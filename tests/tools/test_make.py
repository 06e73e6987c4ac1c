"""What targets of the Makefile run, without running it."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.support.paths import ROOT

# What chooses targets and variables of a make that these tests may run in.
INHERITED = ("BACKEND", "CLUSTER", "KUBERNETES", "MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL")


def would_run(target: str, **variables: str) -> str:
    """Return the commands of a target."""
    environment = {name: value for name, value in os.environ.items() if name not in INHERITED}
    command = ["make", "--dry-run", "--no-print-directory", target]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=ROOT, env={**environment, **variables}
    )
    return done.stdout


@pytest.mark.parametrize(
    ("variables", "tools", "backend"),
    [({}, "helm prometheus", "prometheus"), ({"BACKEND": "mimir"}, "helm mimir prometheus", "mimir")],
)
def test_the_demo_compiles_no_backend_of_its_own_unless_asked(
    variables: dict[str, str], tools: str, backend: str
) -> None:
    commands = would_run("demo", **variables)
    assert f"tools/get {tools} >/dev/null" in commands
    assert f" --backend {backend} " in commands


def test_a_cluster_in_docker_needs_no_kubernetes_of_ours() -> None:
    ours, in_docker = would_run("cluster-up"), would_run("cluster-up", CLUSTER="kind", KUBERNETES="v1.35.0")
    assert " kube-apiserver " in ours
    assert "-m tests.cluster --on node " in ours
    assert "kube-apiserver" not in in_docker
    assert '-m tests.cluster --on kind --kubernetes "v1.35.0" up --mesh' in in_docker
