"""The command line as a user runs it, and the pinned programs."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from tests.chart.conftest import ROOT, tool

# Which rules there are: outputs and ignores look them up, also where a test file runs alone.
from xscaler_istio.checks import catalogue  # noqa: F401

if TYPE_CHECKING:
    from collections.abc import Callable

# What the plugin needs of a checkout; a release has the same.
PARTS = "plugin.yaml plugin.complete plugin chart pyproject.toml requirements.lock README.md LICENSE".split()
EXAMPLE = ROOT / "examples" / "values.yaml"


@dataclasses.dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture(params=("helm3", "helm4"))
def cli(request: pytest.FixtureRequest) -> Callable[..., Ran]:
    """The console script, with each Helm major."""
    return runner(tool(request.param))


@pytest.fixture
def cli4() -> Callable[..., Ran]:
    """The console script with Helm 4, where Helm's major does not matter."""
    return runner(tool("helm4"))


def runner(helm: Path | str) -> Callable[..., Ran]:
    """Return a function that runs the console script with a Helm."""

    def run(*arguments: str | Path, stdin: bytes = b"", **environment: str) -> Ran:
        command = [str(Path(sys.executable).parent / "xscaler-istio"), *map(str, arguments)]
        variables = {**os.environ, "HELM_BIN": str(helm), "NO_COLOR": "1", "COLUMNS": "200", **environment}
        done = subprocess.run(command, check=False, input=stdin, capture_output=True, env=variables, cwd=ROOT)
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


def copy_checkout(target: Path) -> Path:
    """Copy the plugin's parts without what git ignores, environments above all; return the target."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *PARTS]
    listed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    for name in listed.rstrip("\0").split("\0"):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target / name)
    return target


def published(name: str, document: object) -> None:
    """Check the output of a command for programs against the schema that is published for it, formats too."""
    schema = json.loads((ROOT / "docs" / f"{name}.schema.json").read_text())
    jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker()).validate(document)
