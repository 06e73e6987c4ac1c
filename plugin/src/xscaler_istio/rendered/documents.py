"""YAML as text, read with the fast parser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator


def load(text: str) -> Any:
    """Return what one YAML document holds."""
    return next(documents(text), None)


def documents(text: str) -> Iterator[Any]:
    """Yield what each document of a stream holds."""
    # In C where PyYAML has it: ten times as fast.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    yield from yaml.load_all(text, Loader=loader)
