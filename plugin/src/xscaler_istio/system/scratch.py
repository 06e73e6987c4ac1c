"""Temporary folders, which no other user may read and which are gone when their context ends."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from xscaler_istio.system.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def folder(prefix: str = "xscaler-") -> Iterator[Path]:
    """Yield an empty folder; raise SetupError where none can be made."""
    try:
        made = tempfile.TemporaryDirectory(prefix=prefix)
    except OSError as error:
        raise SetupError(
            f"cannot make a temporary folder: {error.strerror}", "set TMPDIR to a folder with free space"
        ) from error
    with made as name:
        yield Path(name)
