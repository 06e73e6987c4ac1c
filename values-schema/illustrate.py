"""What a reader of the schema asks of a key beside its type: the value it has, and another that it may have.

A key without keys below it gets `default` from values.yaml, where it has one, and `examples`: its `x-example`, or what
follows from its type and constraints.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# A piece of JSON Schema, or of values: arbitrary JSON by nature.
Schema = dict[str, Any]


def illustrate(schema: Schema, values: object) -> Schema:
    """Return a schema whose leaves have `default`, where `values` (the part of values.yaml) has one, and `examples`."""
    schema = dict(schema)
    given = schema.pop("x-example", None)
    if "properties" in schema:
        known = values if isinstance(values, dict) else {}
        schema["properties"] = {
            name: illustrate(child, known.get(name)) for name, child in schema["properties"].items()
        }
        return schema
    if values is None:
        schema.pop("default", None)
    else:
        schema["default"] = values
    example = _example(schema) if given is None else given
    if isinstance(items := schema.get("items"), dict):
        schema["items"] = illustrate(items, None) if "properties" in items else _without_example(items)
    return schema if example is None else schema | {"examples": [example]}


def _without_example(items: Schema) -> Schema:
    return {key: value for key, value in items.items() if key != "x-example"}


def _example(node: Schema) -> Any:
    """Return a value other than the default, or None where none follows."""
    if "x-example" in node:
        return node["x-example"]
    if "enum" in node:
        return next((value for value in node["enum"] if value != node.get("default")), None)
    kind = node.get("type")
    return _EXAMPLES[kind](node) if isinstance(kind, str) and kind in _EXAMPLES else None


def _number(node: Schema) -> Any:
    default = node.get("default", 0)
    return next((value for value in (default * 2, default // 2) if value != default and _within(value, node)), 1)


def _within(value: float, node: Schema) -> bool:
    return bool(node.get("minimum", value) <= value <= node.get("maximum", value))


def _string(node: Schema) -> Any:
    """Return what the description of the form names as an example and the pattern takes."""
    words = f"{node.get('x-error', '')} {node.get('description', '')}".replace(",", " ").replace(";", " ").split()
    pattern = node.get("pattern", "a^")
    fitting = (
        word for word in words if re.search(pattern, word) and re.search(r"\d", word) and word != node.get("default")
    )
    return next(fitting, None if "pattern" in node else "example")


def _list(node: Schema) -> Any:
    flags = re.findall(r"--\S+[^\s.,]", node.get("description", ""))
    element = flags[0] if flags else _example(node.get("items", {}))
    return None if element is None else [element]


def _map(node: Schema) -> Any:
    return {"example": "text"} if isinstance(node.get("additionalProperties"), dict) else None


_EXAMPLES: Mapping[str, Callable[[Schema], Any]] = {
    "boolean": lambda node: not node.get("default", False),
    "integer": _number,
    "number": _number,
    "string": _string,
    "array": _list,
    "object": _map,
}
