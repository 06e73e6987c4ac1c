"""Workflows are what GitHub reads, and call what is there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.paths import ROOT

from .commands import release

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yaml"))
workflow = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda file: file.name)


def jobs(file: Path) -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = yaml.safe_load(file.read_text())["jobs"]
    return loaded


@workflow
def test_it_fits_the_schema_of_workflows(workflow: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(workflow)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@workflow
def test_nobody_can_change_what_an_action_is(workflow: Path) -> None:
    # A tag can be moved; a comment says which version the commit is.
    uses = re.findall(r"(?m)^.*\buses: (.*)$", workflow.read_text())
    assert uses
    for used in uses:
        assert used.startswith("./") or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", used), used


@workflow
def test_what_it_runs_is_there(workflow: Path) -> None:
    shell = "\n".join(step.get("run", "") for job in jobs(workflow).values() for step in job.get("steps", []))
    # What GitHub fills in is not known here.
    shell = re.sub(r"\$\{\{.*?\}\}", "", shell)
    for arguments in re.findall(r"(?m)^\s*make (.+)$", shell):
        command = ["make", "--dry-run", *shlex.split(arguments)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
        assert done.returncode == 0, done.stderr
    for command in re.findall(r"python -m release (\w+)", shell):
        assert release(command, "--help").returncode == 0, command
    for script in re.findall(r"(?m)^\s*(\.ci/\S+)", shell):
        assert (ROOT / script).stat().st_mode & 0o111, script


@workflow
def test_the_token_may_only_read_unless_a_job_says_otherwise(workflow: Path) -> None:
    assert yaml.safe_load(workflow.read_text())["permissions"] == {"contents": "read"}
    writing = {name for name, job in jobs(workflow).items() if "write" in str(job.get("permissions"))}
    # What builds, and so runs everybody's code, publishes nothing.
    assert not {name for name, job in jobs(workflow).items() if "make package" in str(job)} & writing
