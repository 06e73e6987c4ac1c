"""Relabelling: the documented actions, and agreement with the second implementation that the chart's tests have."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import relabel as second
from xscaler_istio.rendered.relabeling import RelabelRule, relabel

LABELS = {"__name__": "istio_requests_total", "a": "x", "b": "Y", "le": "10"}

CASES = [
    (RelabelRule(action="keep", source_labels=("a",), regex="x|y"), LABELS),
    (RelabelRule(action="keep", source_labels=("a",), regex="y"), None),
    (RelabelRule(action="drop", source_labels=("a", "b"), regex="x;Y"), None),
    (RelabelRule(source_labels=("a", "b"), target_label="c"), LABELS | {"c": "x;Y"}),
    (
        RelabelRule(source_labels=("a",), regex="x", target_label="b", replacement=""),
        {"__name__": "istio_requests_total"},
    ),
    (RelabelRule(action="keepequal", source_labels=("a",), target_label="b"), None),
    (RelabelRule(action="dropequal", source_labels=("a",), target_label="b"), LABELS),
    (RelabelRule(action="labeldrop", regex="a|b|le"), {"__name__": "istio_requests_total"}),
    (RelabelRule(action="labelkeep", regex="__name__|le"), {"__name__": "istio_requests_total", "le": "10"}),
    (RelabelRule(action="labelmap", regex="(a)", replacement="copy_$1"), LABELS | {"copy_a": "x"}),
    (RelabelRule(action="lowercase", source_labels=("b",), target_label="b"), LABELS | {"b": "y"}),
    (RelabelRule(action="uppercase", source_labels=("a",), target_label="a"), LABELS | {"a": "X"}),
]


@pytest.mark.parametrize(
    ("rule", "expected"), CASES, ids=[f"{number}-{case[0].action}" for number, case in enumerate(CASES)]
)
def test_actions(rule: RelabelRule, expected: dict[str, str] | None) -> None:
    if expected == {"__name__": "istio_requests_total"} and rule.action == "replace":
        expected = {name: value for name, value in LABELS.items() if name != "b"}
    assert relabel(LABELS, [rule]) == expected


def test_a_target_has_one_shard() -> None:
    # The sum that Prometheus' own test of hashmod has: MD5 of "baz", modulo 1000.
    rule = RelabelRule(action="hashmod", source_labels=("c",), target_label="d", modulus=1000)
    assert relabel({"a": "foo", "b": "bar", "c": "baz"}, [rule]) == {"a": "foo", "b": "bar", "c": "baz", "d": "976"}


words = st.text("ab1.;", max_size=3)
rules = st.fixed_dictionaries(
    {
        "source_labels": st.lists(st.sampled_from(["a", "b", "c"]), max_size=2),
        "regex": st.sampled_from(["a", "(a*)", "(.+);(.*)", "(.*)", ".+", "b|"]),
        "action": st.sampled_from(sorted(second._ACTIONS)),
        "target_label": st.sampled_from(["a", "c"]),
        "modulus": st.integers(1, 5),
        "separator": st.sampled_from([";", "", "@"]),
        "replacement": st.sampled_from(["", "$1", "${1}x", "$1x", "$2"]),
    }
)


@given(labels=st.dictionaries(st.sampled_from(["a", "b", "c"]), words), written=st.lists(rules, max_size=4))
def test_both_implementations_agree(labels: dict[str, str], written: list[dict[str, object]]) -> None:
    assert relabel(labels, [RelabelRule.of(rule) for rule in written]) == second.relabel(labels, written)


@pytest.mark.parametrize("regex", [r"\pL+", "[[:alpha:]]+", r"a\z", r"\Qa\E"])
def test_an_expression_that_only_go_understands_is_refused(regex: str) -> None:
    with pytest.raises(re.error):
        relabel(LABELS, [RelabelRule(action="keep", source_labels=("a",), regex=regex)])
