"""The plugin as Helm runs it, over example files: a new case is a new file.

A file's comments say what is run and what comes of it: `#$ ` is the command after `helm xscaler`, `#> ` are the lines
of its output, `#E ` those of its errors, `#! ` is its exit code unless that is 0. FILE stands for the file itself,
which holds values.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.chart.conftest import ROOT, tool

if TYPE_CHECKING:
    from collections.abc import Mapping

FILES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))


def said(text: str, mark: str) -> list[str]:
    return re.findall(rf"^#{re.escape(mark)} ?(.*)$", text, re.MULTILINE)


@pytest.fixture(scope="session")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # What `helm plugin install` makes of a folder, without its hook: test_installed.py runs that.
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "xscaler").symlink_to(ROOT / "plugin")
    return folder


@pytest.mark.parametrize("helm", ["helm3", "helm4"])
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_case(file: Path, helm: str, plugins: Path) -> None:
    check(file, tool(helm), {"HELM_PLUGINS": str(plugins), "XSCALER_PYTHON": sys.executable})


def check(file: Path, helm: Path, variables: Mapping[str, str]) -> None:
    """Run the case of a file with a Helm that finds the plugin by these variables."""
    text = file.read_text(encoding="utf-8")
    (command,) = said(text, "$")
    words = [str(file) if word == "FILE" else word for word in shlex.split(command)]
    done = subprocess.run(
        [helm, "xscaler", *words],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1", **variables},
    )
    assert done.stdout.replace(str(file), "FILE").splitlines() == said(text, ">"), done.stderr
    # Helm adds that the plugin failed.
    assert done.stderr.replace(str(file), "FILE").splitlines()[: len(said(text, "E"))] == said(text, "E")
    assert done.returncode == int(*said(text, "!") or ["0"])
