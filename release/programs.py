"""Running the programs that make a release: git, gpg, and the pinned ones of tools/get."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from release.errors import ReleaseError

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[1]


@functools.cache
def tool(name: str) -> Path:
    """Return the path of a pinned program and build it if it is missing; raise ReleaseError if that fails."""
    # The progress of a build goes to the terminal.
    done = subprocess.run([ROOT / "tools/get", name], check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise ReleaseError(f"tools/get {name} failed with {done.returncode}", "its message is above")
    return Path(done.stdout.strip())


def run(*command: object, folder: Path = ROOT, environment: Mapping[str, str] | None = None) -> str:
    """Run a program and return its standard output; raise ReleaseError with its standard error."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, check=False, capture_output=True, text=True, cwd=folder, env=environment)
    except FileNotFoundError as error:
        raise ReleaseError(f"{words[0]} is not on PATH", "install it, for example with apt-get") from error
    if done.returncode:
        # Programs name the cause in their last lines.
        raise ReleaseError(f"{Path(words[0]).name} {words[1]} failed: {done.stderr.strip()}", "see its message")
    return done.stdout
