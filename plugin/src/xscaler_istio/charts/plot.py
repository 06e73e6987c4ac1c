"""Lines over time, bars and placed texts as SVG, drawn by Vega-Lite: nothing is asked or looked up here.

The same values give the same bytes. Names of series are data for Vega-Lite, never expressions or markup.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
import re
from typing import TYPE_CHECKING, Any, Protocol

from xscaler_istio.charts import colors, units

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from xscaler_istio.wire.answers import Window

# The first is in the library, so that texts are measured alike on every machine.
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
MONOSPACED = "Liberation Mono, Menlo, Consolas, monospace"
_VERSION = "5.20"
# Names that a legend shows before it says how many more there are.
_SHOWN = 10
# About how wide a character of a label is, in pixels.
_DIGIT = 6.5
# About how wide a letter of a name beside a bar is, in pixels.
_LETTER = 6.7
_PLACED = {"type": "quantitative", "scale": None, "axis": None}
_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CONFIG = {
    "aria": False,
    "background": None,
    "font": FONT,
    "padding": 0,
    "view": {"stroke": None},
    "axis": {
        "domain": False,
        "ticks": False,
        "gridColor": colors.GRID,
        "labelColor": colors.MUTED,
        "labelFontSize": 10.5,
        "labelPadding": 8,
        "title": None,
    },
    "legend": {
        "orient": "bottom",
        "title": None,
        "labelColor": colors.MUTED,
        "labelFontSize": 11,
        "symbolType": "stroke",
        "symbolStrokeWidth": 3,
        "symbolSize": 120,
        "symbolOpacity": 1,
        "symbolLimit": _SHOWN,
        "offset": 6,
        "rowPadding": 3,
    },
}


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Label:
    """A line of text that begins, ends or is centred at a point, shortened to `room` pixels; 0 means no limit."""

    x: float
    y: float
    content: str
    size: float = 12
    fill: str = colors.INK
    bold: bool = False
    align: str = "left"
    room: float = 0
    font: str = FONT


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rectangle:
    """A filled rectangle with an edge."""

    box: Box
    fill: str
    edge: str = "transparent"
    radius: float = 0


def plain(content: str) -> str:
    """Return a text with `?` for what XML cannot hold, as terminals' colours."""
    return _FORBIDDEN.sub("?", content)


def clock(moment: float) -> str:
    """Return a Unix time as a time of day, in UTC."""
    whole = datetime.datetime.fromtimestamp(moment, datetime.timezone.utc)
    return f"{whole:%H:%M:%S}" if whole.second else f"{whole:%H:%M}"


def timeseries(look: Look, series: Sequence[Named], box: Box, window: Window) -> str:
    """Draw a line for each series, with axes and a legend; a missing value breaks its line."""
    if not series:
        nothing = Label(x=box.w / 2, y=box.h / 2, content="No data", fill=colors.FAINT, align="center")
        return canvas(box, texts=[nothing])
    grid, moments = units.ticks(_top(look, series), look.unit), _moments(window, box.w)
    encoding = {
        "x": {
            "field": "time",
            "type": "quantitative",
            "scale": {"domain": [window.start, max(window.end, window.start + 1)], "nice": False},
            "axis": _axis(moments, [clock(moment) for moment in moments]),
        },
        "y": {
            "field": "value",
            "type": "quantitative",
            "scale": {"domain": [0, grid[-1]], "nice": False},
            "axis": _axis(grid, [units.say(value, look.unit) for value in grid]),
            "stack": "zero" if look.stacked else None,
        },
        "color": {
            "field": "series",
            "type": "ordinal",
            "scale": {
                "domain": list(range(len(series))),
                "range": colors.chosen([item.name for item in series], look.colors),
            },
            "legend": _legend(series, box.w),
        },
        # The first series is the lowest.
        **({"order": {"field": "series", "sort": "ascending"}} if look.stacked else {}),
    }
    line = {"type": "line", "strokeWidth": 1.5, "strokeJoin": "round"}
    mark = {"type": "area", "opacity": 0.35, "line": {"strokeWidth": 1.5}} if look.stacked else line
    data = {"values": list(_rows(series, window))}
    return _svg({"data": data, "mark": mark, "encoding": encoding}, box)


