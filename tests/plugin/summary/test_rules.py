"""Rules in words: every rule is said, and only once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xscaler_istio.rendered.relabeling import RelabelRule
from xscaler_istio.rendered.words import alternatives, condition
from xscaler_istio.summary.rules import metric_facts, target_facts

CONTAINER, APP = "__meta_kubernetes_pod_container_name", "__meta_kubernetes_pod_label_app"


@pytest.mark.parametrize(
    ("regex", "expected"),
    [
        ("a|b", ("a", "b")),
        ("a_(x|y)|b", ("a_(x|y)", "b")),
        ("[|]|b", ("[|]", "b")),
        (r"a\|b|c", (r"a\|b", "c")),
        (r"[\]|]|b", (r"[\]|]", "b")),
        ("", ("",)),
    ],
)
def test_alternatives_of_an_expression(regex: str, expected: tuple[str, ...]) -> None:
    assert alternatives(regex) == expected


@pytest.mark.parametrize(
    ("rule", "holds", "expected"),
    [
        (RelabelRule(action="keep", source_labels=(CONTAINER,), regex="istio-proxy"), True, "container is istio-proxy"),
        (RelabelRule(action="drop", source_labels=(APP,), regex="ztunnel"), False, "label app is not ztunnel"),
        (
            RelabelRule(action="keep", source_labels=(CONTAINER, APP), regex="discovery;istiod"),
            True,
            "container is discovery and label app is istiod",
        ),
        (
            RelabelRule(action="drop", source_labels=(CONTAINER, APP), regex="a;b"),
            False,
            "not: container is a and label app is b",
        ),
        (RelabelRule(action="keep", source_labels=("__meta_kubernetes_pod_ip",), regex=".+"), True, "pod IP is set"),
        (
            RelabelRule(action="drop", source_labels=("__meta_kubernetes_namespace",), regex="pay-.*"),
            False,
            "namespace does not match pay-.*",
        ),
        (
            RelabelRule(action="keep", source_labels=("__meta_kubernetes_namespace",), regex="a|b"),
            True,
            "namespace is a or b",
        ),
        (
            RelabelRule(action="drop", source_labels=("__meta_kubernetes_namespace",), regex="a|b"),
            False,
            "not: namespace is a or b",
        ),
        (RelabelRule(action="drop", source_labels=(APP,), regex=" and .*"), False, "label app does not match  and .*"),
        (
            RelabelRule(action="drop", source_labels=(CONTAINER, APP), regex="(a;)?b"),
            False,
            "container and label app do not match (a;)?b",
        ),
        (
            RelabelRule(
                action="drop", source_labels=("__meta_kubernetes_pod_annotation_xscaler_io_scrape",), regex="false"
            ),
            False,
            "annotation xscaler.io/scrape is not false",
        ),
        (
            RelabelRule(action="keep", source_labels=(CONTAINER, APP), regex="(a;)?b"),
            True,
            "container and label app match (a;)?b",
        ),
    ],
)
def test_conditions(rule: RelabelRule, holds: bool, expected: str) -> None:
    assert condition(rule, holds=holds) == expected


def test_each_target_rule_is_said_by_one_fact() -> None:
    rules = (
        RelabelRule(action="keep", source_labels=(CONTAINER,), regex="istio-proxy"),
        RelabelRule(target_label="__tmp_port", replacement="15020"),
        RelabelRule(source_labels=("__tmp_port", "__meta_kubernetes_pod_ip"), regex=r"(\d+);(.+)",
                    target_label="__address__", replacement="$2:$1"),
        RelabelRule(target_label="job", replacement="integrations/istio"),
        RelabelRule(source_labels=("__meta_kubernetes_namespace",), target_label="namespace"),
        RelabelRule(action="hashmod", source_labels=("__address__",), target_label="__tmp_shard", modulus=3),
        RelabelRule(action="keep", source_labels=("__tmp_shard",), regex="0"),
        RelabelRule(action="labelmap", regex="__meta_kubernetes_pod_label_(.+)"),
    )  # fmt: skip
    said = {fact.name: fact.values for fact in target_facts(rules, "/metrics")}
    assert said == {
        "targets": ("container is istio-proxy",),
        "port": ("15020",),
        "address": ("pod IP:port/metrics",),
        "shared": ("among 3 collectors, by address",),
        "labels": ("job=integrations/istio", "namespace"),
        "further rules": ("action: labelmap, regex: __meta_kubernetes_pod_label_(.+)",),
    }


def test_each_metric_rule_is_said_by_one_fact() -> None:
    rules = (
        RelabelRule(action="keep", source_labels=("__name__",), regex="a|b_(x|y)"),
        RelabelRule(action="drop", source_labels=("__name__",), regex="c"),
        RelabelRule(action="drop", source_labels=("__name__", "le"), regex=r"b_bucket;(0\.5|1800000|1\.8e\+06)(\.0)?"),
        RelabelRule(action="drop", source_labels=("__name__", "le"), regex=r"b_bucket;1\d+"),
        RelabelRule(source_labels=("__name__", "source_app"), regex="istio_.*;.+",
                    target_label="source_app", replacement=""),
        RelabelRule(source_labels=("le",), regex=r"(\d+)\.0", target_label="le"),
        RelabelRule(action="drop", source_labels=("response_code",), regex="404"),
    )  # fmt: skip
    said = {fact.name: fact.values for fact in metric_facts(rules)}
    assert said == {
        "keep expressions": ("a", "b_(x|y)"),
        "drop expressions": ("c",),
        "dropped buckets": ("b_bucket: le 0.5, 1800000",),
        "emptied labels": ("source_app of istio_.*",),
        "numbers": ("le and quantile written without exponent or trailing zeros",),
        "further rules": (
            r"action: drop, source_labels: [__name__, le], regex: b_bucket;1\d+",
            "action: drop, source_labels: [response_code], regex: 404",
        ),
    }


anything = st.text(st.sampled_from("ab|()[]\\;$1{}.*+?^-:"), max_size=12)
drawn = st.builds(
    RelabelRule,
    action=st.sampled_from(["replace", "keep", "drop", "hashmod", "labelmap", "labeldrop", "lowercase"]),
    source_labels=st.lists(st.sampled_from(["__name__", "le", CONTAINER, APP, "__tmp_port", "x"]), max_size=3).map(
        tuple
    ),
    regex=anything,
    target_label=st.sampled_from(["", "le", "app", "__tmp_port", "__tmp_shard", "__address__"]),
    replacement=anything,
)


@given(rules=st.lists(drawn, max_size=4))
def test_any_rule_can_be_said(rules: list[RelabelRule]) -> None:
    for fact in (*target_facts(rules, "/metrics"), *metric_facts(rules)):
        assert fact.values
