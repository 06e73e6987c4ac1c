"""YAML as text, read with the fast parser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def load(text: str) -> Any:
    """Return the data of one YAML document."""
    return next(documents(text), None)


def documents(text: str) -> Iterator[Any]:
    """Yield the data of each document of a stream."""
    # In C where PyYAML has it: ten times as fast.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    yield from yaml.load_all(text, Loader=loader)


def mapping(data: Any, *path: str) -> Mapping[str, Any]:
    """Return the map at a path. It is empty if data of the user's lacks it or has something else there."""
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def mappings(data: Mapping[str, Any], key: str) -> tuple[Mapping[str, Any], ...]:
    """Return the maps in the list under a key, without items of another type."""
    items = data.get(key)
    return tuple(item for item in items if isinstance(item, dict)) if isinstance(items, list) else ()


def texts(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return the items of the list under a key as texts."""
    items = data.get(key)
    return tuple(map(str, items)) if isinstance(items, list) else ()
