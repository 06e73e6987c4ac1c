"""Draws a dashboard as SVG: the layout from its JSON, the values from recorded answers to its own queries.

The same dashboard and answers give the same bytes. Panels are drawn by type, siblings of one shape, chosen by name.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import hashlib
import math
import re
from typing import TYPE_CHECKING

from dashboards import units
from dashboards.svg import FONT, MONOSPACED, cut, element, plain, text, width

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dashboards.grafana import Dashboard, Panel, Target
    from xscaler_istio.local.xscaler.server import LogLine, Series, Window

UNIT_WIDTH, UNIT_HEIGHT, GAP, MARGIN = 50, 34, 8, 12
_HEADER = 84
_INK, _MUTED, _FAINT, _EDGE, _BACK, _CARD = "#24292f", "#57606a", "#8c959f", "#d8dee4", "#f3f5f7", "#ffffff"
_LINES = ("#2f6fd6", "#e8820c", "#2f9e5b", "#a347ba", "#d6303f", "#0e9aa7", "#b08900", "#7a5af5", "#c2477f", "#64748b")
_NAMED = {"green": "#2f9e5b", "orange": "#e8820c", "red": "#d6303f", "blue": "#2f6fd6"}
_LEVELS = {"error": "#d6303f", "fatal": "#d6303f", "warn": "#e8820c", "info": "#2f9e5b", "debug": "#2f6fd6"}


@dataclasses.dataclass(frozen=True)
class Answers:
    """What the queries of one panel gave: the series of each target, in the targets' order, or lines."""

    series: tuple[tuple[Series, ...], ...] = ()
    lines: tuple[LogLine, ...] = ()


@dataclasses.dataclass(frozen=True)
class Recording:
    """Answers by the panel's id, the time that they are of, and what was chosen: label and value, in order."""

    answers: Mapping[int, Answers]
    window: Window
    chosen: tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True)
class _Box:
    """Where something is drawn, in pixels."""

    x: float
    y: float
    w: float
    h: float

    def inner(self, left: float, top: float, right: float, bottom: float) -> _Box:
        return _Box(self.x + left, self.y + top, self.w - left - right, self.h - top - bottom)


@dataclasses.dataclass(frozen=True)
class _Named:
    """A series with what the legend calls it."""

    name: str
    points: tuple[tuple[float, float], ...]

    @property
    def last(self) -> float:
        """The newest value that is a number."""
        return next((value for _, value in reversed(self.points) if math.isfinite(value)), math.nan)


def digest(content: bytes) -> str:
    """Return what a picture says of the dashboard that it was drawn from."""
    return hashlib.sha256(content).hexdigest()[:16]


def draw(dashboard: Dashboard, recording: Recording, drawn_from: str) -> str:
    """Return the picture; `drawn_from` is the digest of the dashboard's file."""
    across = 24 * UNIT_WIDTH + 2 * MARGIN
    down = _HEADER + max(panel.place.y + panel.place.h for panel in dashboard.panels) * UNIT_HEIGHT + MARGIN
    parts = [
        element("title", plain(dashboard.title)),
        f"<!-- dashboard {drawn_from} -->",
        element("rect", width=across, height=down, fill=_BACK),
        *_header(dashboard, recording, across),
    ]
    for panel in dashboard.panels:
        parts.append(_card(panel, recording))
    inside = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across} {down}" width="{across}" height="{down}" '
        f'font-family="{FONT}">\n{inside}\n</svg>\n'
    )


def _header(dashboard: Dashboard, recording: Recording, across: float) -> list[str]:
    start, end = (_clock(moment) for moment in (recording.window.start, recording.window.end))
    parts = [
        text(MARGIN + 6, 34, dashboard.title, size=20, font_weight="600"),
        text(across - MARGIN - 6, 34, f"{start} to {end} UTC", fill=_MUTED, text_anchor="end"),
    ]
    x = float(MARGIN + 6)
    for label, value in recording.chosen:
        said = cut(value or "", 12, 260)
        room = [width(label, 12) + 16, width(said, 12) + 16]
        parts.append(element("rect", x=x, y=48, width=sum(room), height=24, rx=4, fill=_CARD, stroke=_EDGE))
        parts.append(element("rect", x=x + 0.5, y=48.5, width=room[0], height=23, rx=4, fill="#eaeef2"))
        parts.append(text(x + 8, 64, label, fill=_MUTED))
        parts.append(text(x + room[0] + 8, 64, said))
        x += sum(room) + 10
    return parts


