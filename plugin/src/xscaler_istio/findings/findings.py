"""Findings about a chart, a values file, a configuration or a cluster."""

from __future__ import annotations

import dataclasses
import enum
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# From this length on consecutive ids of rules are written as a range.
_RUN = 4


class Severity(enum.IntEnum):
    """How much a finding matters, in ascending order."""

    INFO = 1
    WARNING = 2
    ERROR = 3

    @property
    def label(self) -> str:
        """The lower-case name that outputs show."""
        return self.name.lower()


@dataclasses.dataclass(frozen=True)
class Problem:
    """One reason why a test failed, and its fix."""

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
        """Whether it is a line of a file that can be opened, not a flag, standard input or a URL."""
        return self.line > 0 and not self.file.startswith(("<", "http://", "https://"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """One fact that the user should act on; `fix` is one sentence that says how.

    `excerpt` is the line of the location with possible secrets masked; `ignored` is the user's reason to ignore the
    finding, which is written on that line if `ignored_inline`.
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
    """Something that was not checked, and why: `what` it is in words, and the rules that would have checked it.

    It is `optional` where the user decides whether it is checked, as with an option that was not given.
    """

    reason: str
    what: str = ""
    rules: tuple[str, ...] = ()
    optional: bool = False

    @property
    def subject(self) -> str:
        """What was not checked."""
        rules = ", ".join(_runs(self.rules))
        return f"{self.what} ({rules})" if self.what and rules else self.what or rules

    def __str__(self) -> str:
        """Write it as one sentence."""
        return f"{self.subject}: {self.reason}" if self.subject else self.reason


def _runs(rules: tuple[str, ...]) -> Iterator[str]:
    """Yield ids of rules, of many that follow each other only the first and the last."""
    numbered = enumerate(rules)
    for _, run in itertools.groupby(numbered, lambda item: int(item[1][2:]) - item[0]):
        names = [name for _, name in run]
        yield from names if len(names) < _RUN else (f"{names[0]} to {names[-1]}",)


@dataclasses.dataclass(frozen=True)
class KubeContext:
    """What leads to a cluster, so that a report says which one it is about.

    `kubeconfig` is a file, or several as in $KUBECONFIG; `context` is empty if it has no current one; `server` is empty
    unless Helm's --kube-apiserver replaces the context's.
    """

    kubeconfig: str
    context: str
    server: str = ""

    def __str__(self) -> str:
        """Write it as a part of a sentence."""
        file = f"kubeconfig {self.kubeconfig}"
        context = f"context {self.context} of {file}" if self.context else f"{file}, which has no current context"
        return f"{context}, server {self.server}" if self.server else context


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report:
    """The findings of a command, `ignored` ones separately, and the cluster that they are about, if any.

    The report fails with a finding of the severity `fail_on` or above.
    """

    command: str
    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...] = ()
    ignored: tuple[Finding, ...] = ()
    cluster: KubeContext | None = None
    fail_on: Severity = Severity.ERROR

    @property
    def ok(self) -> bool:
        """Whether no finding is as severe as `fail_on`."""
        return all(finding.severity < self.fail_on for finding in self.findings)

    def count(self, severity: Severity) -> int:
        """Return the number of findings of one severity."""
        return sum(finding.severity is severity for finding in self.findings)
