"""Build chart/values.schema.json from chart/values.yaml and the constraints in this folder, and what follows from them.

What follows: chart/files/defaults.yaml, and chart/README.md from readme.md (readme.py).

Names, defaults, types and prose come from values.yaml: the comment above a key or behind it is its description. Only
the blocks LENT need not repeat the comments of an earlier sibling's. A file `<top-level key>.yaml` here adds what a
default cannot say, as a piece of JSON Schema that is laid over the inferred one: also the description of a key that
stands in a line of keys. Own keywords, resolved here: `x-use: <definition>`, `x-called: <text>` (in place of `{called}`
in the descriptions below it), `x-same-as: <top-level key>`, `x-replace: true` (do not infer), `x-enum-files: <glob in
chart/>` and `x-enum-keys: <file in chart/> <key>` (the names in a block of data). Old names are admitted (renamed.py).
The result is Draft-07, self-contained and without $ref, which every Helm from 3.17 on understands. `x-example` (a value
other than the default) becomes `examples` (illustrate.py). Patterns get a form of which Helm prints no value
(unprinted.py). These stay in for the plugin: `x-error` (what a pattern
wants, in words), `x-unit` and `x-with` (values with which a key has an effect; a name that begins with a dot is a
sibling's).

    python values-schema/build.py           write them
    python values-schema/build.py --check   exit 1 when one of them is stale
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from illustrate import illustrate
from readme import readme
from renamed import admit
from unprinted import NoWordsError, unprinted

HERE = Path(__file__).resolve().parent
CHART = HERE.parent / "chart"
SCHEMA = CHART / "values.schema.json"
DEFAULTS = CHART / "files/defaults.yaml"
README = CHART / "README.md"
RENAMED = CHART / "files/renamed.yaml"

# A piece of JSON Schema: arbitrary JSON by nature.
Schema = dict[str, Any]

# Blocks that mean the same wherever they stand: a key at or below one of them may take its text from its twin.
LENT = {"pod", "image", "resources", "queue", "persistence"}
TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


class BuildError(Exception):
    """A constraint and values.yaml contradict each other."""


def load(file: Path) -> Schema:
    """Read a YAML mapping."""
    loaded = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not isinstance(loaded, dict):
        raise BuildError(f"{file.name} holds no mapping")
    return loaded


def comments(text: str) -> dict[int, str]:
    """Return the comment block that ends above each line, or the comment behind it, by the line's number from 0."""
    found: dict[int, str] = {}
    block: list[str] = []
    for number, line in enumerate(text.splitlines()):
        stripped = line.strip()
        if stripped.startswith("#"):
            block.append(stripped.lstrip("#").strip())
            continue
        behind = stripped.partition("  # ")[2]
        if stripped and (block or behind):
            found[number] = " ".join(block) or behind
        block = []
    return found


def infer(node: yaml.Node, prose: dict[int, str], path: str, alike: Schema) -> Schema:
    """Return the schema that a default implies, strict about unknown keys.

    `alike` is the schema of an earlier sibling: keys of LENT that are explained there need no comment here.
    """
    value = yaml.safe_load(yaml.serialize(node))
    schema: Schema = {"type": TYPES[type(value)]}
    if not isinstance(node, yaml.MappingNode) or not node.value:
        return schema | {"default": value}
    schema["additionalProperties"] = False
    schema["properties"] = {}
    # A comment above a line of keys speaks of the line as a whole, and of none of the keys in it.
    prose = {} if node.flow_style else prose
    for key, child in node.value:
        twin = alike.get("properties", {}).get(key.value) or earlier_sibling(child, schema["properties"])
        described = describe(key, prose, f"{path}.{key.value}", alike.get("properties", {}).get(key.value, {}))
        schema["properties"][key.value] = described | infer(child, prose, f"{path}.{key.value}", twin)
    return schema


def earlier_sibling(node: yaml.Node, siblings: Schema) -> Schema:
    """Return the earlier sibling that has most keys in common with this mapping, or nothing."""
    keys = {key.value for key, _ in node.value} if isinstance(node, yaml.MappingNode) else set()
    common = {name: len(keys & found.get("properties", {}).keys()) for name, found in siblings.items()}
    best = max(common, key=lambda name: common[name], default="")
    found: Schema = siblings[best] if best and common[best] else {}
    return found


def describe(key: yaml.Node, prose: dict[int, str], path: str, twin: Schema) -> Schema:
    """Return the description of a key: its comment, or what its twin's says where twins mean the same."""
    lent = twin.get("description") if LENT & set(path.split(".")) else None
    text = prose.get(key.start_mark.line) or lent
    return {"description": text} if text else {}


def overlay(base: Schema, extra: Schema, definitions: Schema, path: str) -> Schema:
    """Lay a constraint over an inferred schema; a key that values.yaml lacks is an error."""
    extra = resolve(extra, definitions)
    if called := extra.pop("x-called", None):
        extra = fill(extra, called)
    if extra.pop("x-replace", False):
        return {key: base[key] for key in ("description",) if key in base} | extra
    merged = {**base, **{key: value for key, value in extra.items() if key != "properties"}}
    known = base.get("properties", {})
    for name, child in (extra.get("properties") or {}).items():
        if name not in known:
            raise BuildError(f"{path}.{name} is constrained but not in values.yaml")
        merged["properties"] = merged["properties"] | {name: overlay(known[name], child, definitions, f"{path}.{name}")}
    return merged


def fill(schema: Schema, called: str) -> Schema:
    """Write a text in place of `{called}` in the descriptions of a block's keys."""
    keys = {
        name: child | {"description": child["description"].replace("{called}", called)}
        for name, child in schema["properties"].items()
    }
    return schema | {"properties": keys}


def resolve(schema: Schema, definitions: Schema) -> Schema:
    """Fill in `x-use`, `x-enum-files`, `x-enum-also` and `x-enum-keys`, of elements of a list and of names too."""
    schema = dict(schema)
    if used := schema.pop("x-use", None):
        schema = {**definitions[used], **schema}
    if pattern := schema.pop("x-enum-files", None):
        schema["enum"] = sorted(file.stem.lstrip("_") for file in CHART.glob(pattern)) + schema.pop("x-enum-also", [])
    if place := schema.pop("x-enum-keys", None):
        file, key = place.split()
        schema["enum"] = list(load(CHART / file)[key])
    for part in ("items", "propertyNames"):
        if isinstance(child := schema.get(part), dict):
            schema[part] = resolve(child, definitions)
    return schema


def share(schema: Schema, properties: Schema) -> Schema:
    """Fill in `x-same-as`, once every top-level key is complete."""
    if same := schema.get("x-same-as"):
        shape = {key: value for key, value in properties[same].items() if key in ("properties", "additionalProperties")}
        return {key: value for key, value in schema.items() if key != "x-same-as"} | shape
    children = schema.get("properties")
    if not children:
        return schema
    return schema | {"properties": {name: share(child, properties) for name, child in children.items()}}


def undescribed(schema: Schema, path: str) -> list[str]:
    """Return the keys that have neither a comment in values.yaml nor a description here."""
    found = []
    for name, child in (schema.get("properties") or {}).items():
        found += [] if child.get("description") else [f"{path}.{name}"]
        found += undescribed(child, f"{path}.{name}")
    return found


def undecided(schema: Schema, path: str) -> list[str]:
    """Return the empty maps and lists that no constraint says the contents of."""
    found = []
    if schema.get("type") == "object" and not {"properties", "additionalProperties"} & schema.keys():
        found.append(path)
    if schema.get("default") == [] and "items" not in schema:
        found.append(path)
    for name, child in (schema.get("properties") or {}).items():
        found += undecided(child, f"{path}.{name}")
    return found


def build() -> Schema:
    """Return the whole schema; raise BuildError where values.yaml and the constraints do not fit."""
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    definitions = load(HERE / "definitions.yaml")
    root = yaml.compose(text)
    if root is None:
        raise BuildError("values.yaml is empty")
    inferred = infer(root, comments(text), "values", {})["properties"]
    constraints = {file.stem: load(file) for file in HERE.glob("*.yaml") if file.stem != "definitions"}
    if stray := constraints.keys() - inferred.keys():
        raise BuildError(f"constraints for keys that values.yaml lacks: {', '.join(sorted(stray))}")
    laid = {name: overlay(schema, constraints.get(name, {}), definitions, name) for name, schema in inferred.items()}
    properties = {name: share(schema, laid) for name, schema in laid.items()}
    if missing := undescribed({"properties": properties}, "values"):
        raise BuildError(f"describe these, with a comment in values.yaml or here: {', '.join(missing)}")
    if missing := undecided({"properties": properties}, "values"):
        raise BuildError(f"say what these may hold: {', '.join(missing)}")
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the chart xscaler-istio",
        "$comment": "Built by values-schema/build.py; do not edit.",
        "type": "object",
        "additionalProperties": False,
        # YAML anchors need a place to be defined at.
        "patternProperties": {"^x-": {}},
        "properties": {
            # Users of an umbrella chart set it.
            "enabled": {
                "type": "boolean",
                "description": "The condition of an umbrella chart; not read here.",
            },
            **properties,
        },
    }
    whole = admit(illustrate(schema, yaml.safe_load(text)), yaml.safe_load(RENAMED.read_text(encoding="utf-8")))
    try:
        return unprinted(whole)
    except NoWordsError as error:
        raise BuildError(str(error)) from error


def defaults() -> str:
    """Return values.yaml as data alone, which templates can read; Helm does not show them the file itself."""
    note = "# Built by values-schema/build.py from values.yaml; do not edit. templates/_defaults.tpl says what for.\n"
    return note + yaml.safe_dump(load(CHART / "values.yaml"), sort_keys=False, allow_unicode=True, width=120)


def main(arguments: list[str]) -> int:
    """Run the command line."""
    try:
        schema = build()
        built = {
            SCHEMA: json.dumps(schema, indent=2, ensure_ascii=False) + "\n",
            DEFAULTS: defaults(),
            README: readme((HERE / "readme.md").read_text(encoding="utf-8"), schema),
        }
    except BuildError as error:
        print(f"values-schema: {error}", file=sys.stderr)
        return 1
    stale = [file for file, text in built.items() if not file.exists() or file.read_text(encoding="utf-8") != text]
    if arguments == ["--check"]:
        for file in stale:
            print(f"chart/{file.relative_to(CHART)} is stale; run: make schema", file=sys.stderr)
        return 1 if stale else 0
    for file in stale:
        file.write_text(built[file], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
