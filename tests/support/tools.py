"""Pinned programs and Go modules, fetched when missing."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
from pathlib import Path

from .paths import ROOT

HELMS = ("helm3", "helm4")


@functools.cache
def tool(name: str) -> Path:
    """Return the path of a pinned program, built when missing."""
    built = subprocess.run([ROOT / "tools/get", name], check=True, stdout=subprocess.PIPE, text=True)
    return Path(built.stdout.strip())


@functools.cache
def go_module(name: str, of: str = "evidence") -> Path:
    """Return the folder of a Go module that a folder of tools requires, fetched when missing."""
    go = shutil.which("go") or "/usr/local/go/bin/go"
    command = [go, "mod", "download", "-json", name]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT / "tools" / of)
    return Path(json.loads(done.stdout)["Dir"])
