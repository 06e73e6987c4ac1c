"""Old names of keys and values (chart/files/renamed.yaml) in the schema: admitted, and marked as deprecated."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# A piece of JSON Schema: arbitrary JSON by nature.
Schema = dict[str, Any]

# What describes a key to its reader, and stays with the new name.
_OF_READERS = ("description", "default", "examples", "x-with", "x-unit")


def admit(schema: Schema, renamed: Sequence[Mapping[str, Any]]) -> Schema:
    """Return a schema that takes old names too."""
    schema = copy.deepcopy(schema)
    for entry in renamed:
        new = _parent(schema, entry["to"])[_last(entry["to"])]
        if entry["from"] == entry["to"]:
            old_values = [pair["from"] for pair in entry["values"]]
            new["enum"] = [*new["enum"], *old_values]
            new["x-deprecated-values"] = old_values
        else:
            words = f"The old name of {entry['to']}. It works until version 1.0."
            old = {"deprecated": True, "description": words, "x-renamed-to": entry["to"], **_form(entry, new)}
            _parent(schema, entry["from"], entry["to"])[_last(entry["from"])] = old
    return schema


def _form(entry: Mapping[str, Any], new: Schema) -> Schema:
    """Return what an old name takes: what the new one takes, converted back; and null, which counts as absent."""
    if "values" in entry:
        return {"enum": [*(pair["from"] for pair in entry["values"]), None]}
    form = {key: value for key, value in new.items() if key not in _OF_READERS}
    for bound in ("minimum", "maximum"):
        if bound in form and "factor" in entry:
            form[bound] /= entry["factor"]
    return form | {"type": [form["type"], "null"]}


def _first(path: str) -> str:
    return path.rpartition(".")[0]


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _parent(schema: Schema, path: str, new: str = "") -> Schema:
    """Return the properties that a key is one of, and make a block that only old names have."""
    properties: Schema = schema["properties"]
    for step in path.split(".")[:-1]:
        block = {
            "deprecated": True,
            "description": f"The old name of {_first(new)}. It works until version 1.0.",
            "x-renamed-to": _first(new),
            "type": ["object", "null"],
            "additionalProperties": False,
            "properties": {},
        }
        properties = properties.setdefault(step, block)["properties"]
    return properties
