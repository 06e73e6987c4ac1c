"""Old names of keys and values, from the chart's list, and what values are under the new names.

The chart does the same with its templates (`xscaler-istio.moveRenamed`).
"""

from __future__ import annotations

import copy
import dataclasses
import decimal
import json
from typing import TYPE_CHECKING, Any

import yaml

from xscaler_istio.rendered import documents
from xscaler_istio.system import programs
from xscaler_istio.system.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from xscaler_istio.values.places import KeyPath

    # Values are arbitrary JSON.
    Json = Mapping[str, Any]

FILE = "files/renamed.yaml"


@dataclasses.dataclass(frozen=True)
class Renamed:
    """An old name and the new one, dotted; they are the same where only values were renamed.

    `values` are pairs of an old and a new value, and `factor` a number to multiply with; without them values stay.
    """

    old: str
    new: str
    values: tuple[tuple[Any, Any], ...] = ()
    factor: float | None = None


@dataclasses.dataclass(frozen=True)
class Move:
    """A value that is set under an old name, and what it is under the new one."""

    renamed: Renamed
    was: Any
    value: Any


def known(chart: Path) -> tuple[Renamed, ...]:
    """Return the list of a chart, or for a chart from before it the plugin's own, by which its values are read."""
    return listed(chart) or listed(programs.chart(None))


def listed(chart: Path) -> tuple[Renamed, ...]:
    """Return the list of a chart, empty for a chart without one; raise SetupError where it cannot be read."""
    file = chart / FILE
    if not file.exists():
        return ()
    try:
        return tuple(map(_renamed, documents.load(file.read_text(encoding="utf-8"))))
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise SetupError(f"cannot read {file}", "give a chart with --chart") from error


def _renamed(entry: Json) -> Renamed:
    pairs = tuple((pair["from"], pair["to"]) for pair in entry.get("values", ()))
    return Renamed(entry["from"], entry["to"], pairs, entry.get("factor"))


def old_names(renames: tuple[Renamed, ...]) -> tuple[tuple[KeyPath, KeyPath], ...]:
    """Return the paths of new names with those of their old ones."""
    return tuple((tuple(item.new.split(".")), tuple(item.old.split("."))) for item in renames if item.old != item.new)


def moves(values: Json, renames: tuple[Renamed, ...]) -> Iterator[Move]:
    """Yield what values have under old names; null, and a value that the old name never took, are left out."""
    for renamed in renames:
        path = renamed.old.split(".")
        if (value := _find(values, path)) is not None:
            yield from (Move(renamed, value, converted) for converted in _converted(renamed, value))


def moved(values: Json, defaults: Json, renames: tuple[Renamed, ...]) -> Json:
    """Return values under the new names.

    An old name with the default of the new one counts as absent: `--reuse-values` brings those of an earlier chart.
    """
    found = tuple(moves(values, renames))
    if not found:
        return values
    changed = copy.deepcopy(dict(values))
    for move in found:
        if move.renamed.old != move.renamed.new:
            _remove(changed, move.renamed.old.split("."))
        if move.value != _find(defaults, move.renamed.new.split(".")):
            _put(changed, move.renamed.new.split("."), move.value)
    return changed


def _converted(renamed: Renamed, value: Any) -> Iterator[Any]:
    """Yield a value under the new name, or nothing for one that the old name never took."""
    if renamed.values:
        # As JSON: to Python 1 is True.
        yield from (new for old, new in renamed.values if json.dumps(old) == json.dumps(value))
    elif renamed.factor is None:
        yield value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        # As the chart: 0.07 is 7, and not 7.000000000000001.
        product = float(decimal.Decimal(str(value)) * decimal.Decimal(str(renamed.factor)))
        yield int(product) if product.is_integer() else product


def _find(values: Any, path: list[str]) -> Any:
    for step in path:
        values = values.get(step) if isinstance(values, dict) else None
    return values


def _remove(values: dict[str, Any], path: list[str]) -> None:
    parent = _find(values, path[:-1])
    if isinstance(parent, dict):
        parent.pop(path[-1], None)
        # A block that only old names have is gone with the last of them.
        if not parent and len(path) > 1:
            _remove(values, path[:-1])


def _put(values: dict[str, Any], path: list[str], value: Any) -> None:
    for step in path[:-1]:
        values = values.setdefault(step, {})
    values[path[-1]] = value
