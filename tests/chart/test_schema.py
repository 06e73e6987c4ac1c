"""chart/values.schema.json is whole: whoever reads a key there, in an editor or in a catalogue, needs nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from tests.support.paths import CHART

if TYPE_CHECKING:
    from collections.abc import Iterator

    Path = tuple[str, ...]

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())


def keys(part: dict[str, Any], path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield every key at any depth with its schema, those of the elements of lists too, but no old names."""
    for name, child in part.get("properties", {}).items():
        if child.get("deprecated"):
            continue
        yield (*path, name), child
        yield from keys(child, (*path, name))
    if isinstance(part.get("items"), dict):
        yield from keys(part["items"], (*path, "[]"))


KEYS = list(keys(SCHEMA))
LEAVES = [(path, part) for path, part in KEYS if "properties" not in part]


def leaves(part: dict[str, Any], path: Path = ()) -> Iterator[tuple[Path, object]]:
    """Yield each value of values.yaml that the schema has no keys below, and each empty map."""
    inner = {path for path, schema in KEYS if "properties" in schema}
    for name, value in part.items():
        if isinstance(value, dict) and value and (*path, name) in inner:
            yield from leaves(value, (*path, name))
        elif (*path, name) not in inner or value == {}:
            yield (*path, name), value


def dotted(path: Path) -> str:
    return ".".join(path)


@pytest.mark.parametrize("part", [part for _, part in KEYS], ids=[dotted(path) for path, _ in KEYS])
def test_every_key_is_described_and_typed(part: dict[str, Any]) -> None:
    assert part["description"].strip()
    assert part["type"]


def test_no_key_has_another_keys_text() -> None:
    # These blocks mean the same wherever they stand.
    alike = {"pod", "image", "resources", "queue", "persistence"}
    first: dict[str, str] = {}
    twice = []
    for path, part in KEYS:
        if alike & set(path) or "[]" in path:
            continue
        other = first.setdefault(part["description"], dotted(path))
        twice += [f"{dotted(path)} has the text of {other}"] if other != dotted(path) else []
    assert twice == []


@pytest.mark.parametrize("part", [part for _, part in LEAVES], ids=[dotted(path) for path, _ in LEAVES])
def test_every_leaf_has_an_example_that_is_allowed_and_not_the_default(part: dict[str, Any]) -> None:
    (example,) = part["examples"]
    jsonschema.Draft7Validator(part).validate(example)
    assert example != part.get("default", ...)


def test_every_default_of_values_yaml_is_that_of_the_schema_and_the_schema_has_no_other() -> None:
    here = dict(leaves(VALUES))
    assert len(here) > 150
    there = {path: part["default"] for path, part in KEYS if "default" in part}
    assert there == here


def test_every_map_is_closed_or_says_what_it_takes() -> None:
    maps = [(dotted(path), part) for path, part in KEYS if part["type"] == "object"]
    assert [path for path, part in maps if "additionalProperties" not in part] == []
