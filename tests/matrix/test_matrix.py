"""The acceptance cases of the installed plugin, with every supported Helm and with each Python.

XSCALER_HELMS and XSCALER_PYTHONS choose some, separated by spaces. A Python that is not on this machine is skipped by
name; with CI=true, or when it was asked for, that is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.cases import FILES, check, through
from tests.support.checkout import copy_checkout
from tests.support.tools import tool

if TYPE_CHECKING:
    from pathlib import Path

HELMS = (os.environ.get("XSCALER_HELMS") or "helm3-17 helm3-18 helm3 helm4-1 helm4").split()
PYTHONS = (os.environ.get("XSCALER_PYTHONS") or "3.10 3.11 3.12 3.13").split()
DEMANDED = bool(os.environ.get("XSCALER_PYTHONS")) or os.environ.get("CI") == "true"


# One worker a Python, which makes its environment once.
@pytest.fixture(
    scope="module",
    params=[pytest.param(version, marks=pytest.mark.xdist_group(version)) for version in PYTHONS],
    ids=lambda version: f"python{version}",
)
def plugin(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin's folder, its environment made by the launcher with one Python."""
    version = request.param
    python = shutil.which(f"python{version}")
    if not python or subprocess.run([python, "--version"], check=False, capture_output=True).returncode:
        if DEMANDED:
            pytest.fail(f"python{version} is not on PATH")
        pytest.skip(f"python{version} is not on PATH")
    folder = copy_checkout(tmp_path_factory.mktemp("checkout")) / "plugin"
    environment = {**os.environ, "XSCALER_BOOTSTRAP_PYTHON": python}
    made = subprocess.run(
        [folder / "bin/xscaler", "--version"], check=False, capture_output=True, text=True, env=environment
    )
    assert made.returncode == 0, made.stderr
    used = subprocess.run([folder / ".venv/bin/python", "--version"], check=True, capture_output=True, text=True)
    assert used.stdout.startswith(f"Python {version}.")
    return folder


@pytest.fixture(params=HELMS)
def data(request: pytest.FixtureRequest, plugin: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A Helm, and its data folder with the plugin, installed by it."""
    helm = tool(request.param)
    environment = {**os.environ, "HELM_DATA_HOME": str(tmp_path)}
    command = [str(helm), "plugin", "install", str(plugin)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return helm, tmp_path


def test_all_cases(data: tuple[Path, Path], subtests: pytest.Subtests) -> None:
    helm, folder = data
    for file in FILES:
        with subtests.test(case=file.stem):
            check(file, through(helm, HELM_DATA_HOME=str(folder)))
