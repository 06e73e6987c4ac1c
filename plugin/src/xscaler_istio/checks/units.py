"""Durations, amounts and expressions as values write them; the schema has checked their form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SECONDS: Mapping[str, float] = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
_BYTES: Mapping[str, float] = {
    "": 1,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}


def seconds(duration: str) -> float:
    """Return a duration of one unit, such as 500ms or 2m, in seconds."""
    amount, unit = _split(duration)
    return amount * _SECONDS[unit]


def bytes_of(quantity: str) -> float | None:
    """Return a Kubernetes quantity of memory in bytes, or None for a text that is none."""
    found = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", quantity)
    if not found or found[2] not in _BYTES or found[1].count(".") > 1:
        return None
    return float(found[1]) * _BYTES[found[2]]


def _split(text: str) -> tuple[float, str]:
    found = re.fullmatch(r"(\d+)([a-z]+)", text)
    if not found:
        raise ValueError(text)
    return float(found[1]), found[2]


def matches(expression: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that an anchored RE2 expression matches; none where Python cannot read it."""
    try:
        compiled = re.compile(f"(?:{expression})")
    except (re.error, OverflowError, RecursionError):
        # That it is no RE2 is for the chart to say.
        return ()
    return tuple(name for name in names if compiled.fullmatch(name))


def beginning(expression: str) -> str:
    """Return the letters with which all that an expression matches begins; nothing where that is not plain."""
    if re.search(r"\|", re.sub(r"\([^()]*\)", "", expression)):
        return ""
    letters = re.match(r"[A-Za-z0-9_:]*", expression)
    found = letters[0] if letters else ""
    # A quantifier speaks of the last letter.
    return found[:-1] if expression[len(found) : len(found) + 1] in ("?", "*", "{") else found


def glob(pattern: str) -> re.Pattern[str]:
    """Return what a name of a namespace with * matches, as the chart does."""
    return re.compile(".*".join(map(re.escape, pattern.split("*"))))
