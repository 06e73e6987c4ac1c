"""Lines over time and bars as SVG, of values that were asked for before: nothing is asked or looked up here.

Drawn into a box of a picture, for dashboards and for reports alike. The same values give the same bytes.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import math
import re
from typing import TYPE_CHECKING, Protocol

from xscaler_istio.charts import units
from xscaler_istio.charts.svg import cut, element, text, width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xscaler_istio.wire.answers import Window

INK, MUTED, FAINT, EDGE, BACK, CARD = "#24292f", "#57606a", "#8c959f", "#d8dee4", "#f3f5f7", "#ffffff"
_LINES = ("#2f6fd6", "#e8820c", "#2f9e5b", "#a347ba", "#d6303f", "#0e9aa7", "#b08900", "#7a5af5", "#c2477f", "#64748b")
_NAMED = {"green": "#2f9e5b", "orange": "#e8820c", "red": "#d6303f", "blue": "#2f6fd6"}


class Look(Protocol):
    """How values are shown.

    `thresholds` are colours with the value from which each holds, `colors` regular expressions for names of series with
    the colour of those that match.
    """

    @property
    def unit(self) -> str:
        """Grafana's name of the unit."""

    @property
    def thresholds(self) -> tuple[tuple[str, float], ...]:
        """Colours by value."""

    @property
    def colors(self) -> tuple[tuple[str, str], ...]:
        """Colours by name."""

    @property
    def stacked(self) -> bool:
        """Whether each series begins where the one before ends."""


@dataclasses.dataclass(frozen=True)
class Box:
    """Where something is drawn, in pixels."""

    x: float
    y: float
    w: float
    h: float

    def inner(self, left: float, top: float, right: float, bottom: float) -> Box:
        """Return what margins leave of it."""
        return Box(self.x + left, self.y + top, self.w - left - right, self.h - top - bottom)


@dataclasses.dataclass(frozen=True)
class Named:
    """A series with what the legend calls it."""

    name: str
    points: tuple[tuple[float, float], ...]

    @property
    def last(self) -> float:
        """The newest value that is a number."""
        return next((value for _, value in reversed(self.points) if math.isfinite(value)), math.nan)


def threshold(look: Look, value: float) -> str:
    """Return the colour that a value has."""
    held = [color for color, start in look.thresholds if value >= start]
    return _NAMED[held[-1]] if held else INK


def timeseries(look: Look, series: Sequence[Named], box: Box, window: Window) -> list[str]:
    """Draw a line for each series, with axes and a legend; a missing value breaks its line."""
    if not series:
        return [text(box.x + box.w / 2, box.y + box.h / 2, "No data", fill=FAINT, text_anchor="middle")]
    colors = _colors(look, series)
    rows = _legend_rows(series, colors, box.w)
    plot = box.inner(54, 4, 8, 24 + 18 * len(rows))
    layers = _stacked(series) if look.stacked else [(item, tuple(0.0 for _ in item.points)) for item in series]
    tops = [value + below for item, under in layers for (_, value), below in zip(item.points, under, strict=True)]
    grid = units.ticks(max((top for top in tops if math.isfinite(top)), default=0.0), look.unit)
    parts = _axes(grid, look.unit, plot, window)
    for (item, under), color in zip(layers, colors, strict=True):
        parts += _layer(item, under, plot, window, grid[-1], color, stacked=look.stacked)
    return parts + _legend(rows, box, box.y + box.h - 18 * len(rows) + 8)


def bargauge(look: Look, series: Sequence[Named], box: Box) -> list[str]:
    """Draw a bar for each series, as long as its last value, the longest first."""
    rows = sorted(((item.last, item.name) for item in series), key=lambda row: -row[0])
    largest = max((value for value, _ in rows), default=0.0) or 1.0
    height = min(30.0, box.h / max(1, len(rows)))
    names = min(box.w * 0.5, max((width(name, 12) for _, name in rows), default=0.0) + 10)
    values = max((width(units.say(value, look.unit), 12.5) for value, _ in rows), default=0.0) + 10
    track = box.w - names - values
    parts = []
    for number, (value, name) in enumerate(rows):
        y = box.y + number * height
        color = threshold(look, value)
        bar = {"x": box.x + names, "y": y + 4, "height": height - 8, "rx": 2}
        parts.append(text(box.x, y + height / 2 + 4, cut(name, 12, names - 8)))
        parts.append(element("rect", width=track, fill="#eef1f4", **bar))
        parts.append(element("rect", width=max(1.0, track * value / largest), fill=color, fill_opacity=0.8, **bar))
        said = units.say(value, look.unit)
        parts.append(text(box.x + box.w, y + height / 2 + 4, said, fill=color, text_anchor="end", font_weight="600"))
    return parts


def sparkline(series: Named, box: Box, window: Window, color: str) -> list[str]:
    """Draw a line without axes."""
    values = [value for _, value in series.points if math.isfinite(value)]
    low, high = min(values, default=0.0), max(values, default=0.0)
    low -= 0.25 * (high - low)
    span = (high - low) or 1.0
    at = [
        (_across(time, box, window), box.y + box.h * (0.92 - 0.84 * ((value - low) / span if high > low else 0.5)))
        for time, value in series.points
        if math.isfinite(value)
    ]
    return [*_area(at, box.y + box.h, color, 0.12), _polyline(at, color, 1.2)]


def _stacked(series: Sequence[Named]) -> list[tuple[Named, tuple[float, ...]]]:
    """Return each series with what lies below it, at each of its points."""
    below: dict[float, float] = {}
    layers = []
    for item in series:
        under = tuple(below.get(time, 0.0) for time, _ in item.points)
        for time, value in item.points:
            below[time] = below.get(time, 0.0) + (value if math.isfinite(value) else 0.0)
        layers.append((item, under))
    return layers


