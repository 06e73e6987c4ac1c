"""Lists on one line: the first few, and values by who has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_MOST = 12


def few(items: Sequence[str], most: int = _MOST) -> str:
    """Join the first items, and count the others."""
    more = len(items) - most
    return f"{', '.join(items[:most])} and {more} more" if more > 0 else ", ".join(items)


def by_owner(owned: Mapping[str, Iterable[str]], least: int = 1) -> str:
    """Join values, those of the same owners together; name the owners of what not all have.

    Leave out what fewer than `least` owners have.
    """
    owners: dict[str, list[str]] = {}
    for owner, values in owned.items():
        for value in dict.fromkeys(values):
            owners.setdefault(value, []).append(owner)
    alike: dict[tuple[str, ...], list[str]] = {}
    for value, names in owners.items():
        if len(names) >= least:
            alike.setdefault(tuple(names), []).append(value)
    return "; ".join(
        few(values) if len(names) == len(owned) else f"{few(values)} ({few(names)})" for names, values in alike.items()
    )
