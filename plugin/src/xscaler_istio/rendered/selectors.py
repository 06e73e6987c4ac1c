"""Kubernetes' field and label selectors, as objects have them and as the API server reads them in a query string."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# The fields of a pod that the API server can select by and that collectors use.
POD_FIELDS = frozenset({"metadata.name", "metadata.namespace", "spec.nodeName", "status.phase", "status.podIP"})

_KEY = r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?"
_VALUE = r"[A-Za-z0-9._-]*"
_SET = re.compile(rf"\s*({_KEY})\s+(in|notin)\s+\(([^()]*)\)\s*")
_EQUALITY = re.compile(rf"\s*({_KEY})\s*(==|=|!=)\s*({_VALUE})\s*")
_EXISTENCE = re.compile(rf"\s*(!?)\s*({_KEY})\s*")
_FIELD = re.compile(r"([^=!]+)(==|=|!=)(.*)")


class SelectorError(ValueError):
    """A selector that the API server would answer with 400."""


@dataclasses.dataclass(frozen=True)
class Requirement:
    """One comma-separated part: the key, whether a match is wanted, and the values (None: any value)."""

    key: str
    wanted: bool
    values: frozenset[str] | None

    def admits(self, have: Mapping[str, str]) -> bool:
        """Return whether labels or fields match. As in Kubernetes, != and notin match a missing key."""
        present = self.key in have and (self.values is None or have[self.key] in self.values)
        return present == self.wanted


Selector = tuple[Requirement, ...]


def admits(selector: Selector, have: Mapping[str, str]) -> bool:
    """Say whether labels or fields meet every requirement."""
    return all(requirement.admits(have) for requirement in selector)


def of_object(document: Mapping[str, Any]) -> Selector:
    """Parse a LabelSelector; an empty one selects everything."""
    equal = [Requirement(key, True, frozenset({value})) for key, value in (document.get("matchLabels") or {}).items()]
    listed = (_requirement(item) for item in document.get("matchExpressions") or [])
    return (*equal, *listed)


def _requirement(expression: Mapping[str, Any]) -> Requirement:
    operator = expression["operator"]
    values = frozenset(expression.get("values") or ()) if operator in ("In", "NotIn") else None
    return Requirement(expression["key"], operator in ("In", "Exists"), values)


def parse_labels(text: str) -> Selector:
    """Parse a label selector; raise SelectorError where Kubernetes would."""
    return tuple(_label_requirement(part) for part in _split(text))


def parse_fields(text: str) -> Selector:
    """Parse a field selector over POD_FIELDS; raise SelectorError for other fields or forms."""
    return tuple(_field_requirement(part) for part in text.split(",") if part)


def _split(text: str) -> Iterator[str]:
    if not text.strip():
        return
    if text.count("(") != text.count(")"):
        raise SelectorError(f"unbalanced parentheses in {text!r}")
    yield from re.split(r",(?![^()]*\))", text)


def _label_requirement(part: str) -> Requirement:
    for pattern, make in _FORMS:
        if found := pattern.fullmatch(part):
            return make(found)
    raise SelectorError(f"unable to parse requirement: {part!r}")


def _from_set(found: re.Match[str]) -> Requirement:
    values = [value.strip() for value in found[3].split(",")]
    if not all(re.fullmatch(_VALUE, value) for value in values):
        raise SelectorError(f"invalid value in {found[0]!r}")
    return Requirement(found[1], found[2] == "in", frozenset(values))


def _from_equality(found: re.Match[str]) -> Requirement:
    return Requirement(found[1], found[2] != "!=", frozenset({found[3]}))


def _from_existence(found: re.Match[str]) -> Requirement:
    return Requirement(found[2], not found[1], None)


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Requirement]], ...] = (
    (_SET, _from_set),
    (_EQUALITY, _from_equality),
    (_EXISTENCE, _from_existence),
)


def _field_requirement(part: str) -> Requirement:
    found = _FIELD.fullmatch(part)
    if not found:
        raise SelectorError(f"invalid field selector: {part!r}")
    if found[1] not in POD_FIELDS:
        raise SelectorError(f"field label not supported: {found[1]}")
    return Requirement(found[1], found[2] != "!=", frozenset({found[3]}))
