"""Findings for people: place and message, the line with a caret, the fix; at the end where to read more."""

from __future__ import annotations

import dataclasses
import textwrap
from typing import TYPE_CHECKING

from xscaler_istio.findings.findings import Severity
from xscaler_istio.findings.rules import RULES
from xscaler_istio.system.terminal import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xscaler_istio.findings.findings import Finding, Report
    from xscaler_istio.system.terminal import Terminal

# Below this nothing is gained by breaking lines.
_LEAST_WIDTH = 24


def report(found: Report, terminal: Terminal) -> str:
    """Return place, severity, message and rule, the line, and the fix of each finding; at the end a sentence.

    The cluster comes first. Without findings the rest is one line, unless something could not be checked.
    """
    if not found.findings and not _unchecked(found):
        return "\n".join([*_cluster(found, terminal), *_broken(_in_order(found), terminal)]) + "\n"
    lines = _cluster(found, terminal)
    lines += [line for finding in found.findings for line in _lines(_visible(finding), terminal)]
    lines += [line for skipped in found.skipped for line in _broken(f"skipped: {skipped}", terminal)]
    lines += [f"{rule}: {RULES[rule].url}" for rule in sorted({finding.rule for finding in found.findings})]
    return "\n".join([*lines, f"{found.command}: {_verdict(found)}"]) + "\n"


def _cluster(found: Report, terminal: Terminal) -> list[str]:
    return _broken(f"cluster: {visible(str(found.cluster))}", terminal) if found.cluster else []


def _visible(finding: Finding) -> Finding:
    place = dataclasses.replace(finding.location, file=visible(finding.location.file))
    return dataclasses.replace(finding, message=visible(finding.message), location=place, fix=visible(finding.fix))


def _lines(finding: Finding, terminal: Terminal) -> Iterator[str]:
    severity = finding.severity.label
    first = _broken(f"{finding.location}: {severity}: {finding.message} [{finding.rule}]", terminal)
    place = f"{finding.location}: "
    head = first[0]
    if head.startswith(f"{place}{severity}:"):
        rest = head.removeprefix(f"{place}{severity}")
        head = f"{terminal.paint(place.removesuffix(': '), 'bold')}: {terminal.paint(severity, severity)}{rest}"
    yield from (head, *first[1:])
    if finding.excerpt:
        text, caret = finding.excerpt.split("\n")
        gutter = f"  {finding.location.line} | "
        blank = " " * (len(gutter) - 2) + "| "
        # A caret beyond the edge would be wrapped by the terminal to another place.
        if not terminal.width or len(blank + caret) <= terminal.width:
            shown = f"{gutter}{text}"[: terminal.width or None]
            yield from (terminal.paint(shown, "dim"), f"{blank}{terminal.paint(caret, severity)}")
    if finding.fix:
        yield from _broken(f"  fix: {finding.fix}", terminal)


def _broken(text: str, terminal: Terminal) -> list[str]:
    """Return a text in lines of the terminal's width; never within a word, so that paths stay whole."""
    if not terminal.width:
        return [text]
    indent = " " * (len(text) - len(text.lstrip()))
    return textwrap.wrap(
        text,
        max(terminal.width, _LEAST_WIDTH),
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )


def _verdict(found: Report) -> str:
    counts = [(found.count(severity), severity.label) for severity in sorted(Severity, reverse=True)]
    names = [f"{count} {label}{'s' if count > 1 and label != 'info' else ''}" for count, label in counts if count]
    unchecked = f"not checked: {', '.join(_unchecked(found))}" if _unchecked(found) else ""
    return "; ".join(filter(None, (", ".join(names), unchecked))) + _ignored(found)


def _in_order(found: Report) -> str:
    left = f". Not checked: {'; '.join(map(str, found.skipped))}" if found.skipped else ""
    return f"OK: no findings{_ignored(found)}{left}"


def _unchecked(found: Report) -> tuple[str, ...]:
    """Return what could not be checked although it should have been; rules without a name for it by their number."""
    skipped = [item for item in found.skipped if not item.optional]
    rules = sum(len(item.rules) for item in skipped if not item.what)
    counted = (f"{rules} rule{'' if rules == 1 else 's'}",) if rules else ()
    return (*(item.what for item in skipped if item.what), *counted)


def _ignored(found: Report) -> str:
    return f" ({len(found.ignored)} ignored)" if found.ignored else ""
