"""Git repositories with the chart, for what compares with a commit."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from .paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def git(folder: Path, *arguments: str) -> None:
    """Run git as somebody."""
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def published(folder: Path, chart: Path) -> Path:
    """Make a repository whose origin has this chart and our settings of ct."""
    repository = folder / "repository"
    shutil.copytree(chart, repository / "chart")
    shutil.copy(ROOT / "ct.yaml", repository / "ct.yaml")
    shutil.copytree(ROOT / ".ct", repository / ".ct")
    git(repository, "init", "--initial-branch=main")
    git(repository, "add", ".")
    git(repository, "commit", "--message", "first")
    git(repository, "remote", "add", "origin", ".")
    git(repository, "fetch", "origin")
    return repository
