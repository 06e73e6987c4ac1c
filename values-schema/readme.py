"""The chart's README: readme.md, with a table of the values for each top-level key in the place of `{values}`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Set

# A piece of JSON Schema: arbitrary JSON by nature.
Schema = dict[str, Any]

NOTE = "<!-- Built by values-schema/build.py from values-schema/readme.md and values.yaml; do not edit. -->\n"


def readme(prose: str, schema: Schema) -> str:
    """Return the page; `schema` is that of all values."""
    return NOTE + prose.replace("{values}\n", "\n".join(_sections(schema["properties"])))


def _sections(properties: dict[str, Schema]) -> Iterator[str]:
    """Yield the keys that are no blocks, in one table, and each block under its name, in the order of values.yaml."""
    pod = properties["pod"]["properties"].keys()
    properties = _lasting(properties)
    single = {name: schema for name, schema in properties.items() if "properties" not in schema}
    yield _table(single, "", pod)
    for name, schema in properties.items():
        if name not in single:
            yield f"### `{name}`\n\n{schema['description']}\n"
            yield _table(schema["properties"], f"{name}.", pod)


def _lasting(properties: dict[str, Schema]) -> dict[str, Schema]:
    return {name: schema for name, schema in properties.items() if not schema.get("deprecated")}


def _table(properties: dict[str, Schema], prefix: str, pod: Set[str]) -> str:
    rows = "".join(
        f"| `{path}` | {kind} | {default} | {text} |\n" for path, kind, default, text in _rows(properties, prefix, pod)
    )
    return f"| key | type | default | what it does |\n|---|---|---|---|\n{rows}"


def _rows(properties: dict[str, Schema], prefix: str, pod: Set[str]) -> Iterator[tuple[str, str, str, str]]:
    for name, schema in _lasting(properties).items():
        below = schema.get("properties")
        if below is None:
            yield f"{prefix}{name}", _kind(schema), _default(schema), _text(schema)
        elif below.keys() == pod:
            # The block `pod` once more: its keys stand there.
            yield f"{prefix}{name}", "map", "`{}`", f"{_text(schema)} Its keys are those of [`pod`](#pod)."
        else:
            yield from _rows(below, f"{prefix}{name}.", pod)


def _kind(schema: Schema) -> str:
    kind = schema.get("type", "string")
    words = " or ".join(kind) if isinstance(kind, list) else kind
    return {"array": "list", "object": "map", "integer": "whole number"}.get(words, words)


def _default(schema: Schema) -> str:
    if "default" not in schema:
        return ""
    return f"`{json.dumps(schema['default'], ensure_ascii=False)}`".replace("|", "\\|")


def _text(schema: Schema) -> str:
    """Return the description, with what would end a cell or be markup escaped, and what is allowed."""
    text = schema["description"].replace("|", "\\|").replace("<", "&lt;")
    old = schema.get("x-deprecated-values", ())
    allowed = ", ".join(f"`{value}`" for value in schema.get("enum", ()) if value not in ("", *old))
    return f"{text} One of {allowed}." if allowed else text
