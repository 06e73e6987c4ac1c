"""Alloy's language as the plugin reads it: what an expression evaluates to, and where statements begin and end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xscaler_istio.rendered.alloy_syntax import NotAlloyError, Reference, evaluated, parse, write

EXPRESSIONS = [
    ('"a"', "a"),
    (r'"a\t\"b\"\\ \u00e9 \x41 \101 \U0001F600"', 'a\t"b"\\ é A A \U0001f600'),
    (r'`^\[(?P<time>[^\]]+)\] "-"`', r'^\[(?P<time>[^\]]+)\] "-"'),
    ("`two\nlines`", "two\nlines"),
    ("12", 12),
    ("-0.5", -0.5),
    ("1e3", 1000.0),
    ("true", True),
    ("null", None),
    ("[]", []),
    ('["a", `b`,\n  // why\n  3,\n]', ["a", "b", 3]),
    ('{a = "x", "b c" = [1], /* why */ d = {},\n}', {"a": "x", "b c": [1], "d": {}}),
    ('"a" + `b` + "c"', "abc"),
    ('string.join([\n  `a`,\n  "b" + "c",\n], " ")', "a bc"),
    ("discovery.relabel.pods.output", Reference("discovery.relabel.pods.output")),
    ("[loki.write.x.receiver, 1]", [Reference("loki.write.x.receiver"), 1]),
    ('{a = sys.env("A"), b = "c"}', {"a": Reference('sys.env("A")'), "b": "c"}),
    ('"a=" + sys.env("A")', Reference('"a=" + sys.env("A")')),
    ('string.join(["a", local.file.x.content], "")', Reference('string.join(["a", local.file.x.content], "")')),
    ('from_json(local.file.x.content)["a"]', Reference('from_json(local.file.x.content)["a"]')),
    ("1 + 2", Reference("1 + 2")),
    ("!true", Reference("!true")),
    ("truest", Reference("truest")),
]


@pytest.mark.parametrize(("expression", "value"), EXPRESSIONS, ids=[text for text, _ in EXPRESSIONS])
def test_an_expression_evaluates(expression: str, value: Any) -> None:
    assert evaluated(expression) == value
    # Among other statements it ends where it ends, and is written again as it was.
    config = f'first = 1 // a remark\nblock "a" {{\n  text = {expression}\n}}\nlast = "}}"\n'
    tree = parse(config)
    assert tree == {"first": "1", 'block "a"': {"text": expression}, "last": '"}"'}
    assert parse("\n".join(write(tree))) == tree


# Texts that one of Alloy's two ways of quoting can hold.
RAW = st.text().filter(lambda text: not {"`", "\r"} & set(text))
PLAIN = st.recursive(
    st.booleans() | st.integers() | st.none() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def written(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{written(key)} = {written(item)}' for key, item in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)


@given(PLAIN)
def test_what_is_written_is_read(value: Any) -> None:
    assert evaluated(written(value)) == value


@given(st.lists(RAW), st.text())
def test_raw_texts_are_joined(parts: list[str], separator: str) -> None:
    elements = "".join(f"  `{part}`,\n" for part in parts)
    assert evaluated(f"string.join([\n{elements}], {written(separator)})") == separator.join(parts)


def test_repeated_blocks_are_numbered_in_their_order() -> None:
    tree = parse("rule {\n  a = 1\n}\nrule {\n}\nother.kind {\n}\nrule {\n  a = 3\n}\n")
    assert tree == {"rule": {"a": "1"}, "rule#1": {}, "other.kind": {}, "rule#2": {"a": "3"}}
    assert list(write(tree)) == ["rule {", "  a = 1", "}", "rule {", "}", "other.kind {", "}", "rule {", "  a = 3", "}"]


@pytest.mark.parametrize("text", ['a = "open', "a = `open", "a = ?", "a = 'b'"])
def test_what_is_not_alloy_s_syntax_has_its_line(text: str) -> None:
    with pytest.raises(NotAlloyError, match="line 3 is not Alloy's syntax"):
        parse(f"first = 1\n\n{text}\n")


@pytest.mark.parametrize("text", ["[1", "{a = ", "f(", "1 +", ""])
def test_an_expression_that_ends_too_early_is_refused(text: str) -> None:
    with pytest.raises(NotAlloyError, match="ends too early"):
        evaluated(text)
