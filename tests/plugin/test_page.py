"""Report pages: one file that loads nothing, whatever the texts in it are."""

from __future__ import annotations

import datetime
import math
import re
from html.parser import HTMLParser

import pytest

from xscaler_istio.charts import page, plot
from xscaler_istio.charts.page import Chart
from xscaler_istio.charts.plot import Box, Named
from xscaler_istio.findings.findings import KubeContext, Problem
from xscaler_istio.live import report
from xscaler_istio.live.about import AboutRelease
from xscaler_istio.live.steps import Step
from xscaler_istio.wire.answers import Window

NASTY = "<script src='https://x'>alert('&')</script>\"]]>"
VOID = {"meta", "wbr"}


class Reader(HTMLParser):
    """Collects what a browser would see, and what is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(text: str) -> Reader:
    """Return what a page holds, and assert that it is whole and alone."""
    reader = Reader(text)
    assert reader.open == []
    assert {"script", "link", "img", "iframe", "object", "base"} & {tag for tag, _ in reader.tags} == set()
    for tag, attributes in reader.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "href", "xlink:href")], tag
    assert re.findall(r"url\(|@import", text) == []
    (policy,) = [a["content"] for tag, a in reader.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    return reader


@pytest.mark.parametrize("name", [NASTY, "", "x" * 400, "日本 😀", "\x1b[31mred\x00\ufffe"])
def test_a_page_is_whole_and_alone_whatever_is_in_it(name: str) -> None:
    series = (Named(name, ((0.0, 1.0), (5.0, math.nan), (10.0, 3.0))), Named("b", ()))
    lines = Chart(title=name, unit="short", series=series, window=Window(0, 10, 5))
    bars = Chart(title=name, unit="ms", series=series, thresholds=(("blue", 0.0),))
    parts = [
        page.details([(name, name)]),
        page.facts([(name, name)]),
        page.section(name, page.card(page.paragraph(name, "not"))),
        page.table([(name, "")], (name, "b")),
        page.charts(
            [
                lines,
                bars,
                Chart(title="none", unit="short", series=(), window=Window(0, 10, 5)),
                Chart(title="none", unit="short", series=()),
            ]
        ),
    ]
    reader = read(page.page(name, ok=False, verdict=name, parts=parts))
    assert [tag for tag, _ in reader.tags].count("svg") == 4
    assert "prefers-color-scheme:dark" in "".join(reader.texts)
    if name == NASTY:
        assert NASTY in reader.texts


@pytest.mark.parametrize("width", [120, 540])
def test_a_label_beside_a_bar_begins_at_the_edge(width: int) -> None:
    # One that ended at its bar would lose its first letters where the reader's font is wider.
    names = ["details", "reviews-v2-with-a-very-long-name-of-a-workload"]
    series = [Named(name, ((0.0, 1.0),)) for name in names]
    chart = Chart(title="t", unit="short", series=tuple(series))
    svg = plot.bargauge(chart, series, Box(0, 0, width, 60))
    labels = re.findall(r'<text text-anchor="(\w+)" transform="translate\((-?[\d.]+),[^>]*>([^<1]+)</text>', svg)
    assert [(anchor, name[:4]) for anchor, _, name in labels] == [("start", "deta"), ("start", "revi")]
    group = re.search(r'<g fill="none"[^>]*translate\(([\d.]+),0\)', svg)
    assert group
    assert {x for _, x, _ in labels} == {f"-{group[1]}"}


def test_a_query_breaks_after_a_bracket_and_a_comma() -> None:
    head = ("question", "PromQL")
    text = page.table([("a(b", f'sum(rate(x{{a=~"b,c"}}[1m])) > {NASTY}')], head, "PromQL")
    assert "<td>a(b</td>" in text
    assert "<td><code>sum(<wbr>rate(<wbr>x{<wbr>a=~&quot;b,<wbr>c&quot;}[1m])) &gt; &lt;script" in text
    assert "<script" not in text


def test_of_a_release() -> None:
    steps = [
        Step(name="collector", facts=(NASTY,), problems=(Problem(NASTY, "fix it"),), seconds=2.0),
        Step(name="series", skipped="no token"),
        Step(name="helm test", facts=("all pods succeeded",)),
    ]
    subject = AboutRelease(
        date=datetime.datetime(2026, 11, 29, tzinfo=datetime.timezone.utc),
        release=NASTY,
        namespace=NASTY,
        cluster=KubeContext(NASTY, NASTY),
        chart_version="0.1.0",
        plugin_version="0.1.0",
        collector=NASTY,
        changed=((NASTY, NASTY),),
    )
    reader = read(report.as_html(subject, steps))
    assert "1 of 3 steps failed" in reader.texts
    assert {NASTY, "fix: fix it", "FAILED, 2 s", "skipped: no token, 0 s", "ok, 0 s"} <= set(reader.texts)


@pytest.mark.parametrize("width", [120, 540])
@pytest.mark.parametrize("seconds", [0, 0.5, 3, 13, 70, 4000])
@pytest.mark.parametrize("start", [1_000_000_001.0, 1_000_000_014.9])
def test_a_chart_of_a_short_time_has_an_axis(start: float, seconds: float, width: float) -> None:
    window = Window(start=start, end=start + seconds, step=1)
    chart = Chart(title="t", unit="short", series=(Named("a", ((start, 1.0),)),), window=window)
    svg = plot.timeseries(chart, chart.series, Box(0, 0, width, 200), window)
    assert re.search(r">\d\d:\d\d(:\d\d)?<", svg)
