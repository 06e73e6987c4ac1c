"""Charts of earlier commits, which upgrades begin from; there is no tag yet."""

from __future__ import annotations

import io
import subprocess
import tarfile
from typing import TYPE_CHECKING

from .paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

# The last commit before access logs.
BEFORE_LOGS = "8b2c352"
# The last commit with the names of values that files/renamed.yaml lists.
WITH_OLD_NAMES = "bc0372c"


def chart_of(revision: str, folder: Path) -> Path:
    """Write the chart of a commit into a folder, and return where it is.

    Raises:
        CalledProcessError: the checkout has no such commit.

    """
    command = ["git", "archive", revision, "chart"]
    archive = subprocess.run(command, check=True, capture_output=True, cwd=ROOT).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return folder / "chart"
