"""The command line of the release, and Helm with folders of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Protocol

from tests.support.paths import ROOT
from tests.support.tools import tool

if TYPE_CHECKING:
    from pathlib import Path

Done = subprocess.CompletedProcess[str]


def release(*arguments: object) -> Done:
    """Run the command line of the release."""
    command = [sys.executable, "-m", "release", *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)


class Helm(Protocol):
    """Runs one Helm major apart from the user's."""

    def __call__(self, *arguments: object) -> Done: ...


def helm_in(folder: Path, name: str) -> Helm:
    """Return a Helm whose plugins, caches and settings are in a folder."""
    homes = {f"HELM_{kind}_HOME": str(folder / kind.lower()) for kind in ("DATA", "CACHE", "CONFIG")}

    def run(*arguments: object) -> Done:
        command = [str(tool(name)), *map(str, arguments)]
        return subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, **homes})

    return run
