"""All files of a release, written into one folder without a network; the same commit gives the same bytes.

What is packed comes from git's list of files, so that nothing of a virtual environment or an editor slips in.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from release import bom, signing, versions
from release.errors import ReleaseError
from release.programs import ROOT, run, tool

if TYPE_CHECKING:
    from collections.abc import Iterable

    from release.signing import Key

CHART = "xscaler-istio"
PLUGIN = "xscaler"
KEYRING = "pubring.gpg"
SUMS = "SHA256SUMS"
# The plugin's archive is laid out as a checkout, so that its launcher finds the chart, the lock file and the sources.
PLUGIN_PARTS = (
    "plugin.yaml",
    "plugin.complete",
    "plugin",
    "chart",
    "pyproject.toml",
    "requirements.lock",
    "README.md",
    "LICENSE",
)


def package(target: Path, key: Key | None = None) -> list[Path]:
    """Write a release into an empty folder; return its files.

    `<chart>.tgz` and `.prov`, `<plugin>.tgz` and `.prov`, the wheel, the bill of materials, the public half of the key
    and the sums of all these. Without a key everything is signed with one that is thrown away. Raise ReleaseError.
    """
    if target.exists() and any(target.iterdir()):
        raise ReleaseError(f"{target} is not empty", f"rm -r {target}")
    version = versions.current(ROOT)
    target = target.absolute()
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        used = key or signing.trial(folder)
        epoch = commit_time()
        everything = stage(["."], folder / "checkout", epoch)
        plugin = stage(PLUGIN_PARTS, folder / PLUGIN, epoch)
        signed = ["--destination", target, *used.helm_arguments()]
        run(tool("helm4"), "package", everything / "chart", *signed)
        run(tool("helm4"), "plugin", "package", plugin, *signed)
        wheel(everything, target, epoch)
        signing.export_public(used, target / KEYRING, folder)
    (target / f"{CHART}-{version}.cdx.json").write_text(bom.text(ROOT, epoch), encoding="utf-8")
    (target / SUMS).write_text(sums(target.iterdir()), encoding="utf-8")
    return sorted(target.iterdir())


def commit_time() -> int:
    """Return the Unix time of the current commit, in seconds."""
    return int(run("git", "log", "-1", "--format=%ct"))


def stage(parts: Iterable[str], target: Path, epoch: int) -> Path:
    """Copy the tracked files of some parts of the repository, all with the same time; return the target."""
    names = run("git", "ls-files", "-z", "--", *parts).rstrip("\0").split("\0")
    for name in names:
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy)
    for path in (target, *target.rglob("*")):
        os.utime(path, (epoch, epoch))
    return target


def wheel(source: Path, target: Path, epoch: int) -> None:
    """Build the Python distribution of a copy of the repository, with the build backend of the lock file."""
    environment = dict(os.environ, SOURCE_DATE_EPOCH=str(epoch))
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", target, source, environment=environment)


def sums(files: Iterable[Path]) -> str:
    """Return the text that `sha256sum --check` reads."""
    named = sorted((file.name, hashlib.sha256(file.read_bytes()).hexdigest()) for file in files if file.name != SUMS)
    return "".join(f"{digest}  {name}\n" for name, digest in named)
