"""Whether a chart's schema and its values.yaml say the same: the same keys, the same defaults."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema

from xscaler_istio.rendered import documents

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    # JSON Schema and values are arbitrary JSON.
    Json = Mapping[str, Any]

# Helm's own, and that of an umbrella chart: no chart has defaults for them.
_FOREIGN = ("global", "enabled")


def differences(chart: Path, schema: Json) -> tuple[str, ...]:
    """Return a sentence for each place where the schema is not a Draft-07 schema or does not fit values.yaml."""
    try:
        jsonschema.Draft7Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        return (f"the schema is not valid at {error.json_path}: {error.message}",)
    defaults = documents.load((chart / "values.yaml").read_text(encoding="utf-8")) or {}
    return tuple(_compared(defaults, schema, ""))


def _compared(defaults: Json, schema: Json, prefix: str) -> Iterator[str]:
    known = {name: child for name, child in schema.get("properties", {}).items() if not child.get("deprecated")}
    for name in dict.fromkeys((*defaults, *known)):
        path = f"{prefix}{name}"
        if name not in known:
            yield f"{path} is in values.yaml and not in the schema"
        elif name not in defaults:
            # A shape of Kubernetes' own has keys without defaults.
            if "default" in known[name] or (not prefix and name not in _FOREIGN):
                yield f"{path} is in the schema and not in values.yaml"
        elif defaults[name] and "properties" in known[name]:
            yield from _compared(defaults[name], known[name], f"{path}.")
        elif "default" in known[name] and known[name]["default"] != defaults[name]:
            there, here = json.dumps(known[name]["default"]), json.dumps(defaults[name])
            yield f"{path} is {here} in values.yaml, and {there} by default in the schema"
