"""Draws a dashboard as SVG: the layout from its JSON, the values from recorded answers to its own queries.

The same dashboard and answers give the same bytes. Panels are drawn by type, siblings of one shape, chosen by name.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import math
import statistics
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from xscaler_istio.charts import colors, plot, units
from xscaler_istio.charts.colors import BACK, CARD, EDGE, FAINT, GRID, INK, MUTED
from xscaler_istio.charts.plot import MONOSPACED, Box, Label, Named, Rectangle, canvas, clock, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dashboards.grafana import Dashboard, Panel, Target
    from xscaler_istio.wire.answers import LogLine, ValuesOverTime, Window

UNIT_WIDTH, UNIT_HEIGHT, GAP, MARGIN = 50, 34, 8, 12
_HEADER = 84
_LEVELS = {"error": "red", "fatal": "red", "warn": "orange", "info": "green", "debug": "blue"}


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
    whole = Box(0, 0, across, down)
    boxes = [(panel, _box(panel)) for panel in dashboard.panels]
    cards = [Rectangle(box=box, fill=CARD, edge=EDGE, radius=6) for _, box in boxes]
    titles = [
        Label(x=box.x + 12, y=box.y + 21, content=panel.title, size=13, bold=True, room=box.w - 24)
        for panel, box in boxes
    ]
    frame = canvas(
        whole,
        rectangles=[Rectangle(box=whole, fill=BACK), *cards],
        texts=[*_header(dashboard, recording, across), *titles],
    )
    inside = [
        _KINDS[panel.type](panel, recording.answers[panel.id], box.inner(12, 32, 12, 10), recording.window)
        for panel, box in boxes
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across} {down}" width="{across}" height="{down}">',
            f"<title>{escape(plain(dashboard.title))}</title>",
            f"<!-- dashboard {drawn_from} -->",
            f"<style>{colors.dark_style()}</style>",
            frame,
            *inside,
            "</svg>\n",
        ]
    )


def _header(dashboard: Dashboard, recording: Recording, across: float) -> list[Label]:
    start, end = (clock(moment) for moment in (recording.window.start, recording.window.end))
    chosen = " · ".join(f"{label}: {value}" if value else label for label, value in recording.chosen)
    return [
        Label(x=MARGIN + 6, y=34, content=dashboard.title, size=20, bold=True),
        Label(x=across - MARGIN - 6, y=34, content=f"{start} to {end} UTC", fill=MUTED, align="right"),
        Label(x=MARGIN + 6, y=62, content=chosen, fill=MUTED, room=across - 2 * MARGIN - 12),
    ]


def _box(panel: Panel) -> Box:
    """Return where a panel is, in pixels."""
    place = panel.place
    return Box(
        MARGIN + place.x * UNIT_WIDTH + GAP / 2,
        _HEADER + place.y * UNIT_HEIGHT + GAP / 2,
        place.w * UNIT_WIDTH - GAP,
        place.h * UNIT_HEIGHT - GAP,
    )


def _named(panel: Panel, answers: Answers) -> list[Named]:
    def name(target: Target, series: ValuesOverTime) -> str:
        return target.name(series.labels) or target.expr

    return [
        Named(name(target, series), series.points)
        for target, found in zip(panel.targets, answers.series, strict=True)
        for series in found
    ]


def _stat(panel: Panel, answers: Answers, box: Box, window: Window) -> str:  # noqa: ARG001 - one shape
    series = _named(panel, answers)
    value = _CALCULATIONS[panel.calculation](series[0]) if series else math.nan
    color = colors.at(value, panel.thresholds)
    words = units.say(value, panel.unit)
    size = min(32.0, box.w / (0.6 * len(words)))
    number = Label(x=box.w / 2, y=box.h * 0.5 - 2, content=words, size=size, fill=color, bold=True, align="center")
    line = ""
    if series and len(series[0].points) > 1:
        line = plot.sparkline(series[0], box.inner(-11.5, box.h * 0.62, -11.5, -9.5), color)
    return line + canvas(box, texts=[number])


def _finite(series: Named) -> list[float]:
    return [value for _, value in series.points if math.isfinite(value)] or [math.nan]


# What a stat panel shows of a series, by Grafana's names.
_CALCULATIONS: Mapping[str, Callable[[Named], float]] = {
    "lastNotNull": lambda series: series.last,
    "mean": lambda series: statistics.fmean(_finite(series)),
    "max": lambda series: max(_finite(series)),
    "min": lambda series: min(_finite(series)),
}


def _table(panel: Panel, answers: Answers, box: Box, window: Window) -> str:  # noqa: ARG001 - one shape
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
    rows = [
        [*key, *(units.say(cells[key].get(column.title, math.nan), column.unit) for column in values)] for key in shown
    ]
    edges = _edges(panel, len(labels), rows, box)
    texts = _row([column.title for column in panel.columns], len(labels), edges, 16, MUTED, bold=True)
    for number, row in enumerate(rows, 1):
        texts += _row(row, len(labels), edges, 24 * number + 17, INK)
    if len(shown) < len(ordered):
        more = f"and {len(ordered) - len(shown)} more"
        texts.append(Label(x=0, y=24 * (len(shown) + 1) + 17, content=more, fill=FAINT))
    lines = [Rectangle(box=Box(0, 24, box.w, 1), fill=EDGE)]
    lines += [Rectangle(box=Box(0, 24 * (number + 2), box.w, 1), fill=GRID) for number in range(len(shown))]
    return canvas(box, rectangles=lines, texts=texts)


def _row(
    cells: Sequence[str], labels: int, edges: Sequence[float], y: float, fill: str, *, bold: bool = False
) -> list[Label]:
    """Return the texts of a row: labels at the left of their columns, values at the right."""
    return [
        Label(x=left, y=y, content=cell, fill=fill, bold=bold, room=right - left - 10)
        if place < labels
        else Label(x=right - 10, y=y, content=cell, fill=fill, bold=bold, align="right", room=right - left - 10)
        for place, (cell, left, right) in enumerate(zip(cells, edges, edges[1:], strict=False))
    ]


def _edges(panel: Panel, labels: int, rows: Sequence[Sequence[str]], box: Box) -> list[float]:
    """Return the edges of columns: labels share by their lengths what values leave."""
    values = len(panel.columns) - labels
    each = min(110.0, box.w * 0.6 / max(1, values))
    lengths = [
        max(len(cell) for cell in (panel.columns[place].title, *(row[place] for row in rows)))
        for place in range(labels)
    ]
    share = (box.w - each * values) / (sum(lengths) or 1)
    return list(itertools.accumulate([*(share * length for length in lengths), *[each] * values], initial=0.0))


def _logs(panel: Panel, answers: Answers, box: Box, window: Window) -> str:  # noqa: ARG001 - one shape
    shown = answers.lines[: int(box.h // 18)]
    levels = [colors.NAMED.get(_LEVELS.get(line.labels.get("level", ""), ""), FAINT) for line in shown]
    marks = [Rectangle(box=Box(0, 18 * number + 1, 3, 15), fill=color, radius=1) for number, color in enumerate(levels)]
    texts = [
        Label(
            x=10,
            y=18 * number + 13,
            content=f"{clock(line.time)}  {' '.join(line.text.split())}",
            size=10.5,
            room=box.w - 14,
            font=MONOSPACED,
        )
        for number, line in enumerate(shown)
    ]
    return canvas(box, rectangles=marks, texts=texts)


def _timeseries(panel: Panel, answers: Answers, box: Box, window: Window) -> str:
    return plot.timeseries(panel, _named(panel, answers), box, window)


def _bargauge(panel: Panel, answers: Answers, box: Box, window: Window) -> str:  # noqa: ARG001 - one shape
    return plot.bargauge(panel, _named(panel, answers), box)


_KINDS: Mapping[str, Callable[[Panel, Answers, Box, Window], str]] = {
    "stat": _stat,
    "timeseries": _timeseries,
    "bargauge": _bargauge,
    "table": _table,
    "logs": _logs,
}
