"""Reports as one HTML file that loads nothing: style and pictures are in it, and every text is escaped."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from xscaler_istio.charts import plot
from xscaler_istio.charts.plot import Box
from xscaler_istio.charts.svg import FONT, cut, element, plain, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from xscaler_istio.charts.plot import Named
    from xscaler_istio.wire.answers import Window

_WIDTH, _HEIGHT, _ROW = 580, 272, 22
_STYLE = f"""
body {{ margin: 0; background: {plot.BACK}; color: {plot.INK}; font: 14px/1.5 {FONT}; }}
main {{ max-width: 1184px; margin: 0 auto; padding: 24px 16px; }}
h1 {{ font-size: 22px; margin: 0; }} h2 {{ font-size: 16px; margin: 28px 0 8px; }}
.ok {{ color: #1a7f43; }} .not {{ color: #c11f31; }} .muted {{ color: {plot.MUTED}; }}
.facts {{ display: flex; flex-wrap: wrap; gap: 8px; margin: 16px 0; }}
.facts div, section, table {{ background: {plot.CARD}; border: 1px solid {plot.EDGE}; border-radius: 6px; }}
.facts div {{ padding: 8px 16px; }} .facts b {{ display: block; font-size: 20px; }}
section {{ padding: 8px 16px; margin: 8px 0; }} section p {{ margin: 4px 0; }}
.charts {{ display: flex; flex-wrap: wrap; gap: 8px; }} .charts svg {{ max-width: 100%; height: auto; }}
table {{ border-collapse: collapse; width: 100%; }}
td, th {{ padding: 4px 12px; text-align: left; vertical-align: top; }}
tr + tr td {{ border-top: 1px solid {plot.EDGE}; }} code {{ font-size: 12.5px; overflow-wrap: anywhere; }}
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chart:
    """A picture with a title; `unit`, `thresholds`, `colors` and `stacked` as of plot.Look.

    Lines over `window`, or without one bars.
    """

    title: str
    unit: str
    series: tuple[Named, ...]
    window: Window | None = None
    thresholds: tuple[tuple[str, float], ...] = ()
    colors: tuple[tuple[str, str], ...] = ()
    stacked: bool = False


def drawn(chart: Chart) -> str:
    """Return a chart as an SVG element, which stands in a page or in a file of its own."""
    height = _HEIGHT if chart.window else 52 + _ROW * max(1, len(chart.series))
    box = Box(0, 0, _WIDTH, height).inner(12, 36, 12, 10)
    inside = (
        plot.timeseries(chart, chart.series, box, chart.window)
        if chart.window
        else plot.bargauge(chart, chart.series, box)
    )
    return element(
        "svg",
        element("title", plain(chart.title)),
        element("rect", x=0.5, y=0.5, width=_WIDTH - 1, height=height - 1, rx=6, fill=plot.CARD, stroke=plot.EDGE),
        text(12, 22, cut(chart.title, 13, _WIDTH - 24), size=13, font_weight="600"),
        *inside,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_WIDTH} {height}",
        width=_WIDTH,
        height=height,
        font_family=FONT,
    )


def charts(drawn_charts: Sequence[Chart]) -> str:
    """Return charts beside and below each other."""
    return element("div", *map(drawn, drawn_charts), class_="charts")


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Return what each number is called, and the number, in large letters."""
    cards = [element("div", element("b", plain(value)), plain(name)) for name, value in pairs]
    return element("div", *cards, class_="facts")


def table(rows: Iterable[Sequence[str]], head: Sequence[str]) -> str:
    """Return rows of texts under a head."""
    first = element("tr", *(element("th", plain(cell)) for cell in head))
    rest = [element("tr", *(element("td", plain(cell), "") for cell in row)) for row in rows]
    return element("table", first, *rest)


def paragraph(words: str, kind: str = "") -> str:
    """Return a text; `kind` is one of ok, not and muted."""
    return element("p", plain(words), **({"class": kind} if kind else {}))


def section(title: str, *parts: str) -> str:
    """Return a part of the page under a title."""
    return element("h2", plain(title)) + "".join(parts)


def card(*parts: str) -> str:
    """Return what belongs together."""
    return element("section", *parts)


def page(title: str, *, ok: bool, said: str, parts: Iterable[str]) -> str:
    """Return the whole file; `said` is the verdict in words."""
    head = element("meta", charset="utf-8") + element("meta", name="viewport", content="width=device-width")
    # Nothing is to be loaded, whatever a text of the report holds.
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head += element("meta", http_equiv="Content-Security-Policy", content=policy)
    head += element("title", plain(title)) + element("style", _STYLE)
    main = element(
        "main",
        element("h1", plain(title)),
        paragraph(said, "ok" if ok else "not"),
        *parts,
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{main}</body></html>\n'
