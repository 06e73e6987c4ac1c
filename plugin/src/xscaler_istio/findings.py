"""What a command found out about a chart, a values file or a configuration."""

from __future__ import annotations

import dataclasses
import enum


class Severity(enum.IntEnum):
    """How much a finding matters; the order is the order of weight."""

    INFO = 1
    WARNING = 2
    ERROR = 3

    @property
    def label(self) -> str:
        """The lower-case name that outputs show."""
        return self.name.lower()


@dataclasses.dataclass(frozen=True)
class Problem:
    """One reason why the verdict of a test is no, and what to do about it."""

    what: str
    fix: str


@dataclasses.dataclass(frozen=True)
class Location:
    """A place in a file; `line` and `column` count from 1, and 0 means unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Write it as editors and terminals link it."""
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"


@dataclasses.dataclass(frozen=True)
class Finding:
    """One fact that the user should act on; `fix` is one sentence that says how."""

    rule: str
    severity: Severity
    message: str
    location: Location
    path: str = ""
    fix: str = ""


def worst(findings: tuple[Finding, ...]) -> Severity | None:
    """Return the highest severity found, or None for no findings."""
    return max((finding.severity for finding in findings), default=None)
