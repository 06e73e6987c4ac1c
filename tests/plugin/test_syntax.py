"""Files that are not YAML: the mistake in words, on the line that is wrong, whichever reader stopped there."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from xscaler_istio.values import places, syntax

LOADERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if hasattr(yaml, "CSafeLoader") else [])]
# A text, the line and column of its mistake, and how the message begins.
MISTAKES = [
    ("cluster:\n\tname: x\n", 2, 1, "a tab indents this line"),
    ("cluster:\n  name: x\n\tother: y\n", 3, 1, "a tab indents this line"),
    ("cluster:\n  name: x\n  \tother: y\n", 3, 3, "a tab indents this line"),
    # The colon is missing one line above the place where readers stop.
    ("xscaler:\n  region: a\ncluster\n  name: x\n", 3, 1, "a colon is missing"),
    ("xscaler:\n  region euw1-01\n  tenantId: acme\n", 2, 3, "a colon is missing"),
    ("xscaler:\n  region: a\n  tenantId acme\n", 3, 3, "a colon is missing"),
    ("xscaler:\n  region:euw1-01\n  tenantId: acme\n", 2, 9, "a space is missing after the colon"),
    ("xscaler:\n  tenantId: acme\n  region:euw1-01\n", 3, 9, "a space is missing after the colon"),
    ("xscaler:\n  region:\u00a0euw1-01\n  tenantId: acme\n", 2, 10, "U+00A0"),
    ("xscaler:\n  region:\u3000euw1-01\n  tenantId: acme\n", 2, 10, "U+3000"),
    ("xscaler:\n  region: a\n\u00a0\u00a0tenantId: acme\n  auth: {}\n", 3, 1, "U+00A0"),
    ('a:\n  path: "C:\\Users\\me"\n', 2, 12, "a backslash in double quotes"),
    ('a:\n  path: "C:\\data"\n', 2, 12, "a backslash in double quotes"),
    ('xscaler:\n  region: "euw1-01\n  tenantId: acme\n', 2, 11, "the quote that opens here"),
    ('xscaler:\n  region: "euw1-01\n  tenantId: "acme"\n', 2, 11, "the quote that opens here"),
    ("xscaler:\n  region: 'euw1-01\n  tenantId: 'acme'\n", 2, 11, "the quote that opens here"),
    ("note: it's fine\nname: c: d\n", 2, 8, "a second colon"),
    ("a:\n    b: 1\n  c: 2\n", 3, 3, "wrong indentation: 2 spaces; lines above have 0 or 4"),
    ("a: |\n  x\n y\nb: 1\n", 3, 2, "wrong indentation: 1 space;"),
    ("a:\n  b: 1\n    c: 2\n", 3, 5, "this key is indented below a line that already has a value"),
    ("a:\n  - b: 1\n   - c: 2\n", 3, 4, "wrong indentation"),
    ("- a\nb: 1\n", 2, 1, "a list item and a key"),
    ("a: {b: 1\nc: 2\n", 1, 4, "the { that opens here"),
    ("a: [b, c\nd: 2\n", 1, 4, "the [ that opens here"),
    ("a: @b\n", 1, 4, "a plain value cannot begin with @"),
    ("a: `b`\n", 1, 4, "a plain value cannot begin with `"),
    ("a:\n  - *.example.com\n", 2, 5, "an unquoted * begins an alias"),
    ("a: *unknown\n", 1, 4, "an unquoted * begins an alias"),
    ("a: - b\n", 1, 4, "a list cannot begin"),
    ('a: "x" y\nb: 1\n', 1, 8, "unexpected text after the value"),
    ("{{- if .x }}\na: 1\n{{- end }}\n", 1, 1, "a template expression"),
    ("a:\n<<<<<<< HEAD\n  b: 1\n=======\n  b: 2\n>>>>>>> x\n", 2, 1, "a conflict marker"),
]


@pytest.mark.parametrize("loader", LOADERS, ids=lambda loader: loader.__name__)
@pytest.mark.parametrize(("text", "line", "column", "words"), MISTAKES)
def test_the_line_that_is_wrong_is_named(text: str, line: int, column: int, words: str, loader: Any) -> None:
    with pytest.raises(yaml.MarkedYAMLError) as caught:
        list(yaml.compose_all(text, Loader=loader))
    found = syntax.mistake(caught.value, text.split("\n"))
    assert found
    assert (found.line, found.column, found.what[: len(words)]) == (line, column, words)


@pytest.mark.parametrize("text", ["xscaler:\n\u00a0\u00a0region: a\n", "xscaler:\n  tenantId: a\n  \u200bregion: a\n"])
def test_a_key_with_a_foreign_space_is_named_although_it_is_yaml(text: str) -> None:
    (finding,) = places.parse(text.encode(), "values.yaml").findings
    assert (finding.rule, finding.location.line) == ("XS010", text.count("\n"))
    assert finding.message.startswith("a key has U+")


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        (b"a:\n  b: {{ .Values.b }}\n", 2, 6, "a template expression"),
        (b"a: [x, {{ b }}]\n", 1, 8, "a template expression"),
        (b"a:\n  b: .nan\n", 2, 6, "YAML reads this value as infinity"),
        (b"a: [1, -.inf]  # no limit\n", 1, 8, "YAML reads this value as infinity"),
        (b"a: 1\n# more\n---\n# x\n\nb: 2\n", 3, 1, "a second document begins here"),
        ("a: 1\n".encode("utf-16"), 0, 0, "the file is UTF-16"),
    ],
)
def test_yaml_that_helm_cannot_read_is_named_with_its_place(text: bytes, line: int, column: int, words: str) -> None:
    (finding,) = places.parse(text, "values.yaml").findings
    place = finding.location
    assert (place.line, place.column, finding.message[: len(words)]) == (line, column, words)


@pytest.mark.parametrize("text", ["a: .information\n", "a: '.nan'\n", "a: '{{ b }}'\n", "a: {b: {c: 1}}\n", "a: .5\n"])
def test_yaml_that_only_looks_like_it_is_not_reported(text: str) -> None:
    assert places.parse(text.encode(), "values.yaml").findings == ()


_PARTS = st.sampled_from(
    ["a", "b: 1", "- c", ":", "\t", "  ", "\n", '"', "'", "{", "}", "[", "]", "#", "*", "\u00a0", "\\"]
)


@given(st.lists(_PARTS, max_size=12).map("".join))
def test_every_mistake_has_a_place_in_the_file_and_a_fix(text: str) -> None:
    for finding in places.parse(text.encode(), "values.yaml").findings:
        assert finding.fix
        assert 0 <= finding.location.line <= len(text.split("\n")) + 1
