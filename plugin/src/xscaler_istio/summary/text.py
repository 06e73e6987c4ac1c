"""A summary for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.system.terminal import wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xscaler_istio.summary.model import Fact, Section, Subject, Summary
    from xscaler_istio.system.terminal import Terminal

_ALL = "`helm xscaler render --explain --all` shows everything: each rule, each metric, each object."


def text(summary: Summary, terminal: Terminal) -> str:
    """Write a summary in lines that fit the terminal, but for a word that is longer."""
    return (
        "\n\n".join("\n".join(_section(section, terminal)) for section in summary.sections if section.subjects) + "\n"
    )


def overview(summary: Summary, terminal: Terminal) -> str:
    """Write an overview, and where to read the rest."""
    return "\n".join((text(summary, terminal), *wrapped(_ALL, terminal.columns))) + "\n"


def _section(section: Section, terminal: Terminal) -> Iterator[str]:
    yield terminal.paint(section.title, "bold")
    for subject in section.subjects:
        yield from _subject(subject, terminal.columns)


def _subject(subject: Subject, width: int) -> Iterator[str]:
    if subject.name:
        yield f"  {subject.name}"
    start = "    " if subject.name else "  "
    longest = max((len(fact.name) for fact in subject.facts), default=0)
    for fact in subject.facts:
        yield from _fact(fact, start, longest, width)


def _fact(fact: Fact, start: str, longest: int, width: int) -> Iterator[str]:
    name = f"{start}{fact.name:<{longest}}  "
    # On a narrow terminal the values stand below their name.
    if width < len(name) + 40:
        yield f"{start}{fact.name}"
        name = f"{start}  "
    indent = " " * len(name)
    for value in _lines(fact, width - len(name)):
        for line in wrapped(value, max(width - len(name), 20), further="  "):
            yield f"{name}{line}"
            name = indent


def _lines(fact: Fact, room: int) -> tuple[str, ...]:
    """Return the values on one line where they fit and none contains a comma."""
    together = ", ".join(fact.values)
    return (together,) if len(together) <= room and not any("," in value for value in fact.values) else fact.values
