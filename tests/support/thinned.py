"""Long lists of cases of which some are enough before a commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _pytest.mark import ParameterSet

Item = TypeVar("Item")


def thinned(
    items: Iterable[Item], reason: str, *, every: int = 5, name: Callable[[Item], str] = str
) -> list[ParameterSet]:
    """Return cases for `parametrize`: every n-th is in `make test`, the others in `make test-all` for this reason."""
    rest = pytest.mark.whole(reason)
    return [
        pytest.param(item, marks=[rest] if number % every else [], id=name(item)) for number, item in enumerate(items)
    ]
