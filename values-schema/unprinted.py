"""Patterns in a form in which Helm does not print the refused value.

A value may be a token that stands at the wrong key. Of a pattern Helm writes the value and the expression; of a
constant only the constant. So the words of `x-error` are the constant that a value in another form would have to be.
"""

from __future__ import annotations

from typing import Any

# A piece of JSON Schema: arbitrary JSON by nature.
Schema = dict[str, Any]


class NoWordsError(Exception):
    """A pattern has no x-error."""


def unprinted(schema: Schema, path: str = "values") -> Schema:
    """Return a schema that takes the same values; the names of keys keep their patterns."""
    schema = dict(schema)
    if "pattern" in schema:
        if "x-error" not in schema:
            raise NoWordsError(f"{path} has a pattern and no x-error")
        schema |= {"if": {"pattern": schema.pop("pattern")}, "else": {"const": schema["x-error"]}}
    for part in ("items", "additionalProperties"):
        if isinstance(child := schema.get(part), dict):
            schema[part] = unprinted(child, f"{path}[]")
    if "properties" in schema:
        schema["properties"] = {
            name: unprinted(child, f"{path}.{name}") for name, child in schema["properties"].items()
        }
    return schema
