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

from .command import Ran
from .paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILES = sorted((ROOT / "tests/plugin/cases").glob("*.yaml"))


def said(text: str, mark: str) -> list[str]:
    """Return what follows a mark in the comments."""
    return re.findall(rf"^#{re.escape(mark)} ?(.*)$", text, re.MULTILINE)


def through(helm: Path, **variables: str) -> Callable[..., Ran]:
    """Return a function that runs the plugin through a Helm that finds it by these variables."""

    def run(*words: str) -> Ran:
        environment = {**os.environ, "NO_COLOR": "1", **variables}
        done = subprocess.run(
            [helm, "xscaler", *words], check=False, capture_output=True, text=True, cwd=ROOT, env=environment
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


def check(file: Path, run: Callable[..., Ran]) -> None:
    """Run the case of a file."""
    text = file.read_text(encoding="utf-8")
    (command,) = said(text, "$")
    ran = run(*(str(file) if word == "FILE" else word for word in shlex.split(command)))
    assert ran.out.replace(str(file), "FILE").splitlines() == said(text, ">"), ran.err
    # Helm adds that the plugin failed.
    assert ran.err.replace(str(file), "FILE").splitlines()[: len(said(text, "E"))] == said(text, "E")
    assert ran.code == int(*said(text, "!") or ["0"])
