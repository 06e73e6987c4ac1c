"""A summary for people."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xscaler_istio.summary.model import Fact, Section, Subject, Summary
    from xscaler_istio.system.terminal import Terminal


# For what is not broken into lines by a terminal.
_PIPE_WIDTH = 100


def text(summary: Summary, terminal: Terminal) -> str:
    """Write a summary in lines that fit the terminal, but for a word that is longer."""
    return (
        "\n\n".join("\n".join(_section(section, terminal)) for section in summary.sections if section.subjects) + "\n"
    )


def _section(section: Section, terminal: Terminal) -> Iterator[str]:
    yield terminal.paint(section.title, "bold")
    for subject in section.subjects:
        yield from _subject(subject, terminal.width or _PIPE_WIDTH)


def _subject(subject: Subject, width: int) -> Iterator[str]:
    yield f"  {subject.name}"
    longest = max((len(fact.name) for fact in subject.facts), default=0)
    for fact in subject.facts:
        yield from _fact(fact, longest, width)


def _fact(fact: Fact, longest: int, width: int) -> Iterator[str]:
    # On a narrow terminal the values stand below their name.
    indent = 4 + longest + 2 if width >= 4 + longest + 2 + 40 else 6
    name = f"    {fact.name:<{longest}}  "
    if indent == 6:
        yield f"    {fact.name}"
        name = " " * indent
    for value in _lines(fact, width - indent):
        lines = textwrap.wrap(value, max(width - indent, 20), break_long_words=False, break_on_hyphens=False)
        for number, line in enumerate(lines):
            yield f"{name}{line}" if not number else f"{' ' * (indent + 2)}{line}"
            name = " " * indent


def _lines(fact: Fact, room: int) -> tuple[str, ...]:
    """Return the values on one line where they fit and none has a comma of its own."""
    together = ", ".join(fact.values)
    return (together,) if len(together) <= room and not any("," in value for value in fact.values) else fact.values