def _card(panel: Panel, recording: Recording) -> str:
    place = panel.place
    outer = _Box(
        MARGIN + place.x * UNIT_WIDTH + GAP / 2,
        _HEADER + place.y * UNIT_HEIGHT + GAP / 2,
        place.w * UNIT_WIDTH - GAP,
        place.h * UNIT_HEIGHT - GAP,
    )
    title = text(outer.x + 12, outer.y + 21, cut(panel.title, 13, outer.w - 24), size=13, font_weight="600")
    frame = element("rect", x=outer.x, y=outer.y, width=outer.w, height=outer.h, rx=6, fill=_CARD, stroke=_EDGE)
    inside = _KINDS[panel.type](panel, recording.answers[panel.id], outer.inner(12, 32, 12, 10), recording.window)
    return element("g", frame, title, *inside)


def _named(panel: Panel, answers: Answers) -> list[_Named]:
    def name(target: Target, series: Series) -> str:
        return target.name(series.labels) or target.expr

    return [
        _Named(name(target, series), series.points)
        for target, found in zip(panel.targets, answers.series, strict=True)
        for series in found
    ]


def _threshold(panel: Panel, value: float) -> str:
    held = [color for color, start in panel.thresholds if value >= start]
    return _NAMED[held[-1]] if held else _INK


def _stat(panel: Panel, answers: Answers, box: _Box, window: Window) -> list[str]:
    series = _named(panel, answers)
    value = series[0].last if series else math.nan
    color = _threshold(panel, value)
    said = units.say(value, panel.unit)
    size = min(32.0, 32.0 * box.w / max(1.0, width(said, 32)))
    parts = []
    if series and len(series[0].points) > 1:
        lower = box.inner(-11.5, box.h * 0.62, -11.5, -9.5)
        parts = _sparkline(series[0], lower, window, color)
    number = text(box.x + box.w / 2, box.y + box.h * 0.5 - 2, said, size=size, fill=color, **_CENTERED)
    return [*parts, number]


_CENTERED = {"text_anchor": "middle", "font_weight": "600"}


def _sparkline(series: _Named, box: _Box, window: Window, color: str) -> list[str]:
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


def _timeseries(panel: Panel, answers: Answers, box: _Box, window: Window) -> list[str]:
    series = _named(panel, answers)
    if not series:
        return [text(box.x + box.w / 2, box.y + box.h / 2, "No data", fill=_FAINT, text_anchor="middle")]
    colors = _colors(panel, series)
    rows = _legend_rows(series, colors, box.w)
    plot = box.inner(54, 4, 8, 24 + 18 * len(rows))
    layers = _stacked(series) if panel.stacked else [(item, tuple(0.0 for _ in item.points)) for item in series]
    tops = [value + below for item, under in layers for (_, value), below in zip(item.points, under, strict=True)]
    grid = units.ticks(max((top for top in tops if math.isfinite(top)), default=0.0), panel.unit)
    parts = _axes(grid, panel.unit, plot, window)
    for (item, under), color in zip(layers, colors, strict=True):
        parts += _layer(item, under, plot, window, grid[-1], color, stacked=panel.stacked)
    return parts + _legend(rows, box, box.y + box.h - 18 * len(rows) + 8)


def _stacked(series: Sequence[_Named]) -> list[tuple[_Named, tuple[float, ...]]]:
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
    item: _Named, under: tuple[float, ...], plot: _Box, window: Window, top: float, color: str, *, stacked: bool
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


def _runs(item: _Named, under: tuple[float, ...], window: Window) -> list[list[tuple[float, float, float]]]:
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


