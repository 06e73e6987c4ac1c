"""Reading values files: whatever the bytes, findings and never a traceback."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xscaler_istio import values
from xscaler_istio.errors import SetupError
from xscaler_istio.findings import Location


def rules(content: bytes) -> list[str]:
    return [finding.rule for finding in values.parse(content, "v.yaml").findings]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"a: [1\nb: 2\n", "XS010"),
        (b"a: b: c\n", "XS010"),
        (b"\tx: 1\n", "XS010"),
        (b"a: 1\na: 2\n", "XS011"),
        (b"a: 1\n---\nb: 2\n", "XS012"),
        (b"- a\n", "XS013"),
        (b"text\n", "XS013"),
        (b"a: \xff\n", "XS014"),
        (b"a: " + b"[" * 5000, "XS015"),
        (b"a: *unknown\n", "XS010"),
    ],
)
def test_what_is_wrong_with_a_file(content: bytes, rule: str) -> None:
    assert rules(content) == [rule]


@pytest.mark.parametrize("content", [b"", b"# only a comment\n", b"---\n", b"\xef\xbb\xbfa: 1\n", b"a: 1\n"])
def test_what_is_fine(content: bytes) -> None:
    assert rules(content) == []


def test_places_are_lines_and_columns_from_one() -> None:
    file = values.parse(b"a:\n  b: [x, {c: 1}]\n", "v.yaml")
    assert file.places["a", "b"].key == Location("v.yaml", 2, 3)
    assert file.places["a", "b"].value == Location("v.yaml", 2, 6)
    assert file.places["a", "b", "1", "c"].value == Location("v.yaml", 2, 14)


def test_an_alias_bomb_is_walked_once() -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" if n else "l0: &l0 [x]" for n in range(12)]
    assert len(values.parse("\n".join(levels).encode(), "v.yaml").places) < 500


def test_an_unreadable_file_is_a_setup_error() -> None:
    with pytest.raises(SetupError, match=r"cannot read /nowhere\.yaml: No such file"):
        values.read("/nowhere.yaml")


@given(st.binary(max_size=300))
def test_any_bytes(content: bytes) -> None:
    values.parse(content, "v.yaml")


@given(st.text(alphabet="ab:-[]{}&*!|>'\"\n #,?%@`0", max_size=120))
def test_any_text_that_looks_like_yaml(text: str) -> None:
    values.parse(text.encode(), "v.yaml")
