"""Sources become dashboards as they say, and what they cannot mean is refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from dashboards import build, grafana

VARIABLES = {
    "datasource": {"label": "Metrics", "datasource": "prometheus"},
    "side": {"label": "Side", "choices": {"servers": "destination|waypoint", "clients": "source"}},
    "pod": {"label": "Pod", "query": "label_values(up, pod)"},
}
PANEL = {"title": "A", "type": "stat", "queries": [{"expr": "sum(<all>)"}]}
SOURCE: dict[str, Any] = {
    "title": "T",
    "description": "D",
    "variables": ["datasource", "side", "pod"],
    "fragments": {"all": 'rate(x{<mine>, side=~"$side"}[$__rate_interval])', "mine": 'pod=~"$pod"'},
    "rows": [{"height": 4, "panels": [PANEL]}],
}


def built(*panels: dict[str, Any], **changes: Any) -> Any:
    rows = [{"height": 4, "panels": [{**PANEL, **panel} for panel in panels or ({},)]}]
    return build.build(copy.deepcopy({**SOURCE, "rows": rows, **changes}), "t", VARIABLES)


def test_fragments_hold_fragments() -> None:
    (panel,) = built()["panels"]
    assert panel["targets"][0]["expr"] == 'sum(rate(x{pod=~"$pod", side=~"$side"}[$__rate_interval]))'


@pytest.mark.parametrize(
    ("panels", "widths"),
    [([{}], [24]), ([{}] * 5, [5, 5, 5, 5, 4]), ([{"width": 16}, {}], [16, 8]), ([{"width": 3}, {}, {}], [3, 11, 10])],
)
def test_panels_share_a_row(panels: list[dict[str, Any]], widths: list[int]) -> None:
    places = [panel["gridPos"] for panel in built(*panels)["panels"]]
    assert [place["w"] for place in places] == widths
    assert [place["x"] for place in places] == [sum(widths[:number]) for number in range(len(widths))]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fragments": {}}, "no fragment all"),
        ({"variables": ["datasource", "nobody"]}, "no nobody"),
        ({"colour": "red"}, "unknown colour"),
        ({"rows": [{"height": 4, "panels": [{**PANEL, "width": 20}]}]}, "24 columns"),
        ({"rows": [{"height": 4, "panels": [{**PANEL, "width": 25}]}]}, "24 columns"),
        ({"rows": [{"height": 4, "panels": [{**PANEL, "type": "pie"}]}]}, "no type pie"),
        ({"rows": [{"height": 4, "panels": [{**PANEL, "queries": [{"expr": "up", "legned": ""}]}]}]}, "unknown legned"),
    ],
)
def test_what_cannot_be_meant_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(build.BuildError, match=said):
        built(**changes)


def test_the_first_choice_is_chosen() -> None:
    side = built()["templating"]["list"][1]
    assert side["current"] == {"text": "servers", "value": "destination|waypoint"}
    assert [option["selected"] for option in side["options"]] == [True, False]


def test_short_pieces_stay_on_one_line() -> None:
    text = next(iter(build.dashboards().values()))
    assert '  "time": {"from": "now-1h", "to": "now"},\n' in text
    assert text.endswith("}\n")


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
