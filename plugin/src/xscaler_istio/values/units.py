"""Durations, amounts and expressions as values write them; the schema has checked their form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SECONDS: Mapping[str, float] = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_DECIMAL: Mapping[str, float] = {suffix: 1e3**power for power, suffix in enumerate(("n", "u", "m", "", *"kMGTPE"), -3)}
_BINARY: Mapping[str, float] = {f"{letter}i": 2.0 ** (10 * power) for power, letter in enumerate("KMGTPE", 1)}
_FACTORS: Mapping[str, float] = {**_DECIMAL, **_BINARY}
_QUANTITY = re.compile(r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+(?![A-Za-z]))?)(?P<suffix>[A-Za-z]*)")


def seconds(duration: str) -> float:
    """Return a duration of one unit, such as 500ms or 2m, in seconds."""
    amount, unit = _split(duration)
    return amount * _SECONDS[unit]


def bytes_of(quantity: str) -> float | None:
    """Return a Kubernetes quantity of memory in bytes, or None for a text that is none: 500m is half a byte."""
    found = _QUANTITY.fullmatch(quantity)
    factor = _FACTORS.get(found["suffix"]) if found else None
    return float(found["number"]) * factor if found and factor else None


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
        # The chart reports that it is not RE2.
        return ()
    return tuple(name for name in names if compiled.fullmatch(name))


# A name, one that no program has, and the value of a label that a series lacks.
_ANY = ("istio_requests_total", "b:", "")


def everything(expression: str) -> bool:
    """Return whether an expression plainly matches every name, as `.*` and `.+` do."""
    return len(matches(expression, _ANY[:2])) == 2


def everything_and_nothing(expression: str) -> bool:
    """Return whether it matches every value of a label, an absent one too, as `.*` does."""
    return len(matches(expression, _ANY)) == len(_ANY)


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
