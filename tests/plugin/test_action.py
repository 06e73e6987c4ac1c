"""The GitHub Action: its script, run as a runner runs it, with the inputs of a workflow."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import yaml

from tests.support.command import Ran
from tests.support.paths import EXAMPLE, ROOT
from tests.support.tools import tool

if TYPE_CHECKING:
    from pathlib import Path


def act(folder: Path, **given: str) -> Ran:
    """Run the steps of action.yaml in a folder."""
    action = yaml.safe_load((ROOT / "action.yaml").read_text())
    inputs = {name.replace("-", "_"): item.get("default", "") for name, item in action["inputs"].items()} | given
    assert action["runs"]["using"] == "composite"
    (step,) = action["runs"]["steps"]
    # The only expressions are inputs, and they stand in the environment alone.
    assert "${{" not in step["run"]
    asked = {name: re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", value) for name, value in step["env"].items()}
    variables = {name: inputs[found[1].replace("-", "_")] for name, found in asked.items() if found}
    assert set(variables) == set(step["env"])
    path = os.pathsep.join((str(tool("helm4").parent), os.environ["PATH"]))
    runner = {"GITHUB_ACTION_PATH": str(ROOT), "PATH": path, "XSCALER_PYTHON": sys.executable}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    environment = {**os.environ, **runner, **variables}
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, env=environment)
    return Ran(done.returncode, done.stdout, done.stderr)


def test_it_fits_the_schema_of_actions() -> None:
    file = str(ROOT / "action.yaml")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-actions", file]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_good_values_pass(tmp_path: Path) -> None:
    assert act(tmp_path, values=str(EXAMPLE)).code == 0


def test_the_least_severity_is_an_input(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text(f"{EXAMPLE.read_text()}logs: {{runtime: docker}}\n")
    assert act(tmp_path, values="values.yaml").code == 0
    assert act(tmp_path, values="values.yaml", fail_on="info").code == 1


def test_a_mistake_is_annotated_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "with space.yaml").write_text("metrics:\n  profile: minimum\n")
    ran = act(tmp_path, values=f"{EXAMPLE}\nwith space.yaml\n")
    assert ran.code == 1
    assert "::error file=with space.yaml,line=2,col=12" in ran.out


def test_what_a_workflow_gives_is_no_script(tmp_path: Path) -> None:
    ran = act(tmp_path, values="$(touch seen)")
    assert (ran.code, list(tmp_path.iterdir())) == (3, [])
    assert act(tmp_path, values=str(EXAMPLE), command="render; touch seen").code == 2
    assert list(tmp_path.iterdir()) == []
