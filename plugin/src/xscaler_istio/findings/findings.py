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

    @property
    def in_file(self) -> bool:
        """Whether it is a line of a file that can be opened, and neither a flag nor standard input nor a URL."""
        return self.line > 0 and not self.file.startswith(("<", "http://", "https://"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """One fact that the user should act on; `fix` is one sentence that says how.

    `excerpt` is the line of the location, what may be a secret masked; `ignored` is the reason for which the user wants
    to hear nothing of it, which stands on that very line if `ignored_inline`.
    """

    rule: str
    severity: Severity
    message: str
    location: Location
    path: str = ""
    fix: str = ""
    excerpt: str = ""
    ignored: str = ""
    ignored_inline: bool = False


@dataclasses.dataclass(frozen=True)
class Skipped:
    """Something that was not judged, and why: `what` it is in words, and the rules that would have judged it."""

    reason: str
    what: str = ""
    rules: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """What was not judged."""
        rules = ", ".join(self.rules)
        return f"{self.what} ({rules})" if self.what and rules else self.what or rules

    def __str__(self) -> str:
        """Write it as one sentence."""
        return f"{self.subject}: {self.reason}" if self.subject else self.reason


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report:
    """What a command found, `ignored` apart.

    `fail_on` is the least severity with which the verdict is no.
    """

    command: str
    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...] = ()
    ignored: tuple[Finding, ...] = ()
    fail_on: Severity = Severity.ERROR

    @property
    def ok(self) -> bool:
        """Whether no finding is as severe as `fail_on`."""
        return all(finding.severity < self.fail_on for finding in self.findings)

    def count(self, severity: Severity) -> int:
        """Return the number of findings of one severity."""
        return sum(finding.severity is severity for finding in self.findings)