def _axes(grid: tuple[float, ...], unit: str, plot: _Box, window: Window) -> list[str]:
    parts = []
    for value in grid:
        y = plot.y + plot.h * (1 - value / grid[-1])
        parts.append(element("line", x1=plot.x, y1=y, x2=plot.x + plot.w, y2=y, stroke="#eaeef2"))
        parts.append(text(plot.x - 8, y + 4, units.say(value, unit), size=10.5, fill=_MUTED, text_anchor="end"))
    for moment in _moments(window, plot.w):
        x = _across(moment, plot, window)
        parts.append(element("line", x1=x, y1=plot.y, x2=x, y2=plot.y + plot.h, stroke="#f0f3f6"))
        parts.append(text(x, plot.y + plot.h + 16, _clock(moment), size=10.5, fill=_MUTED, text_anchor="middle"))
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


def _clock(moment: float) -> str:
    whole = datetime.datetime.fromtimestamp(moment, datetime.timezone.utc)
    return f"{whole:%H:%M:%S}" if whole.second else f"{whole:%H:%M}"


def _colors(panel: Panel, series: Sequence[_Named]) -> list[str]:
    """Return a colour for each series: what its name asks for, a shade lighter each time, or the next of the list."""
    seen: collections.Counter[str] = collections.Counter()
    colors = []
    for number, item in enumerate(series):
        asked = next((color for name, color in panel.colors if re.search(name, item.name)), "")
        colors.append(_shade(_NAMED[asked], seen[asked]) if asked else _LINES[number % len(_LINES)])
        seen[asked] += 1
    return colors


def _shade(color: str, number: int) -> str:
    """Return a colour mixed with white: a fifth more with each number, three fifths at most."""
    share = min(0.6, 0.2 * number)
    mixed = (round(int(color[place : place + 2], 16) * (1 - share) + 255 * share) for place in (1, 3, 5))
    return "#" + "".join(f"{value:02x}" for value in mixed)


def _legend_rows(series: Sequence[_Named], colors: Sequence[str], room: float) -> list[list[tuple[str, str]]]:
    """Return the legend as at most two rows of name and colour; the last says how many there are beyond."""
    rows: list[list[tuple[str, str]]] = [[]]
    used = 0.0
    for number, item in enumerate(series):
        name = cut(item.name, 11, room / 2)
        wide = width(name, 11) + 28
        if used + wide > room and rows[-1]:
            if len(rows) == 2:
                rows[-1][-1] = (f"and {len(series) - number + 1} more", _FAINT)
                break
            rows.append([])
            used = 0.0
        rows[-1].append((name, colors[number]))
        used += wide
    return rows


def _legend(rows: list[list[tuple[str, str]]], box: _Box, y: float) -> list[str]:
    parts = []
    for number, row in enumerate(rows):
        x = box.x
        for name, color in row:
            parts.append(element("rect", x=x, y=y + 18 * number - 4, width=12, height=3, rx=1.5, fill=color))
            parts.append(text(x + 17, y + 18 * number, name, size=11, fill=_MUTED))
            x += width(name, 11) + 28
    return parts


def _bargauge(panel: Panel, answers: Answers, box: _Box, window: Window) -> list[str]:  # noqa: ARG001 - one shape
    rows = sorted(((item.last, item.name) for item in _named(panel, answers)), key=lambda row: -row[0])
    largest = max((value for value, _ in rows), default=0.0) or 1.0
    height = min(30.0, box.h / max(1, len(rows)))
    names = min(box.w * 0.5, max((width(name, 12) for _, name in rows), default=0.0) + 10)
    values = max((width(units.say(value, panel.unit), 12.5) for value, _ in rows), default=0.0) + 10
    track = box.w - names - values
    parts = []
    for number, (value, name) in enumerate(rows):
        y = box.y + number * height
        color = _threshold(panel, value)
        bar = {"x": box.x + names, "y": y + 4, "height": height - 8, "rx": 2}
        parts.append(text(box.x, y + height / 2 + 4, cut(name, 12, names - 8)))
        parts.append(element("rect", width=track, fill="#eef1f4", **bar))
        parts.append(element("rect", width=max(1.0, track * value / largest), fill=color, fill_opacity=0.8, **bar))
        said = units.say(value, panel.unit)
        parts.append(text(box.x + box.w, y + height / 2 + 4, said, fill=color, text_anchor="end", font_weight="600"))
    return parts


