"""Rules in words: every rule is said, and only once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xscaler_istio.rendered.relabeling import Rule
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
        (Rule("keep", (CONTAINER,), "istio-proxy"), True, "container is istio-proxy"),
        (Rule("drop", (APP,), "ztunnel"), False, "label app is not ztunnel"),
        (Rule("keep", (CONTAINER, APP), "discovery;istiod"), True, "container is discovery and label app is istiod"),
        (Rule("drop", (CONTAINER, APP), "a;b"), False, "not: container is a and label app is b"),
        (Rule("keep", ("__meta_kubernetes_pod_ip",), ".+"), True, "pod IP is set"),
        (Rule("drop", ("__meta_kubernetes_namespace",), "pay-.*"), False, "namespace does not match pay-.*"),
        (Rule("keep", ("__meta_kubernetes_namespace",), "a|b"), True, "namespace is a or b"),
        (Rule("drop", ("__meta_kubernetes_namespace",), "a|b"), False, "not: namespace is a or b"),
        (Rule("drop", (APP,), " and .*"), False, "label app does not match  and .*"),
        (Rule("drop", (CONTAINER, APP), "(a;)?b"), False, "container and label app do not match (a;)?b"),
        (
            Rule("drop", ("__meta_kubernetes_pod_annotation_xscaler_io_scrape",), "false"),
            False,
            "annotation xscaler.io/scrape is not false",
        ),
        (Rule("keep", (CONTAINER, APP), "(a;)?b"), True, "container and label app match (a;)?b"),
    ],
)
def test_conditions(rule: Rule, holds: bool, expected: str) -> None:
    assert condition(rule, holds=holds) == expected


def test_each_target_rule_is_said_by_one_fact() -> None:
    rules = (
        Rule("keep", (CONTAINER,), "istio-proxy"),
        Rule(target_label="__tmp_port", replacement="15020"),
        Rule(source_labels=("__tmp_port", "__meta_kubernetes_pod_ip"), regex=r"(\d+);(.+)", target_label="__address__",
             replacement="$2:$1"),
        Rule(target_label="job", replacement="integrations/istio"),
        Rule(source_labels=("__meta_kubernetes_namespace",), target_label="namespace"),
        Rule("hashmod", ("__address__",), target_label="__tmp_shard", modulus=3),
        Rule("keep", ("__tmp_shard",), "0"),
        Rule("labelmap", regex="__meta_kubernetes_pod_label_(.+)"),
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
        Rule("keep", ("__name__",), "a|b_(x|y)"),
        Rule("drop", ("__name__",), "c"),
        Rule(source_labels=("__name__",), regex="b_bucket", target_label="__tmp_thinned", replacement="drop"),
        Rule(source_labels=("__name__", "le"), regex=r"b_bucket;(100|\+Inf)(\.0)?", target_label="__tmp_thinned",
             replacement=""),
        Rule("drop", ("__tmp_thinned",), "drop"),
        Rule(source_labels=("__name__", "source_app"), regex="istio_.*;.+", target_label="source_app", replacement=""),
        Rule(source_labels=("le",), regex=r"(\d+)\.0", target_label="le"),
        Rule("drop", ("response_code",), "404"),
    )  # fmt: skip
    said = {fact.name: fact.values for fact in metric_facts(rules)}
    assert said == {
        "keep expressions": ("a", "b_(x|y)"),
        "drop expressions": ("c",),
        "buckets": ("b_bucket: le 100, +Inf",),
        "emptied labels": ("source_app of istio_.*",),
        "numbers": ("le and quantile without exponent and trailing zeros",),
        "further rules": ("action: drop, source_labels: [response_code], regex: 404",),
    }


anything = st.text(st.sampled_from("ab|()[]\\;$1{}.*+?^-:"), max_size=12)
drawn = st.builds(
    Rule,
    st.sampled_from(["replace", "keep", "drop", "hashmod", "labelmap", "labeldrop", "lowercase"]),
    st.lists(st.sampled_from(["__name__", "le", CONTAINER, APP, "__tmp_port", "__tmp_thinned", "x"]), max_size=3).map(
        tuple
    ),
    anything,
    st.sampled_from(["", "le", "app", "__tmp_port", "__tmp_shard", "__tmp_thinned", "__address__"]),
    anything,
)


@given(rules=st.lists(drawn, max_size=4))
def test_any_rule_can_be_said(rules: list[Rule]) -> None:
    for fact in (*target_facts(rules, "/metrics"), *metric_facts(rules)):
        assert fact.values
