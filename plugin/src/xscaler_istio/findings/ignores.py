"""Findings that a user accepts with a reason, on the line of a key or in .xscaler.yaml."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from xscaler_istio.findings.findings import Finding, Location
from xscaler_istio.findings.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

# The first comment of a line.
_INLINE = re.compile(
    r"^\s*(?:[^\s#].*?\s)?(?P<comment>#)\s*xscaler:\s*ignore\b[:\s]*(?P<rules>[^\s,]*(?:,\s*XS\w*)*)\s*(?P<reason>.*)$"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ignore:
    """One accepted rule: below `path` (everywhere if it is empty), or on its own line if `inline`."""

    rule: str
    reason: str
    location: Location
    path: str = ""
    inline: bool = False

    def covers(self, finding: Finding) -> bool:
        """Return whether the ignore applies to a finding."""
        if finding.rule != self.rule or not RULES[self.rule].can_be_ignored:
            return False
        if self.inline:
            return (finding.location.file, finding.location.line) == (self.location.file, self.location.line)
        return not self.path or f"{finding.path}.".startswith(f"{self.path}.")


def inline(lines: Iterable[str], file: str) -> Iterator[Ignore]:
    """Yield the ignores in the comments of a values file: `# xscaler: ignore XS210,XS211 the reason`."""
    for number, line in enumerate(lines, 1):
        if found := _INLINE.search(line):
            place = Location(file, number, found.start("comment") + 1)
            for rule in re.split(r",\s*", found["rules"]):
                yield Ignore(rule=rule, reason=found["reason"].strip(), location=place, inline=True)


def apply(
    findings: Iterable[Finding], ignores: Iterable[Ignore], judged: Collection[str]
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Return the findings that remain and those that are ignored.

    The former include one for each ignore that is not valid, or that has no effect although its rule was `judged`.
    """
    listed = tuple(ignores)
    problems = {ignore: _problem(ignore) for ignore in listed}
    valid = [ignore for ignore in listed if not problems[ignore]]
    stay, ignored, used = [], [], set()
    for finding in findings:
        covering = [ignore for ignore in valid if ignore.covers(finding)]
        used.update(covering)
        if covering:
            ignored.append(dataclasses.replace(finding, ignored=covering[0].reason, ignored_inline=covering[0].inline))
        else:
            stay.append(finding)
    wrong = [_finding("XS291", ignore, *problem) for ignore, problem in problems.items() if problem]
    unused = [
        _finding("XS290", ignore, f"this ignore has no effect: {ignore.rule} has no finding here", "remove it")
        for ignore in valid
        if ignore not in used and ignore.rule in judged
    ]
    return (*stay, *wrong, *unused), tuple(ignored)


def _problem(ignore: Ignore) -> tuple[str, str] | None:
    rule = RULES.get(ignore.rule)
    if not rule:
        message = f"unknown rule {ignore.rule} in an ignore" if ignore.rule else "an ignore names no rule"
        return message, "`helm xscaler rules` lists all rules"
    if not rule.can_be_ignored:
        return (
            f"{rule.id} cannot be ignored: Helm or the chart refuses these values",
            "fix the values instead",
        )
    if ignore.inline and not rule.id.startswith("XS2"):
        return (
            f"{rule.id} is not about a line of this file and cannot be ignored here",
            "ignore it in .xscaler.yaml",
        )
    if not ignore.reason:
        return f"{rule.id} is ignored without a reason", "write the reason after the rule"
    return None


def _finding(rule: str, ignore: Ignore, message: str, fix: str) -> Finding:
    return Finding(
        rule=rule, severity=RULES[rule].severity, message=message, location=ignore.location, path=ignore.path, fix=fix
    )
