"""Pictures: well-formed whatever series are called, all of it inside, the same bytes for the same answers."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.draw import Answers, Recording, draw
from dashboards.grafana import Column, Dashboard, GridPos, Panel, Target
from xscaler_istio.charts import units
from xscaler_istio.wire.answers import LogLine, ValuesOverTime, Window

if TYPE_CHECKING:
    from collections.abc import Mapping

WINDOW = Window(0, 300, 5)
SVG = "{http://www.w3.org/2000/svg}"
NASTY = "<script>alert('&')</script>\"]]>"


def panel(kind: str, number: int = 1, **changes: object) -> Panel:
    place = GridPos(h=8, w=12, x=0, y=8 * (number - 1))
    made = Panel(
        id=number,
        type=kind,
        title=kind,
        description="",
        place=place,
        datasource="prometheus",
        targets=(Target("A", "up", "{{name}}", instant=False),),
        unit="short",
        thresholds=(("green", -math.inf), ("red", 10.0)),
        stacked=False,
        colors=(),
        columns=(),
        sort=("Value", True),
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def series(name: str, *values: float) -> ValuesOverTime:
    return ValuesOverTime({"name": name}, tuple((5.0 * number, value) for number, value in enumerate(values)))


def picture(answers: Mapping[int, Answers], *panels: Panel) -> str:
    dashboard = Dashboard(uid="uid", title=f"Title {NASTY}", description="", panels=panels, variables=())
    return draw(dashboard, Recording(answers, WINDOW, (("Cluster", NASTY),)), "0123")


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314 - our own


def elements(text: str, name: str) -> list[ElementTree.Element]:
    return list(parsed(text).iter(f"{SVG}{name}"))


def texts(text: str) -> list[str]:
    return [element.text or "" for element in elements(text, "text")]


TABLE = panel("table", 4, columns=(Column("name", "Name", "short"), Column("Value", "Value", "reqps")))
EVERY = (panel("stat"), panel("timeseries", 2), panel("bargauge", 3), TABLE, panel("logs", 5))


def every(name: str) -> dict[int, Answers]:
    found = {number: Answers(((series(name, 1, 2, 30),),)) for number in (1, 2, 3, 4)}
    return found | {5: Answers(lines=(LogLine({"level": "error"}, 100.0, name),))}


@pytest.mark.parametrize("name", [NASTY, "x" * 500, "", "日本 😀", "\x1b[31mred\x00\ufffe"])
def test_every_kind_is_well_formed_whatever_series_are_called(name: str) -> None:
    text = picture(every(name), *EVERY)
    assert elements(text, "script") == []
    assert {"stat", "timeseries", "bargauge", "table", "logs"} <= set(texts(text))
    assert f"Title {NASTY}" in texts(text)


def test_the_same_answers_give_the_same_bytes() -> None:
    assert picture(every("a"), *EVERY) == picture(every("a"), *EVERY)
    assert picture(every("a"), *EVERY) != picture(every("b"), *EVERY)


def lines(text: str) -> list[ElementTree.Element]:
    """Return the lines of series, by their width."""
    return [found for found in elements(text, "path") if found.attrib.get("stroke-width") == "1.5"]


def points(path: ElementTree.Element) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", path.attrib["d"])]


def boxes(text: str) -> list[tuple[float, float, float, float]]:
    """Return left, top, right and bottom of each chart in a picture."""
    found = []
    for chart in [element for element in elements(text, "svg") if "x" in element.attrib]:
        x, y, width, height = (float(chart.attrib[name]) for name in ("x", "y", "width", "height"))
        found.append((x, y, x + width, y + height))
    return found


def test_all_of_it_is_inside() -> None:
    text = picture(every("a" * 40), *EVERY)
    width, height = (float(parsed(text).attrib[side]) for side in ("width", "height"))
    assert len(boxes(text)) > len(EVERY)
    for left, top, right, bottom in boxes(text):
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height


def test_it_refers_to_nothing() -> None:
    assert re.findall(r"url\(|href=\"|id=\"|@import", picture(every("a"), *EVERY)) == []


def test_every_color_has_a_dark_twin() -> None:
    text = picture(every("a"), *EVERY)
    (style,) = [element.text or "" for element in elements(text, "style")]
    assert style.startswith("@media(prefers-color-scheme:dark)")
    drawn = set(re.findall(r'(?:fill|stroke)="(#\w+)"', text))
    assert drawn
    for color in drawn:
        assert f"[fill='{color}']" in style, color


def test_a_missing_value_breaks_the_line() -> None:
    answers = {1: Answers(((series("a", 1, 2, math.nan, 4, 5),),))}
    (line,) = lines(picture(answers, panel("timeseries")))
    assert line.attrib["d"].count("M") == 2


def test_a_missing_sample_breaks_the_line() -> None:
    found = ValuesOverTime({"name": "a"}, ((0.0, 1), (5.0, 2), (50.0, 3), (55.0, 4)))
    (line,) = lines(picture({1: Answers(((found,),))}, panel("timeseries")))
    assert line.attrib["d"].count("M") == 2


def test_the_line_is_as_high_as_the_value() -> None:
    text = picture({1: Answers(((series("a", 0, 50, 100),),))}, panel("timeseries"))
    (line,) = lines(text)
    low, middle, high = (y for _, y in points(line))
    assert low > middle > high
    assert math.isclose(low - middle, middle - high, abs_tol=0.2)


def test_stacked_series_lie_on_each_other() -> None:
    answers = {1: Answers(((series("a", 10, 10), series("b", 30, 30)),))}
    text = picture(answers, panel("timeseries", stacked=True))
    areas = [found for found in elements(text, "path") if found.attrib.get("opacity") == "0.35"]
    (bottom, middle), (upper, top) = (sorted({y for _, y in points(area)}, reverse=True) for area in areas)
    # The lower edge of the second is the upper edge of the first.
    assert upper == middle
    assert math.isclose(middle - top, 3 * (bottom - middle), abs_tol=0.3)


def test_series_of_one_name_are_lines_of_their_own() -> None:
    answers = {1: Answers(((series("a", 1, 1), series("a", 2, 2)),))}
    assert len(lines(picture(answers, panel("timeseries")))) == 2


def test_a_legend_says_what_it_leaves_out() -> None:
    answers = {1: Answers((tuple(series(f"name-{number}", 1, 2) for number in range(14)),))}
    text = picture(answers, panel("timeseries"))
    named = [words for words in texts(text) if words.startswith("name-")]
    assert f"and {14 - len(named)} more" in texts(text)


def test_colors_follow_names_and_thresholds() -> None:
    colors = (("^2", "green"), ("^5", "red"))
    answers = {1: Answers(((series("200", 1, 1), series("204", 1, 1), series("503", 1, 1)),))}
    strokes = [line.attrib["stroke"] for line in lines(picture(answers, panel("timeseries", colors=colors)))]
    assert strokes == ["#2f9e5b", "#59b17c", "#d6303f"]
    shown = {value: picture({1: Answers(((series("a", value),),))}, panel("stat")) for value in (9, 10)}
    assert 'fill="#2f9e5b"' in shown[9]
    assert 'fill="#d6303f"' in shown[10]


@pytest.mark.parametrize(("calculation", "shown"), [("max", "9"), ("min", "1"), ("mean", "4"), ("lastNotNull", "2")])
def test_a_number_is_of_the_time_range(calculation: str, shown: str) -> None:
    answers = {1: Answers(((series("a", 1, math.nan, 9, 2),),))}
    assert shown in texts(picture(answers, panel("stat", calculation=calculation)))


def test_a_table_is_in_order_and_says_what_it_leaves_out() -> None:
    rows = tuple(series(f"row-{number:02}", number) for number in range(30))
    text = picture({4: Answers((rows,))}, TABLE)
    named = [said for said in texts(text) if said.startswith("row-")]
    assert named == sorted(named, reverse=True)
    assert named[0] == "row-29"
    assert f"and {30 - len(named)} more" in texts(text)


def test_nothing_is_said_to_be_nothing() -> None:
    assert "No data" in texts(picture({1: Answers(((),))}, panel("timeseries")))
    assert "-" in texts(picture({1: Answers(((),))}, panel("stat")))


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.9954, "percentunit", "99.5%"),
        (12.345, "reqps", "12.3 req/s"),
        (0, "reqps", "0 req/s"),
        (0.25, "suffix:pushes/s", "0.25 pushes/s"),
        (0, "suffix:NACK/s", "0 NACK/s"),
        (2224, "short", "2224"),
        (123_456, "short", "123 K"),
        (244.2, "ms", "244 ms"),
        (1500, "ms", "1.5 s"),
        (0.0225, "s", "22.5 ms"),
        (90, "s", "1.5 min"),
        (17_000_000, "bytes", "16.2 MiB"),
        (2400, "Bps", "2.4 kB/s"),
        (86_400, "dtdurations", "24 hours"),
        (30 * 86_400, "dtdurations", "30 days"),
        (math.nan, "ms", "-"),
    ],
)
def test_values_in_words(value: float, unit: str, said: str) -> None:
    assert units.say(value, unit) == said


@given(st.floats(1e-9, 1e15), st.sampled_from(["short", "bytes", "ms"]))
def test_ticks_reach_the_top_in_few_even_steps(top: float, unit: str) -> None:
    found = units.ticks(top, unit)
    assert found[0] == 0
    assert found[-1] >= top * (1 - 1e-6)
    assert found[-2] < top * (1 + 1e-6)
    assert 2 <= len(found) <= 6
    assert all(math.isclose(tick, found[1] * number) for number, tick in enumerate(found))


def test_ticks_of_bytes_are_binary() -> None:
    assert units.ticks(7_600_000, "bytes")[1] == 2 * 2**20
    assert re.fullmatch(r"\d+ MiB", units.say(units.ticks(7_600_000, "bytes")[1], "bytes"))
