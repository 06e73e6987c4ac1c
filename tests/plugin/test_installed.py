"""The plugin installed from the checkout, in each Helm major."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.checkout import copy_checkout
from tests.support.paths import EXAMPLE, ROOT
from tests.support.tools import tool

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("helm", ["helm3", "helm4"])
@pytest.mark.parametrize("folder", [".", "plugin"])
def test_install_and_use(helm: str, folder: str, tmp_path: Path) -> None:
    # HELM_DATA_HOME keeps the plugin out of the user's Helm, in both majors.
    environment = dict(os.environ, HELM_DATA_HOME=str(tmp_path), PYTHONPATH="/nowhere", PYTHONHOME="/nowhere")

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [str(tool(helm)), *map(str, arguments)]
        return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)

    installed = run("plugin", "install", ROOT / folder)
    assert installed.returncode == 0, installed.stderr
    good = run("xscaler", "validate", "-f", EXAMPLE)
    assert (good.returncode, good.stdout.splitlines()[-1]) == (0, "validate: 1 info"), good.stderr
    bad = run("xscaler", "validate", "-f", EXAMPLE, "--set", "cluster.name=")
    assert bad.returncode == 1
    assert "cluster.name is empty" in bad.stdout
    rendered = run("xscaler", "render", "-f", EXAMPLE, "--namespace", "elsewhere")
    assert 'namespace: "elsewhere"' in rendered.stdout


def test_no_suitable_python_is_said(tmp_path: Path) -> None:
    plugin = copy_checkout(tmp_path / "checkout") / "plugin"
    bare = tmp_path / "bin"
    bare.mkdir()
    for program in ("sh", "dirname", "rm"):
        found = shutil.which(program)
        assert found
        (bare / program).symlink_to(found)
    done = subprocess.run(
        [plugin / "bin/xscaler"], check=False, capture_output=True, text=True, env={"PATH": str(bare)}
    )
    assert done.returncode == 70
    assert "no Python from 3.10 on with venv and ensurepip" in done.stderr
    assert "fix: apt-get install python3-venv" in done.stderr
    assert not (plugin / ".venv").exists()
