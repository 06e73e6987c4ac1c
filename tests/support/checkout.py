"""Copies of the plugin, as a release has it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from .paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

# What the plugin needs of a checkout; a release has the same.
PARTS = "plugin.yaml plugin.complete plugin chart pyproject.toml requirements.lock README.md LICENSE".split()


def copy_checkout(target: Path) -> Path:
    """Copy the plugin's parts without what git ignores, environments above all; return the target."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *PARTS]
    listed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    for name in listed.rstrip("\0").split("\0"):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target / name)
    return target
