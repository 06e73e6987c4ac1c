"""What a release does, in words: sections of subjects of facts, all text, to be printed and compared."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Fact:
    """What is true of a subject. Several values stand each for itself: one more or less is a separate difference."""

    name: str
    values: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Subject:
    """Something that a release has: a job, an account, an object; without a name, the section's only one."""

    name: str
    facts: tuple[Fact, ...] = ()


@dataclasses.dataclass(frozen=True)
class Section:
    """Subjects of one kind, in the order in which they are rendered."""

    title: str
    subjects: tuple[Subject, ...]


@dataclasses.dataclass(frozen=True)
class Summary:
    """A rendered release in words."""

    sections: tuple[Section, ...]


def facts(**values: str | tuple[str, ...]) -> tuple[Fact, ...]:
    """Return facts by name, an underscore for a space; what has no value is left out."""
    pairs = ((name.replace("_", " "), (value,) if isinstance(value, str) else value) for name, value in values.items())
    return tuple(Fact(name, tuple(item for item in items if item)) for name, items in pairs if any(items))
