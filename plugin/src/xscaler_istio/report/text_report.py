"""Findings for people: two lines each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xscaler_istio.findings import Finding


def report(command: str, findings: Sequence[Finding], skipped: Sequence[str]) -> str:
    """Return place, severity, message and rule, then the fix; at the end a sentence."""
    lines = [line for finding in findings for line in _lines(finding)]
    lines += [f"skipped: {reason}" for reason in skipped]
    count = len(findings)
    verdict = f"{count} finding{'s' if count != 1 else ''}" if count else "no findings"
    return "\n".join([*lines, f"{command}: {verdict}"]) + "\n"


def _lines(finding: Finding) -> list[str]:
    first = f"{finding.location}: {finding.severity.label}: {finding.message} [{finding.rule}]"
    return [first, f"  fix: {finding.fix}"] if finding.fix else [first]
