"""The command line as a user runs it."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str


def runner(helm: Path | str) -> Callable[..., Ran]:
    """Return a function that runs the console script with a Helm."""

    def run(*arguments: str | Path, stdin: bytes = b"", **environment: str) -> Ran:
        command = [str(Path(sys.executable).parent / "xscaler-istio"), *map(str, arguments)]
        variables = {**os.environ, "HELM_BIN": str(helm), "NO_COLOR": "1", "COLUMNS": "200", **environment}
        done = subprocess.run(command, check=False, input=stdin, capture_output=True, env=variables, cwd=ROOT)
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run
