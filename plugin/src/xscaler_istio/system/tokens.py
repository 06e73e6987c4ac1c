"""Tokens, which come only from files: a command line is seen by all who may list processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.system.errors import SetupError

if TYPE_CHECKING:
    from pathlib import Path


def from_file(file: Path, what: str) -> str:
    """Return the token of a file, without white space around it; raise SetupError, naming `what` belongs there."""
    fix = f"name a file that holds {what}"
    try:
        token = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SetupError(f"cannot read {file}: {error.strerror}", fix) from error
    except UnicodeDecodeError as error:
        raise SetupError(f"{file} is not text", fix) from error
    if not token:
        raise SetupError(f"{file} is empty", fix)
    return token