def _table(panel: Panel, answers: Answers, box: _Box, window: Window) -> list[str]:  # noqa: ARG001 - one shape
    labels = [column for column in panel.columns if not column.field.startswith("Value")]
    values = panel.columns[len(labels) :]
    cells: dict[tuple[str, ...], dict[str, float]] = {}
    for column, found in zip(values, answers.series, strict=True):
        for series in found:
            key = tuple(series.labels.get(label.field, "") for label in labels)
            cells.setdefault(key, {})[column.title] = series.points[-1][1]
    title, descending = panel.sort
    ordered = sorted(sorted(cells), key=lambda key: cells[key].get(title, math.nan), reverse=descending)
    room = int((box.h - 26) // 24)
    shown = ordered if len(ordered) <= room else ordered[: room - 1]
    lefts = _lefts(panel, labels, shown, box)
    parts = _table_head(panel, lefts, box)
    for number, key in enumerate(shown):
        y = box.y + 24 * (number + 1)
        parts.append(element("line", x1=box.x, y1=y + 24, x2=box.x + box.w, y2=y + 24, stroke="#eef1f4"))
        for place, content in enumerate(key):
            parts.append(text(lefts[place], y + 17, cut(content, 12, lefts[place + 1] - lefts[place] - 10)))
        for place, column in enumerate(values, len(key)):
            said = units.say(cells[key].get(column.title, math.nan), column.unit)
            parts.append(text(lefts[place + 1] - 10, y + 17, said, text_anchor="end"))
    if len(shown) < len(ordered):
        y = box.y + 24 * (len(shown) + 1) + 17
        parts.append(text(box.x, y, f"and {len(ordered) - len(shown)} more", fill=_FAINT))
    return parts


def _lefts(panel: Panel, labels: Sequence[object], rows: Sequence[tuple[str, ...]], box: _Box) -> list[float]:
    """Return where columns begin, and the right edge: labels share by their contents what values leave."""
    values = len(panel.columns) - len(labels)
    each = min(110.0, box.w * 0.6 / max(1, values))
    wanted = [
        max(width(panel.columns[place].title, 12), *(width(row[place], 12) for row in rows or [("",) * len(labels)]))
        for place in range(len(labels))
    ]
    share = (box.w - each * values) / (sum(wanted) or 1)
    widths = [share * wide for wide in wanted] + [each] * values
    lefts = [box.x]
    for wide in widths:
        lefts.append(lefts[-1] + wide)
    return lefts


def _table_head(panel: Panel, lefts: list[float], box: _Box) -> list[str]:
    parts = [element("line", x1=box.x, y1=box.y + 24, x2=box.x + box.w, y2=box.y + 24, stroke=_EDGE)]
    for place, column in enumerate(panel.columns):
        right = column.field.startswith("Value")
        x, anchor = (lefts[place + 1] - 10, "end") if right else (lefts[place], "start")
        parts.append(text(x, box.y + 16, column.title, fill=_MUTED, font_weight="600", text_anchor=anchor))
    return parts


def _logs(panel: Panel, answers: Answers, box: _Box, window: Window) -> list[str]:  # noqa: ARG001 - one shape
    parts = []
    for number, line in enumerate(answers.lines[: int(box.h // 18)]):
        y = box.y + 18 * number
        color = _LEVELS.get(line.labels.get("level", ""), _FAINT)
        said = f"{_clock(line.time)}  {' '.join(line.text.split())}"
        parts.append(element("rect", x=box.x, y=y + 1, width=3, height=15, rx=1, fill=color))
        shortened = cut(said, 10.5, box.w - 14, monospaced=True)
        parts.append(text(box.x + 10, y + 13, shortened, size=10.5, font_family=MONOSPACED))
    return parts


_KINDS: Mapping[str, Callable[[Panel, Answers, _Box, Window], list[str]]] = {
    "stat": _stat,
    "timeseries": _timeseries,
    "bargauge": _bargauge,
    "table": _table,
    "logs": _logs,
}


def _across(time: float, box: _Box, window: Window) -> float:
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
