"""The keys of the chart's values, from its schema: types, defaults, units, what is allowed, examples."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

from xscaler_istio.system.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    # JSON Schema and values are arbitrary JSON.
    Json = Mapping[str, Any]

# Where the keys below a list's elements hang.
_SEPARATORS = re.compile(r"\[\d*\]|[./]")
_BOUNDS: Mapping[str, str] = {
    "minimum": "at least",
    "maximum": "at most",
    "minLength": "characters at least",
    "maxLength": "characters at most",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Key:
    """One key. `default` and `example` are JSON, empty where there is none; `context` are the values, as (key, JSON),
    with which the key has an effect; `children` are the keys below, or the elements' if it is a list; `asked_as` is the
    old name, if it was found by that.
    """

    path: str
    type: str
    description: str
    default: str
    unit: str
    form: str
    allowed: tuple[str, ...]
    example: str
    context: tuple[tuple[str, str], ...]
    secret: bool
    children: tuple[Key, ...]
    asked_as: str = ""


def find(schema: Json, name: str) -> Key:
    """Return a key by its dotted name, the root for an empty one; a leading .Values and list indices are left out.

    An old name finds the key with the new one.

    Raises UsageError for a name that the chart does not have, with the nearest one that it has.
    """
    steps = tuple(step for step in _SEPARATORS.split(name.strip().removeprefix(".Values")) if step)
    node, context, element = schema, _context(schema), False
    for depth, step in enumerate(steps):
        children = _children(node)
        if new := _all_children(node).get(step, {}).get("x-renamed-to"):
            found = find(schema, ".".join((new, *steps[depth + 1 :])))
            return dataclasses.replace(found, asked_as=".".join(steps))
        if step not in children:
            # The validator behind it takes a while to load, and completion has no need of it.
            from xscaler_istio.values.schema import paths, suggestion

            path = steps[: depth + 1]
            fix = suggestion(path, list(children), tuple(paths(schema)))
            raise UsageError(f"{'.'.join(path)} is not a key of this chart", fix)
        element = element or "items" in node
        node = children[step]
        context = {**context, **_context(node)}
    return _key(".".join(steps), node, context, element=element)


def every(schema: Json) -> Iterator[Key]:
    """Yield all keys, parents before their children."""

    def below(key: Key) -> Iterator[Key]:
        for child in key.children:
            yield child
            yield from below(child)

    return below(find(schema, ""))


def _context(node: Json) -> Json:
    found: Json = node.get("x-with", {})
    return found


def _all_children(node: Json) -> Mapping[str, Json]:
    """Return the keys below, old names among them."""
    found: Mapping[str, Json] = node.get("properties") or node.get("items", {}).get("properties", {})
    return found


def _children(node: Json) -> Mapping[str, Json]:
    return {name: child for name, child in _all_children(node).items() if not child.get("deprecated")}


def _key(path: str, node: Json, context: Json, *, element: bool = False) -> Key:
    below = element or "items" in node
    children = (
        _key(f"{path}.{name}" if path else name, child, {**context, **_context(child)}, element=below)
        for name, child in _children(node).items()
    )
    parent = path.rpartition(".")[0]
    needed = {f"{parent}{name}" if name.startswith(".") else name: value for name, value in context.items()}
    # A key of a list's elements has none: that of the list shows it.
    examples = [] if element else node.get("examples", [])
    return Key(
        path=path,
        type=_type(node),
        description=node.get("description", ""),
        default=json.dumps(node["default"], ensure_ascii=False) if "default" in node else "",
        unit=node.get("x-unit", ""),
        form=node.get("x-error") or node.get("items", {}).get("x-error", ""),
        allowed=_allowed(node),
        example=json.dumps(examples[0], ensure_ascii=False) if examples else "",
        context=tuple((name, json.dumps(value)) for name, value in needed.items() if name != path),
        secret=node.get("writeOnly", False),
        children=tuple(children),
    )


def _type(node: Json) -> str:
    kind = node.get("type", "string" if "enum" in node else "")
    words: str = " or ".join(kind) if isinstance(kind, list) else kind
    if words == "array" and "type" in node.get("items", {}):
        return f"list of {_type(node['items'])}s"
    if words == "object" and isinstance(node.get("additionalProperties"), dict):
        return f"map of {_type(node['additionalProperties'])}s"
    return {"array": "list", "object": "map"}.get(words, words)


def _allowed(node: Json) -> tuple[str, ...]:
    if "enum" in node:
        return tuple(str(value) for value in node["enum"] if value not in node.get("x-deprecated-values", ()))
    return tuple(f"{words} {node[rule]}" for rule, words in _BOUNDS.items() if rule in node)


# -- what may be meant --------------------------------------------------------------------------------------------


def beginning_with(schema: Json, typed: str) -> Iterator[tuple[str, str]]:
    """Yield the names and descriptions that may complete a dotted name; one that has keys below ends with a dot."""
    parent, dot, _ = typed.rpartition(".")
    node = schema
    for step in parent.split(".") if dot else ():
        node = _children(node).get(step, {})
    for name, child in _children(node).items():
        full = f"{parent}{dot}{name}"
        if full.startswith(typed):
            yield f"{full}." if "properties" in child else full, child.get("description", "")


def values_of(schema: Json, name: str) -> Iterator[str]:
    """Yield the values that a key may have, where they can be listed."""
    node = schema
    for step in name.split("."):
        node = _children(node).get(step, {})
    yield from ("true", "false") if node.get("type") == "boolean" else _allowed(node) if "enum" in node else ()