def bargauge(look: Look, series: Sequence[Named], box: Box) -> str:
    """Draw a bar for each series, as long as its last value, the longest first."""
    ordered = sorted(series, key=lambda item: -item.last if math.isfinite(item.last) else math.inf)
    lengths = [item.last if math.isfinite(item.last) else 0.0 for item in ordered]
    values = [units.say(item.last, look.unit) for item in ordered]
    rows = [
        {"row": row, "length": length, "value": value, "color": colors.at(item.last, look.thresholds)}
        for row, (item, length, value) in enumerate(zip(ordered, lengths, values, strict=True))
    ]
    names = json.dumps([plain(item.name) for item in ordered])
    room = {"expr": f"width - {_DIGIT * (2 + max(map(len, values), default=0))}"}
    scale = {"domain": [0, max(lengths, default=0.0) or 1.0], "range": [0, room], "nice": False}
    bar = {"type": "bar", "cornerRadius": 2}
    filled = {"field": "color", "type": "nominal", "scale": None}
    # Beginning at the edge: where a reader's font is wider, a label that ends at its bar would lose its first letters.
    widest = min(box.w * 0.5, _LETTER * max(map(len, (item.name for item in ordered)), default=0))
    axis = {
        "grid": False,
        "labelExpr": f"{names}[datum.value]",
        "labelAlign": "left",
        "labelPadding": widest + 8,
        "labelLimit": widest,
        "labelFontSize": 12,
        "minExtent": widest + 8,
        "maxExtent": widest + 8,
    }
    spec = {
        "data": {"values": rows},
        "encoding": {
            "y": {
                "field": "row",
                "type": "ordinal",
                "axis": {**axis, "labelColor": colors.INK},
                "scale": {"paddingInner": 0.3, "paddingOuter": 0.15},
            }
        },
        "layer": [
            {"mark": {**bar, "color": colors.GRID, "x": 0, "x2": room}},
            {
                "mark": {**bar, "opacity": 0.8},
                "encoding": {
                    "x": {"field": "length", "type": "quantitative", "axis": None, "scale": scale, "stack": None},
                    "color": filled,
                },
            },
            {
                "mark": {"type": "text", "align": "right", "x": "width", "fontSize": 12.5, "fontWeight": "bold"},
                "encoding": {"text": {"field": "value"}, "color": filled},
            },
        ],
    }
    return _svg(spec, box)


def sparkline(series: Named, box: Box, color: str) -> str:
    """Draw a line without axes."""
    rows = [{"time": time, "value": value} for time, value in series.points if math.isfinite(value)]
    values = [row["value"] for row in rows]
    low, high = min(values, default=0.0), max(values, default=0.0)
    room = 0.25 * (high - low) or 1.0
    encoding = {
        "x": {"field": "time", "type": "quantitative", "axis": None, "scale": {"zero": False, "nice": False}},
        "y": {
            "field": "value",
            "type": "quantitative",
            "axis": None,
            "scale": {"domain": [low - room, high + room], "nice": False},
        },
    }
    layers = [
        {"mark": {"type": "area", "color": color, "opacity": 0.12}},
        {"mark": {"type": "line", "color": color, "strokeWidth": 1.2}},
    ]
    return _svg({"data": {"values": rows}, "encoding": encoding, "layer": layers}, box)


