"""The only exception that the command line turns into two lines and an exit code."""

from __future__ import annotations


class ReleaseError(Exception):
    """A problem that prevents a release, and its fix."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix
