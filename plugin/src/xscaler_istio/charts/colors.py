"""Colours of charts and pages: each has a twin for a dark background, which a style sheet puts in its place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

INK, MUTED, FAINT, EDGE, GRID, BACK, CARD = "#24292f", "#57606a", "#8c959f", "#d8dee4", "#eaeef2", "#f3f5f7", "#ffffff"
_BLUE, _ORANGE, _GREEN, _RED = "#2f6fd6", "#e8820c", "#2f9e5b", "#d6303f"
LINES = (_BLUE, _ORANGE, _GREEN, "#a347ba", _RED, "#0e9aa7", "#b08900", "#7a5af5", "#c2477f", "#64748b")
NAMED: Mapping[str, str] = {"green": _GREEN, "orange": _ORANGE, "red": _RED, "blue": _BLUE}
DARK: Mapping[str, str] = {
    INK: "#e6edf3",
    MUTED: "#9da7b3",
    FAINT: "#7d8590",
    EDGE: "#30363d",
    GRID: "#21262d",
    BACK: "#010409",
    CARD: "#0d1117",
    _BLUE: "#58a6ff",
    _ORANGE: "#f0983e",
    _GREEN: "#3fb950",
    _RED: "#f85149",
    "#a347ba": "#c678dd",
    "#7a5af5": "#9d86ff",
    "#c2477f": "#e377a8",
    "#64748b": "#94a3b8",
}


def chosen(names: Iterable[str], wanted: Iterable[tuple[str, str]]) -> list[str]:
    """Return a colour for each name: of the first expression that matches, lighter each time, or the next of LINES."""
    rules = tuple(wanted)
    seen: dict[str, int] = {}
    found = []
    for number, name in enumerate(names):
        color = next((color for expression, color in rules if re.search(expression, name)), "")
        found.append(_lighter(NAMED[color], seen.get(color, 0)) if color else LINES[number % len(LINES)])
        seen[color] = seen.get(color, 0) + 1
    return found


def at(value: float, thresholds: Iterable[tuple[str, float]]) -> str:
    """Return the colour that a value has: that of the last threshold which it reaches."""
    held = [color for color, start in thresholds if value >= start]
    return NAMED[held[-1]] if held else INK


def dark_style() -> str:
    """Return the rules of a style sheet that turn pictures dark where the reader prefers that."""
    rules = (f"[fill='{light}']{{fill:{dark}}}[stroke='{light}']{{stroke:{dark}}}" for light, dark in DARK.items())
    return f"@media(prefers-color-scheme:dark){{{''.join(rules)}}}"


def _lighter(color: str, number: int) -> str:
    """Return a colour mixed with white: a fifth more with each number, three fifths at most."""
    share = min(0.6, 0.2 * number)
    mixed = (round(int(color[place : place + 2], 16) * (1 - share) + 255 * share) for place in (1, 3, 5))
    return "#" + "".join(f"{value:02x}" for value in mixed)