def canvas(box: Box, *, rectangles: Iterable[Rectangle] = (), texts: Iterable[Label] = ()) -> str:
    """Draw rectangles and texts where they are placed, measured from the upper left corner of the box."""
    boxes = [
        {
            "x": item.box.x,
            "x2": item.box.x + item.box.w,
            "y": item.box.y,
            "y2": item.box.y + item.box.h,
            "fill": item.fill,
            "edge": item.edge,
            "radius": item.radius,
        }
        for item in rectangles
    ]
    lines = [{**dataclasses.asdict(item), "content": plain(item.content)} for item in texts]
    layers = [
        {
            "data": {"values": boxes},
            "mark": {"type": "rect", "cornerRadius": {"expr": "datum.radius"}},
            "encoding": {
                **{side: {"field": side, **_PLACED} for side in ("x", "y")},
                **{side: {"field": side} for side in ("x2", "y2")},
                "fill": {"field": "fill", "type": "nominal", "scale": None},
                "stroke": {"field": "edge", "type": "nominal", "scale": None},
            },
        },
        {
            "data": {"values": lines},
            "mark": {
                "type": "text",
                "align": {"expr": "datum.align"},
                "baseline": "alphabetic",
                "limit": {"expr": "datum.room"},
                "font": {"expr": "datum.font"},
                "fontSize": {"expr": "datum.size"},
                "fontWeight": {"expr": "datum.bold ? 'bold' : 'normal'"},
            },
            "encoding": {
                **{side: {"field": side, **_PLACED} for side in ("x", "y")},
                "text": {"field": "content"},
                "color": {"field": "fill", "type": "nominal", "scale": None},
            },
        },
    ]
    return _svg({"layer": layers}, box)


def _svg(spec: dict[str, Any], box: Box) -> str:
    """Return an SVG element as large as the box, and at its place in a picture around it."""
    # Loads a JavaScript engine, which only a picture needs.
    import vl_convert

    drawn = vl_convert.vegalite_to_svg(
        {
            "config": _CONFIG,
            "width": box.w,
            "height": box.h,
            "autosize": {"type": "fit", "contains": "padding"},
            **spec,
        },
        vl_version=_VERSION,
        allowed_base_urls=[],
    )
    return drawn.replace("<svg ", f'<svg x="{box.x:g}" y="{box.y:g}" ', 1)


def _axis(values: Sequence[float], labels: Sequence[str]) -> dict[str, Any]:
    """Return an axis with labels at values that are evenly apart."""
    step = values[1] - values[0] if len(values) > 1 else 1
    return {"values": list(values), "labelExpr": f"{json.dumps(labels)}[round((datum.value - {values[0]}) / {step})]"}


def _legend(series: Sequence[Named], room: float) -> dict[str, Any]:
    names = [plain(item.name) for item in series]
    widest = min(room - 40, max(_DIGIT * len(name) for name in names[:_SHOWN]) + 30)
    return {
        "columns": max(1, int(room / widest)),
        # The entry in place of those beyond the limit has a label of words, the others their numbers.
        "labelExpr": f"isNaN(+datum.label) ? 'and {len(names) - _SHOWN + 1} more' : {json.dumps(names)}[+datum.label]",
        "labelLimit": room - 40,
    }


def _top(look: Look, series: Sequence[Named]) -> float:
    """Return the largest value, or the largest sum where series lie on each other."""
    tops: dict[float, float] = {}
    for item in series:
        for time, value in item.points:
            if math.isfinite(value):
                tops[time] = tops.get(time, 0.0) + value if look.stacked else max(tops.get(time, 0.0), value)
    return max(tops.values(), default=0.0)


def _rows(series: Sequence[Named], window: Window) -> Iterator[dict[str, float | None]]:
    """Return every point; one without a value where a series misses some."""
    for number, item in enumerate(series):
        before = math.inf
        for time, value in item.points:
            if not math.isfinite(value):
                continue
            if time - before > 1.5 * window.step:
                yield {"series": number, "time": before + window.step, "value": None}
            # Loki's points are at round times, the first of them before the start.
            yield {"series": number, "time": max(time, window.start), "value": value}
            before = time


def _moments(window: Window, room: float) -> list[float]:
    """Return round times, some 70 pixels apart at least; the start where none is in the window."""
    span = window.end - window.start
    steps = (1, 2, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)
    step = next((step for step in steps if span / step * 70 <= room), steps[-1])
    first = math.ceil(window.start / step) * step
    return [float(moment) for moment in range(first, math.floor(window.end) + 1, step)] or [window.start]
