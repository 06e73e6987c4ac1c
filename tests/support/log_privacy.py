"""The rules of chart/files/logs/privacy.yaml, each with its expressions."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

import yaml

from .paths import CHART

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FOLDER = CHART / "files/logs"


@dataclasses.dataclass(frozen=True)
class Rule:
    """The expressions among the filters of a rule, and the alternatives that it replaces; empty where it has none."""

    filters: tuple[str, ...]
    replaces: str


@functools.cache
def rules() -> tuple[Rule, ...]:
    """Return every rule, also those under another."""
    middle = yaml.safe_load((FOLDER / "formats.yaml").read_text(encoding="utf-8"))["middle"]
    kinds = yaml.safe_load((FOLDER / "privacy.yaml").read_text(encoding="utf-8"))
    return tuple(rule for kind in kinds.values() for rule in _rules(kind, middle))


def _rules(raw: Sequence[Any], middle: str) -> Iterator[Rule]:
    for item in raw:
        filters = (text for each in item.get("lines", ()) for operator, text in each.items() if operator.endswith("~"))
        yield Rule(tuple(filters), "|".join(item.get("replace", ())).replace("MIDDLE", middle))
        yield from _rules(item.get("then", ()), middle)
