"""The one kind of failure that the command line turns into two lines and an exit code."""

from __future__ import annotations


class ReleaseError(Exception):
    """What stands in the way of a release, and what mends it."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix
