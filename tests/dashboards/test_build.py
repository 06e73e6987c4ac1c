"""Panels, rows and variables become what Grafana reads; what cannot be meant is an error."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from dashboards import build, grafana

if sys.version_info < build.PYTHON:
    pytest.skip("grafana-foundation-sdk needs Python 3.11", allow_module_level=True)

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards import queries
from dashboards.board import Board, row
from dashboards.datasources import LOGS, METRICS, Query
from dashboards.panels import Column, Levels, Opens, Over, bars, number, rows
from dashboards.variables import Ask, Choice, Search

SIDE = Choice("side", "Side", (("servers", "destination|waypoint"), ("clients", "source")))
LIMIT = Choice("limit", "Limit", (("1 %", "0.01"), ("5 %", "0.05")))


def written(panel: Any) -> Any:
    """Return a panel as it stands in a file."""
    return json.loads(json.dumps(panel.build(), cls=JSONEncoder))


def stat(**changes: Any) -> Any:
    return written(number("A", "What it is.", "up", Over.HIGHEST, **changes))


@pytest.mark.parametrize(
    ("count", "given", "widths"),
    [(1, (), [24]), (5, (), [5, 5, 5, 5, 4]), (2, (16, 8), [16, 8]), (3, (3, 11, 10), [3, 11, 10])],
)
def test_panels_share_a_row(count: int, given: tuple[int, ...], widths: list[int]) -> None:
    panels = row(4, *(number(f"{place}", "", "up", Over.MEAN) for place in range(count)), widths=given)
    assert [written(panel)["gridPos"]["w"] for panel in panels] == widths
    assert {written(panel)["gridPos"]["h"] for panel in panels} == {4}


def test_each_panel_of_a_row_has_a_width() -> None:
    with pytest.raises(ValueError, match="shorter"):
        row(4, number("A", "", "up", Over.MEAN), number("B", "", "up", Over.MEAN), widths=(24,))


def test_a_number_says_which_value_of_the_range_it_shows() -> None:
    panel = stat(unit="reqps")
    assert panel["description"] == "What it is. Highest value in the time range."
    assert panel["options"]["reduceOptions"]["calcs"] == ["max"]
    assert "transformations" not in panel


@pytest.mark.parametrize("source", [METRICS, LOGS])
def test_a_threshold_follows_its_variable_and_begins_with_its_default(source: Any) -> None:
    panel = stat(levels=Levels("green", (("orange", LIMIT), ("red", 1.0))), source=source)
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [(step["color"], step["value"]) for step in steps] == [("green", None), ("orange", 0.01), ("red", 1.0)]
    (value, limits) = panel["targets"]
    assert value["expr"] == "up"
    assert '"step_0", "-Infinity"' in limits["expr"]
    assert '"step_1", "$limit"' in limits["expr"]
    (step,) = panel["transformations"]
    assert step["options"]["configRefId"] == limits["refId"]
    colors = [item["handlerArguments"]["threshold"]["color"] for item in step["options"]["mappings"]]
    assert colors == ["green", "orange", "red"]


def test_thresholds_without_a_variable_need_no_query() -> None:
    panel = stat(levels=Levels("green", (("red", 1.0),)))
    assert len(panel["targets"]) == 1


def test_a_row_opens_a_dashboard_with_its_labels() -> None:
    opens = Opens("service", "Open", {"cluster": "cluster", "namespace": "ns"}, keeps=("reporter",))
    panel = written(rows("A", "", {"cluster": "Cluster"}, Column("Value", "up"), sort="Value", opens=opens))
    (link,) = panel["fieldConfig"]["defaults"]["links"]
    assert link["url"] == (
        "/d/xscaler-istio-service?${datasource:queryparam}&${reporter:queryparam}"
        "&var-cluster=${__data.fields.cluster}&var-namespace=${__data.fields.ns}&${__url_time_range}"
    )


def test_bars_of_logs_read_the_rows_of_one_table() -> None:
    # Loki's data source returns a table, whatever was asked for.
    def reads(source: Any) -> Any:
        return written(bars("A", "", Query("up", "{{pod}}"), source=source))["options"]["reduceOptions"]["values"]

    assert (reads(METRICS), reads(LOGS)) == (False, True)


def test_a_dashboard_has_its_variables_in_order() -> None:
    panels = row(4, number("A", "", "up", Over.MEAN))
    ask = Ask("pod", "Pod", "label_values(up, pod)")
    variables = (SIDE, ask, Search("search", "Contains"))
    board = Board(name="t", title="T", description="D", variables=variables, rows=(panels,))
    made = json.loads(json.dumps(board.built(), cls=JSONEncoder))
    side, pod, search = made["templating"]["list"][1:]
    assert side["current"] == {"text": "servers", "value": "destination|waypoint"}
    assert [option["selected"] for option in side["options"]] == [True, False]
    assert (pod["datasource"]["uid"], pod["query"]["query"]) == ("${datasource}", "label_values(up, pod)")
    assert search["type"] == "textbox"


def test_a_share_has_no_value_where_nothing_is_divided() -> None:
    expr = queries.share("a", "b", by="pod", above=LIMIT)
    assert expr == "(sum by (pod) (a) or 0 * sum by (pod) (b)) / (sum by (pod) (b) > $limit)"


def test_variables_are_filled_in_and_groups_of_expressions_are_not() -> None:
    values = {"pod": "a", "__rate_interval": "1m"}
    text = 'label_replace(rate(x{pod=~"${pod}", y=~"$pod-.+"}[$__rate_interval]), "c", "${1}xx$1", "code", "(.).*")'
    assert grafana.filled(text, values) == (
        'label_replace(rate(x{pod=~"a", y=~"a-.+"}[1m]), "c", "${1}xx$1", "code", "(.).*")'
    )
    with pytest.raises(KeyError):
        grafana.filled("$nobody", values)


def test_chosen_values_are_a_regular_expression() -> None:
    assert grafana.alternatives(("prod-1",)) == "prod-1"
    assert grafana.alternatives(("a.b", "c|d")) == r"(a\\.b|c\\|d)"
