"""Copies of the plugin, as a release has it, and the packages that its first run installs."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .paths import ROOT

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


def wheelhouse() -> Path:
    """Return what `make wheelhouse` gets for this Python: once for a lock file, whatever the number of sessions."""
    lock = (ROOT / "requirements.lock").read_bytes()
    kept = ROOT / "build/wheelhouses" / hashlib.sha256(lock + sys.version.encode()).hexdigest()[:16]
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            command = ["make", "--silent", "wheelhouse", f"PYTHON={sys.executable}", f"WHEELHOUSE={folder}/whole"]
            subprocess.run(command, check=True, cwd=ROOT)
            # Another worker may have been faster.
            with contextlib.suppress(OSError):
                Path(folder, "whole").rename(kept)
    return kept
