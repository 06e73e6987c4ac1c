"""The plugin over example files: a new case is a new file, as tests/support/cases.py reads it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.cases import FILES, check, through
from tests.support.command import runner
from tests.support.paths import ROOT
from tests.support.tools import HELMS, tool

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_case(file: Path) -> None:
    # What Helm tells its plugins.
    run = runner(tool("helm4"))
    told = {"HELM_PLUGIN_DIR": str(ROOT / "plugin"), "HELM_NAMESPACE": "default", "HELM_DEBUG": "false"}
    check(file, lambda *words: run(*words, **told))


@pytest.fixture(scope="session")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # What `helm plugin install` makes of a folder, without its hook: test_launcher.py runs that.
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "xscaler").symlink_to(ROOT / "plugin")
    return folder


_REST = pytest.mark.whole("one case of each command is run through a Helm, and all of them without it")
# The first of each command, with the majors in turn.
_FIRST = list({file.stem.partition("-")[0]: file for file in reversed(FILES)}.values())
_RUNS = [(file, helm) for file in FILES for helm in HELMS]
_TAKEN = [(file, HELMS[place % 2]) for place, file in enumerate(_FIRST)]


@pytest.mark.parametrize(
    ("file", "helm"),
    [pytest.param(*run, marks=[] if run in _TAKEN else [_REST], id=f"{run[0].stem}-{run[1]}") for run in _RUNS],
)
def test_case_through_helm(file: Path, helm: str, plugins: Path) -> None:
    check(file, through(tool(helm), HELM_PLUGINS=str(plugins), XSCALER_PYTHON=sys.executable))