def _layer(
    item: Named, under: tuple[float, ...], plot: Box, window: Window, top: float, color: str, *, stacked: bool
) -> list[str]:
    parts: list[str] = []

    def height(value: float) -> float:
        return plot.y + plot.h * (1 - value / top)

    for run in _runs(item, under, window):
        at = [(_across(time, plot, window), height(value + below)) for time, value, below in run]
        floor = [(_across(time, plot, window), height(below)) for time, _, below in reversed(run)]
        if stacked:
            parts.append(element("polygon", points=_points([*at, *floor]), fill=color, fill_opacity=0.35))
        parts.append(_polyline(at, color, 1.5))
    return parts


def _runs(item: Named, under: tuple[float, ...], window: Window) -> list[list[tuple[float, float, float]]]:
    """Split a series where values are missing: time, value and what lies below."""
    runs: list[list[tuple[float, float, float]]] = []
    before = -math.inf
    for (time, value), below in zip(item.points, under, strict=True):
        if not math.isfinite(value):
            continue
        if time - before > 1.5 * window.step:
            runs.append([])
        runs[-1].append((time, value, below))
        before = time
    return runs


def _axes(grid: tuple[float, ...], unit: str, plot: Box, window: Window) -> list[str]:
    parts = []
    for value in grid:
        y = plot.y + plot.h * (1 - value / grid[-1])
        parts.append(element("line", x1=plot.x, y1=y, x2=plot.x + plot.w, y2=y, stroke="#eaeef2"))
        parts.append(text(plot.x - 8, y + 4, units.say(value, unit), size=10.5, fill=MUTED, text_anchor="end"))
    for moment in _moments(window, plot.w):
        x = _across(moment, plot, window)
        parts.append(element("line", x1=x, y1=plot.y, x2=x, y2=plot.y + plot.h, stroke="#f0f3f6"))
        parts.append(text(x, plot.y + plot.h + 16, clock(moment), size=10.5, fill=MUTED, text_anchor="middle"))
    return parts


def _moments(window: Window, room: float) -> list[float]:
    """Return round times, some 70 pixels apart at least."""
    span = window.end - window.start
    steps = (15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)
    step = next((step for step in steps if span / step * 70 <= room), steps[-1])
    first = math.ceil(window.start / step) * step
    return [moment for moment in _range(first, window.end, step) if moment <= window.end]


def _range(first: float, end: float, step: float) -> list[float]:
    return [first + step * number for number in range(int((end - first) // step) + 1)]


def clock(moment: float) -> str:
    """Return a Unix time as a time of day, in UTC."""
    whole = datetime.datetime.fromtimestamp(moment, datetime.timezone.utc)
    return f"{whole:%H:%M:%S}" if whole.second else f"{whole:%H:%M}"


def _colors(look: Look, series: Sequence[Named]) -> list[str]:
    """Return a colour for each series: what its name asks for, a shade lighter each time, or the next of the list."""
    seen: collections.Counter[str] = collections.Counter()
    colors = []
    for number, item in enumerate(series):
        asked = next((color for name, color in look.colors if re.search(name, item.name)), "")
        colors.append(_shade(_NAMED[asked], seen[asked]) if asked else _LINES[number % len(_LINES)])
        seen[asked] += 1
    return colors


def _shade(color: str, number: int) -> str:
    """Return a colour mixed with white: a fifth more with each number, three fifths at most."""
    share = min(0.6, 0.2 * number)
    mixed = (round(int(color[place : place + 2], 16) * (1 - share) + 255 * share) for place in (1, 3, 5))
    return "#" + "".join(f"{value:02x}" for value in mixed)


def _legend_rows(series: Sequence[Named], colors: Sequence[str], room: float) -> list[list[tuple[str, str]]]:
    """Return the legend as at most two rows of name and colour; the last says how many there are beyond."""
    rows: list[list[tuple[str, str]]] = [[]]
    used = 0.0
    for number, item in enumerate(series):
        name = cut(item.name, 11, room / 2)
        wide = width(name, 11) + 28
        if used + wide > room and rows[-1]:
            if len(rows) == 2:
                rows[-1][-1] = (f"and {len(series) - number + 1} more", FAINT)
                break
            rows.append([])
            used = 0.0
        rows[-1].append((name, colors[number]))
        used += wide
    return rows


def _legend(rows: list[list[tuple[str, str]]], box: Box, y: float) -> list[str]:
    parts = []
    for number, row in enumerate(rows):
        x = box.x
        for name, color in row:
            parts.append(element("rect", x=x, y=y + 18 * number - 4, width=12, height=3, rx=1.5, fill=color))
            parts.append(text(x + 17, y + 18 * number, name, size=11, fill=MUTED))
            x += width(name, 11) + 28
    return parts


def _across(time: float, box: Box, window: Window) -> float:
    # Loki's points are at round times, the first of them before the start.
    share = (time - window.start) / ((window.end - window.start) or 1.0)
    return box.x + box.w * min(1.0, max(0.0, share))


def _points(at: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in at)


def _polyline(at: Sequence[tuple[float, float]], color: str, thick: float) -> str:
    return element(
        "polyline", points=_points(at), fill="none", stroke=color, stroke_width=thick, stroke_linejoin="round"
    )


def _area(at: Sequence[tuple[float, float]], floor: float, color: str, opacity: float) -> list[str]:
    if not at:
        return []
    closed = [(at[0][0], floor), *at, (at[-1][0], floor)]
    return [element("polygon", points=_points(closed), fill=color, fill_opacity=f"{opacity:g}")]
