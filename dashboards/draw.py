"""Draws a dashboard as SVG: the layout from its JSON, the values from recorded answers to its own queries.

The same dashboard and answers give the same bytes. Panels are drawn by type, siblings of one shape, chosen by name.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from typing import TYPE_CHECKING

from xscaler_istio.charts import plot, units
from xscaler_istio.charts.plot import BACK, CARD, EDGE, FAINT, MUTED, Box, Named, clock, sparkline, threshold
from xscaler_istio.charts.svg import FONT, MONOSPACED, cut, element, plain, text, width

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dashboards.grafana import Dashboard, Panel, Target
    from xscaler_istio.wire.answers import LogLine, ValuesOverTime, Window

UNIT_WIDTH, UNIT_HEIGHT, GAP, MARGIN = 50, 34, 8, 12
_HEADER = 84
_LEVELS = {"error": "#d6303f", "fatal": "#d6303f", "warn": "#e8820c", "info": "#2f9e5b", "debug": "#2f6fd6"}


@dataclasses.dataclass(frozen=True)
class Answers:
    """What the queries of one panel gave: the series of each target, in the targets' order, or lines."""

    series: tuple[tuple[ValuesOverTime, ...], ...] = ()
    lines: tuple[LogLine, ...] = ()


@dataclasses.dataclass(frozen=True)
class Recording:
    """Answers by the panel's id, the time that they are of, and what was chosen: label and value, in order."""

    answers: Mapping[int, Answers]
    window: Window
    chosen: tuple[tuple[str, str], ...]


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
        element("rect", width=across, height=down, fill=BACK),
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
    start, end = (clock(moment) for moment in (recording.window.start, recording.window.end))
    parts = [
        text(MARGIN + 6, 34, dashboard.title, size=20, font_weight="600"),
        text(across - MARGIN - 6, 34, f"{start} to {end} UTC", fill=MUTED, text_anchor="end"),
    ]
    x = float(MARGIN + 6)
    for label, value in recording.chosen:
        said = cut(value or "", 12, 260)
        room = [width(label, 12) + 16, width(said, 12) + 16]
        parts.append(element("rect", x=x, y=48, width=sum(room), height=24, rx=4, fill=CARD, stroke=EDGE))
        parts.append(element("rect", x=x + 0.5, y=48.5, width=room[0], height=23, rx=4, fill="#eaeef2"))
        parts.append(text(x + 8, 64, label, fill=MUTED))
        parts.append(text(x + room[0] + 8, 64, said))
        x += sum(room) + 10
    return parts


def _card(panel: Panel, recording: Recording) -> str:
    place = panel.place
    outer = Box(
        MARGIN + place.x * UNIT_WIDTH + GAP / 2,
        _HEADER + place.y * UNIT_HEIGHT + GAP / 2,
        place.w * UNIT_WIDTH - GAP,
        place.h * UNIT_HEIGHT - GAP,
    )
    title = text(outer.x + 12, outer.y + 21, cut(panel.title, 13, outer.w - 24), size=13, font_weight="600")
    frame = element("rect", x=outer.x, y=outer.y, width=outer.w, height=outer.h, rx=6, fill=CARD, stroke=EDGE)
    inside = _KINDS[panel.type](panel, recording.answers[panel.id], outer.inner(12, 32, 12, 10), recording.window)
    return element("g", frame, title, *inside)


def _named(panel: Panel, answers: Answers) -> list[Named]:
    def name(target: Target, series: ValuesOverTime) -> str:
        return target.name(series.labels) or target.expr

    return [
        Named(name(target, series), series.points)
        for target, found in zip(panel.targets, answers.series, strict=True)
        for series in found
    ]


def _stat(panel: Panel, answers: Answers, box: Box, window: Window) -> list[str]:
    series = _named(panel, answers)
    value = series[0].last if series else math.nan
    color = threshold(panel, value)
    said = units.say(value, panel.unit)
    size = min(32.0, 32.0 * box.w / max(1.0, width(said, 32)))
    parts = []
    if series and len(series[0].points) > 1:
        lower = box.inner(-11.5, box.h * 0.62, -11.5, -9.5)
        parts = sparkline(series[0], lower, window, color)
    number = text(box.x + box.w / 2, box.y + box.h * 0.5 - 2, said, size=size, fill=color, **_CENTERED)
    return [*parts, number]


_CENTERED = {"text_anchor": "middle", "font_weight": "600"}


def _table(panel: Panel, answers: Answers, box: Box, window: Window) -> list[str]:  # noqa: ARG001 - one shape
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
        parts.append(text(box.x, y, f"and {len(ordered) - len(shown)} more", fill=FAINT))
    return parts


def _lefts(panel: Panel, labels: Sequence[object], rows: Sequence[tuple[str, ...]], box: Box) -> list[float]:
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


def _table_head(panel: Panel, lefts: list[float], box: Box) -> list[str]:
    parts = [element("line", x1=box.x, y1=box.y + 24, x2=box.x + box.w, y2=box.y + 24, stroke=EDGE)]
    for place, column in enumerate(panel.columns):
        right = column.field.startswith("Value")
        x, anchor = (lefts[place + 1] - 10, "end") if right else (lefts[place], "start")
        parts.append(text(x, box.y + 16, column.title, fill=MUTED, font_weight="600", text_anchor=anchor))
    return parts


def _logs(panel: Panel, answers: Answers, box: Box, window: Window) -> list[str]:  # noqa: ARG001 - one shape
    parts = []
    for number, line in enumerate(answers.lines[: int(box.h // 18)]):
        y = box.y + 18 * number
        color = _LEVELS.get(line.labels.get("level", ""), FAINT)
        said = f"{clock(line.time)}  {' '.join(line.text.split())}"
        parts.append(element("rect", x=box.x, y=y + 1, width=3, height=15, rx=1, fill=color))
        shortened = cut(said, 10.5, box.w - 14, monospaced=True)
        parts.append(text(box.x + 10, y + 13, shortened, size=10.5, font_family=MONOSPACED))
    return parts


def _timeseries(panel: Panel, answers: Answers, box: Box, window: Window) -> list[str]:
    return plot.timeseries(panel, _named(panel, answers), box, window)


def _bargauge(panel: Panel, answers: Answers, box: Box, window: Window) -> list[str]:  # noqa: ARG001 - one shape
    return plot.bargauge(panel, _named(panel, answers), box)


_KINDS: Mapping[str, Callable[[Panel, Answers, Box, Window], list[str]]] = {
    "stat": _stat,
    "timeseries": _timeseries,
    "bargauge": _bargauge,
    "table": _table,
    "logs": _logs,
}
