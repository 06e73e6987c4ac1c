"""Trees compared field by field."""

from __future__ import annotations

import pytest

from xscaler_istio.summary.fields import Hidden, Node, compare

CASES: list[tuple[Node, Node, list[str]]] = [
    ({"a": 1}, {"a": 1}, []),
    ({"a": {"b": 1}}, {"a": {"b": True}}, ["a.b: 1 -> true"]),
    ({"a": {"b": 1}}, {}, ['a removed: {"b": 1}']),
    ({}, {"a": "x\ny"}, ["a added"]),
    ({"a": "x\ny"}, {"a": "x\nz\nw"}, ["a: 2 lines added, 1 removed"]),
    (
        {"c": [{"name": "x", "v": 1}, {"name": "y", "v": 1}]},
        {"c": [{"name": "y", "v": 2}]},
        ['c[x] removed: {"name": "x", "v": 1}', "c[y].v: 1 -> 2"],
    ),
    ({"args": ["--a=1", "run"]}, {"args": ["--a=2"]}, ["args[--a]: --a=1 -> --a=2", "args[run] removed"]),
    ({"l": ["x", "x"]}, {"l": ["x", "y"]}, ["l[1]: x -> y"]),
    ({"a": []}, {"a": [1]}, ["a[1] added"]),
    ({"a": {}}, {"a": []}, ["a: {} -> []"]),
    ({"s": Hidden("a")}, {"s": Hidden("b")}, ["s: a different value (hidden)"]),
    ({}, {"s": Hidden("b")}, ["s added: hidden"]),
]


@pytest.mark.parametrize(("old", "new", "expected"), CASES)
def test_what_changed(old: Node, new: Node, expected: list[str]) -> None:
    assert list(compare(old, new)) == expected


def test_a_hidden_value_is_not_in_its_representation() -> None:
    assert "secret" not in repr(Hidden("secret"))
