"""Two trees of maps, lists and values compared field by field, in words."""

from __future__ import annotations

import dataclasses
import difflib
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

# Parsed YAML: maps, lists and values, arbitrary by nature.
Node = Any

_LONGEST = 100
# Twelve digits distinguish two.
_DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")
# What names an element of a list in Kubernetes and in collectors' configurations, so that a new first one does not
# change all others.
_NAMES = ("name", "job_name", "path", "key", "mountPath", "containerPort")


@dataclasses.dataclass(frozen=True)
class Hidden:
    """A value that may be compared and not shown."""

    value: str = dataclasses.field(repr=False)


def compare(old: Node, new: Node, path: str = "") -> Iterator[str]:
    """Yield a line for each field that was added, removed or changed; what came or went as a whole is one line."""
    if type(old) is not type(new) or not isinstance(old, (dict, list)):
        if type(old) is not type(new) or old != new:
            yield f"{path}: {_change(old, new)}"
        return
    before, after = (old, new) if isinstance(old, dict) else _elements(old, new)
    for step in dict.fromkeys((*before, *after)):
        place = str(step) if not path else f"{path}{step}" if isinstance(old, list) else f"{path}.{step}"
        if step not in after:
            yield f"{place} removed{_of(place, before[step])}"
        elif step not in before:
            yield f"{place} added{_of(place, after[step])}"
        else:
            yield from compare(before[step], after[step], place)


def _elements(*lists: list[Node]) -> tuple[dict[str, Node], ...]:
    """Return lists as maps, by the names of their elements where those differ in each, or by index."""
    names = [[_name(element) for element in elements] for elements in lists]
    telling = all(all(found) and len(set(found)) == len(found) for found in names)
    steps = names if telling else [[str(index) for index in range(len(elements))] for elements in lists]
    return tuple(
        {f"[{step}]": element for step, element in zip(found, elements, strict=True)}
        for found, elements in zip(steps, lists, strict=True)
    )


def _name(element: Node) -> str:
    """Return what distinguishes an element from its siblings: its name, an argument's flag, or a short value."""
    if isinstance(element, dict):
        return next((str(element[key]) for key in _NAMES if key in element), "")
    text = _text(element)
    name = text.partition("=")[0] if text.startswith("--") else text
    return name if len(name) <= _LONGEST and "\n" not in name else ""


def _of(place: str, value: Node) -> str:
    text = _text(value)
    said = place.endswith(f"[{text}]") or len(text) > _LONGEST or "\n" in text
    return "" if said else f": {text}"


def _change(old: Node, new: Node) -> str:
    if isinstance(old, Hidden) or isinstance(new, Hidden):
        return "a different value (hidden)"
    before, after = _text(old), _text(new)
    if isinstance(old, str) and isinstance(new, str) and "\n" in old + new:
        lines = list(difflib.ndiff(old.splitlines(), new.splitlines()))
        come, gone = (sum(line.startswith(sign) for line in lines) for sign in ("+ ", "- "))
        return f"{come} lines added, {gone} removed"
    return f"{_short(before)} -> {_short(after)}"


def _text(value: Node) -> str:
    if isinstance(value, Hidden):
        return "hidden"
    return value if isinstance(value, str) and value else json.dumps(value, default=str, ensure_ascii=False)


def _short(text: str) -> str:
    text = _DIGEST.sub(r"\1…", text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
