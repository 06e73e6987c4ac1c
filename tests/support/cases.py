"""Cases of the plugin as Helm runs it: a file, its command, and what comes of it.

A file's comments say what is run and what comes of it: `#$ ` is the command after `helm xscaler`, `#> ` are the lines
of its output, `#E ` those of its errors, `#! ` is its exit code unless that is 0. FILE stands for the file itself,
which holds values.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from typing import TYPE_CHECKING

from .paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILES = sorted((ROOT / "tests/plugin/cases").glob("*.yaml"))


def said(text: str, mark: str) -> list[str]:
    """Return what follows a mark in the comments."""
    return re.findall(rf"^#{re.escape(mark)} ?(.*)$", text, re.MULTILINE)


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
