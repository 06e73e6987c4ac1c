"""Selectors as the API server reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xscaler_istio.rendered import selectors

KEYS = st.from_regex(r"[a-z]([a-z0-9./-]{0,8}[a-z0-9])?", fullmatch=True).filter(lambda key: key not in ("in", "notin"))
VALUES = st.from_regex(r"[a-z0-9]{1,6}", fullmatch=True)
LABELS = st.dictionaries(st.sampled_from(["app", "istio.io/rev", "tier"]), VALUES, max_size=3)


def admits(selector: str, **labels: str) -> bool:
    return selectors.admits(selectors.parse_labels(selector), labels)


@pytest.mark.parametrize(
    ("selector", "labels", "expected"),
    [
        ("", {}, True),
        ("app=web", {"app": "web"}, True),
        ("app==web", {"app": "web"}, True),
        ("app=web", {}, False),
        ("app!=web", {}, True),
        ("app!=web", {"app": "web"}, False),
        ("app", {"app": ""}, True),
        ("!app", {"app": ""}, False),
        ("app in (web, db)", {"app": "db"}, True),
        ("app notin (web,db)", {"app": "db"}, False),
        ("app notin (web,db)", {}, True),
        ("app in (web,db),tier!=x", {"app": "db", "tier": "x"}, False),
    ],
)
def test_label_selectors(selector: str, labels: dict[str, str], expected: bool) -> None:
    assert admits(selector, **labels) is expected


@pytest.mark.parametrize("selector", ["app in web", "=x", "a=b=c", "app in (a", "app in (a b)", "-a=b"])
def test_what_kubernetes_refuses_is_refused(selector: str) -> None:
    with pytest.raises(selectors.SelectorError):
        selectors.parse_labels(selector)


def test_field_selectors() -> None:
    parsed = selectors.parse_fields("status.phase=Running,spec.nodeName!=a")
    assert selectors.admits(parsed, {"status.phase": "Running", "spec.nodeName": "b"})
    assert not selectors.admits(parsed, {"status.phase": "Running", "spec.nodeName": "a"})
    with pytest.raises(selectors.SelectorError, match=r"not supported: spec\.color"):
        selectors.parse_fields("spec.color=red")


@given(KEYS, st.sets(VALUES, min_size=1), LABELS)
def test_in_is_the_opposite_of_notin(key: str, values: set[str], labels: dict[str, str]) -> None:
    inside = selectors.parse_labels(f"{key} in ({','.join(sorted(values))})")
    outside = selectors.parse_labels(f"{key} notin ({','.join(sorted(values))})")
    assert selectors.admits(inside, labels) != selectors.admits(outside, labels)


@given(KEYS, VALUES, KEYS, VALUES, LABELS)
def test_a_comma_is_and(one: str, a: str, two: str, b: str, labels: dict[str, str]) -> None:
    both = selectors.parse_labels(f"{one}={a},{two}!={b}")
    assert selectors.admits(both, labels) == (labels.get(one) == a and labels.get(two) != b)
