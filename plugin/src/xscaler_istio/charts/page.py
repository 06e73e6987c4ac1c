"""Reports as one HTML file that loads nothing: style and pictures are in it, and every text is escaped.

The file has no script: its policy admits none, so that no text of a report can become one. Where the reader's system
is dark, style and pictures are too.
"""

from __future__ import annotations

import dataclasses
import re
from html import escape
from typing import TYPE_CHECKING

from xscaler_istio.charts import colors, plot
from xscaler_istio.charts.plot import Box, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from xscaler_istio.charts.plot import Named
    from xscaler_istio.wire.answers import Window

_WIDTH, _HEIGHT, _ROW = 540, 232, 22
_LIGHT = {
    "ink": colors.INK,
    "muted": colors.MUTED,
    "edge": colors.EDGE,
    "back": colors.BACK,
    "card": colors.CARD,
    "ok": "#1a7f43",
    "not": "#c11f31",
}
_DARK = {name: colors.DARK.get(color, color) for name, color in _LIGHT.items()} | {"ok": "#3fb950", "not": "#ff7b72"}
_STYLE = """
body { margin: 0; background: var(--back); color: var(--ink); font: 14px/1.5 system-ui, "Segoe UI", sans-serif; }
main { max-width: 1168px; margin: 0 auto; padding: 24px 16px; }
h1 { font-size: 22px; margin: 0; } h2 { font-size: 16px; margin: 28px 0 8px; }
p { overflow-wrap: anywhere; }
.ok { color: var(--ok); } .not { color: var(--not); } .muted { color: var(--muted); }
.verdict { font-size: 16px; font-weight: 600; margin: 4px 0 16px; }
.facts { display: flex; flex-wrap: wrap; gap: 8px; margin: 16px 0; }
.facts div, section, figure, .table { background: var(--card); border: 1px solid var(--edge); border-radius: 6px; }
.facts div { padding: 8px 16px; } .facts b { display: block; font-size: 20px; }
section { padding: 8px 16px; margin: 8px 0; } section p { margin: 4px 0; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 540px), 1fr)); gap: 8px; }
figure { margin: 0; padding: 12px; overflow-x: auto; } figcaption { font-weight: 600; margin-bottom: 8px; }
figure svg { display: block; width: 100%; height: auto; min-width: 480px; max-width: 600px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 0; }
dt { color: var(--muted); } dd { margin: 0; overflow-wrap: anywhere; }
.table { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
td, th { padding: 4px 12px; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
td:first-child { min-width: 14em; } code { font: 12px/1.5 ui-monospace, Menlo, Consolas, monospace; }
tr + tr td { border-top: 1px solid var(--edge); }
@media (max-width: 600px) {
  main { padding: 16px 8px; } dl { grid-template-columns: 1fr; } dd { margin-bottom: 6px; }
  th { display: none; } td { display: block; padding: 2px 12px; } tr + tr td + td { border: 0; }
  td:first-child { min-width: 0; } td + td { color: var(--muted); }
}
@media print { figure, section, tr { break-inside: avoid; } }
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


def charts(drawn: Iterable[Chart]) -> str:
    """Return charts beside and below each other."""
    figures = (_element("figure", _element("figcaption", _text(chart.title)), _picture(chart)) for chart in drawn)
    return _element("div", *figures, kind="charts")


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Return what each number is called, and the number, in large letters."""
    cards = (_element("div", _element("b", _text(value)), _text(name)) for name, value in pairs)
    return _element("div", *cards, kind="facts")


def details(pairs: Iterable[tuple[str, str]]) -> str:
    """Return names and what they stand for."""
    rows = (_element("dt", _text(name)) + _element("dd", _text(value)) for name, value in pairs)
    return card(_element("dl", *rows))


def table(rows: Iterable[Sequence[str]], head: Sequence[str], queries: str = "") -> str:
    """Return rows of texts under a head; `queries` is the head of a column of PromQL."""
    lines = [_element("tr", *(_element("th", _text(cell)) for cell in head))]
    for row in rows:
        cells = (_query(cell) if name == queries else _text(cell) for name, cell in zip(head, row, strict=True))
        lines.append(_element("tr", *(_element("td", cell) for cell in cells)))
    return _element("div", _element("table", *lines), kind="table")


def paragraph(words: str, kind: str = "") -> str:
    """Return a text; `kind` is one of ok, not and muted."""
    return _element("p", _text(words), kind=kind)


def section(title: str, *parts: str) -> str:
    """Return a part of the page under a title."""
    return _element("h2", _text(title)) + "".join(parts)


def card(*parts: str) -> str:
    """Return what belongs together."""
    return _element("section", *parts)


def page(title: str, *, ok: bool, verdict: str, parts: Iterable[str]) -> str:
    """Return the whole file."""
    body = [
        _element("h1", _text(title)),
        _element("p", _text(verdict), kind=f"verdict {'ok' if ok else 'not'}"),
        *parts,
    ]
    # Nothing is loaded and nothing runs, whatever a text of the report holds.
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{_text(title)}</title><style>{_style()}</style></head>\n"
        f"<body>{_element('main', *body)}</body></html>\n"
    )


def _style() -> str:
    light, dark = (";".join(f"--{name}:{color}" for name, color in found.items()) for found in (_LIGHT, _DARK))
    return (
        f":root{{color-scheme:light dark;{light}}}\n"
        f"@media(prefers-color-scheme:dark){{:root{{{dark}}}}}\n{colors.dark_style()}{_STYLE}"
    )


def _picture(chart: Chart) -> str:
    if chart.window:
        return plot.timeseries(chart, chart.series, Box(0, 0, _WIDTH, _HEIGHT), chart.window)
    return plot.bargauge(chart, chart.series, Box(0, 0, _WIDTH, _ROW * max(1, len(chart.series)) + 8))


def _query(words: str) -> str:
    """Return a query in a font of fixed width, which breaks after an opening bracket or a comma."""
    parts = re.split(r"(?<=[({,])", words)
    return _element("code", "<wbr>".join(map(_text, parts)))


def _text(words: str) -> str:
    return escape(plain(words))


def _element(name: str, *children: str, kind: str = "") -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f"<{name}{attribute}>{''.join(children)}</{name}>"
