"""The plugin as Helm runs it, over example files: a new case is a new file, as tests/support/cases.py reads it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.cases import FILES, check
from tests.support.paths import ROOT
from tests.support.tools import tool

if TYPE_CHECKING:
    from pathlib import Path


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
