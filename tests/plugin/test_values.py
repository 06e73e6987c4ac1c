"""Reading values files: whatever the bytes, findings and never a traceback."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xscaler_istio.findings.findings import Location
from xscaler_istio.system.errors import SetupError
from xscaler_istio.values import places


def rules(content: bytes) -> list[str]:
    return [finding.rule for finding in places.parse(content, "v.yaml").findings]


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
        # Without a look at the depth first, libyaml's composer would end the process with these.
        (b"- " * 2**18 + b"a", "XS015"),
        (b"{" * 2**19, "XS015"),
        (b"a: *unknown\n", "XS010"),
        (b"a: 1\n---\n---\nb: 2\n", "XS012"),
        (b"'null'\n", "XS013"),
    ],
)
def test_what_is_wrong_with_a_file(content: bytes, rule: str) -> None:
    assert rules(content) == [rule]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"# only a comment\n",
        b"---\n",
        b"\xef\xbb\xbfa: 1\n",
        b"a: 1\n",
        b"a: 1\n---\n",
        b"a: 1\n---\nnull\n",
        b"null\n",
        b"~\n",
    ],
)
def test_what_is_fine(content: bytes) -> None:
    assert rules(content) == []


def test_places_are_lines_and_columns_from_one() -> None:
    file = places.parse(b"a:\n  b: [x, {c: 1}]\n", "v.yaml")
    assert file.places["a", "b"].key == Location("v.yaml", 2, 3)
    assert file.places["a", "b"].value == Location("v.yaml", 2, 6)
    assert file.places["a", "b", "1", "c"].value == Location("v.yaml", 2, 14)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"a: \x00\n", "v.yaml:1:4"),
        ("ä: ä\r\nb: ü\x1b[31m\n".encode(), "v.yaml:2:5"),
        (b"# a \x07 comment\n", "v.yaml:1:5"),
    ],
)
def test_a_control_character_has_a_place(content: bytes, place: str) -> None:
    (finding,) = places.parse(content, "v.yaml").findings
    assert (finding.rule, str(finding.location)) == ("XS010", place)
    assert finding.message.startswith("not YAML: the control character U+00")


def test_an_alias_bomb_is_walked_once() -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" if n else "l0: &l0 [x]" for n in range(12)]
    assert len(places.parse("\n".join(levels).encode(), "v.yaml").places) < 500


@pytest.mark.parametrize(
    ("content", "path", "place"),
    [
        ("x: &x\n  b: 1\na:\n  <<: *x\n  c: 2\n", "a b", "v.yaml:2:6"),
        ("x: &x\n  b: 1\na:\n  <<: *x\n  b: 2\n", "a b", "v.yaml:5:6"),
        ("x: &x\n  b: {c: 1}\na: *x\n", "a b c", "v.yaml:2:10"),
        ("x: &x\n  b: 1\ny: &y\n  b: 2\na:\n  <<: [*y, *x]\n", "a b", "v.yaml:4:6"),
        ("x: &x\n  b: 1\na:\n  <<: *x\n", "a none", "v.yaml:3:1"),
        ("a: &a\n  b: *a\n", "a b b b b b b", "v.yaml:2:3"),
        ("a:\n  <<: none\n", "a b", "v.yaml:1:1"),
    ],
)
def test_what_is_merged_stands_where_it_is_written(content: str, path: str, place: str) -> None:
    origins = places.Origins((places.parse(content.encode(), "v.yaml"),))
    assert str(origins.locate(tuple(path.split()))) == place


def test_an_unreadable_file_is_a_setup_error() -> None:
    with pytest.raises(SetupError, match=r"cannot read /nowhere\.yaml: No such file"):
        places.read("/nowhere.yaml")


@given(st.binary(max_size=300))
def test_any_bytes(content: bytes) -> None:
    places.parse(content, "v.yaml")


@given(st.text(alphabet="ab:-[]{}&*!|>'\"\n #,?%@`0", max_size=120))
def test_any_text_that_looks_like_yaml(text: str) -> None:
    places.parse(text.encode(), "v.yaml")


SCALARS = st.sampled_from(
    ["1", "y", "0x10", "~", "text", "'q'", '"\\u0000"', "2026-11-25", "!!binary eA==", "*a", "", "<<"]
)


def node(depth: int) -> st.SearchStrategy[str]:
    """Flow YAML with anchors, aliases, merge keys, keys that are no texts, and tags, valid or not."""
    if not depth:
        return SCALARS
    below = node(depth - 1)
    pairs = st.lists(st.tuples(st.one_of(SCALARS, below), below), max_size=3)
    return st.one_of(
        SCALARS,
        st.lists(below, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        pairs.map(lambda items: f"{{{', '.join(f'? {key} : {value}' for key, value in items)}}}"),
        below.map(lambda text: f"&a {text}"),
        below.map(lambda text: f"!!map {text}"),
        below.map(lambda text: f"{{<<: {text}}}"),
    )


@given(st.lists(st.tuples(st.one_of(SCALARS, node(1)), node(3)), max_size=4))
def test_any_yaml_with_anchors_merges_and_odd_keys(pairs: list[tuple[str, str]]) -> None:
    content = "".join(f"? {key}\n: {value}\n" for key, value in pairs).encode()
    file = places.parse(content, "v.yaml")
    for place in file.places.values():
        # Every place is one of a line that the file has.
        assert 0 < place.key.line <= len(file.lines)
        assert 0 < place.value.line <= len(file.lines)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a: " + b"x" * 2**20, ["XS016"]),
        (b"a: " + b"x" * 2**19, []),
        (b"".join(b"k%d: {a: [1, 2]}\n" % number for number in range(5000)), []),
        (b"a:\n" + b"".join(b" " * depth + b"a:\n" for depth in range(1, 200)), []),
        (b"a:\n" + b"".join(b" " * depth + b"a:\n" for depth in range(1, 900)), ["XS015"]),
    ],
    ids=["huge", "large", "long", "deep", "too-deep"],
)
def test_huge_and_deep_files(content: bytes, expected: list[str]) -> None:
    assert rules(content) == expected


def test_a_number_too_long_for_python_is_a_key_all_the_same() -> None:
    digits = "1" * 5000
    assert list(places.parse(f"? {digits}\n: 1\n".encode(), "v.yaml").places) == [(digits,)]


@pytest.mark.parametrize(("text", "name"), [("y: 1", "true"), ("'y': 1", "y"), ("0x10: 1", "16"), ("n: 1", "false")])
def test_keys_are_named_as_helm_names_them(text: str, name: str) -> None:
    assert list(places.parse(text.encode(), "v.yaml").places) == [(name,)]


def test_what_differs_from_the_defaults_is_changed() -> None:
    defaults = {"a": {"b": 1, "c": [1]}, "d": {}, "e": None}
    given_values = {"a": {"b": 1, "c": [1, 2]}, "d": {"x": {"y": 1}}, "e": {"f": 1}, "g": 0}
    found = {places.dotted(path) for path, _ in places.changed(given_values, defaults)}
    assert found == {"a.c", "d.x", "e", "g"}


@pytest.mark.parametrize(
    ("flag", "text", "keys"),
    [
        ("--set", "a.b=1", ("a.b",)),
        ("--set", "a=1,b.c=2", ("a", "b.c")),
        ("--set", r"a=1\,x=2,b=", ("a", "b")),
        ("--set", "a={x=1,y},b[0].c=2", ("a", "b[0].c")),
        ("--set-string", "a=1,b=2", ("a", "b")),
        ("--set-file", "a=x.txt,b=y.txt", ("a", "b")),
        ("--set-literal", "a=1,b=2", ("a",)),
        ("--set-json", 'a={"b": 1, "c": "x=1"}', ("a",)),
        ("--set-json", '{"a": {"b": 1}, "c": 2}', ("a", "c")),
        ("--set-json", "{", ()),
        ("--set", "a", ("a",)),
    ],
)
def test_the_keys_of_set(flag: str, text: str, keys: tuple[str, ...]) -> None:
    assert places.set_keys([(flag, text)]) == tuple(places.SetKey(flag, key) for key in keys)


@pytest.mark.parametrize(
    ("flag", "text", "path", "place"),
    [
        ("--set", "cluster.name=x,metrics.profile=full", "metrics profile", "--set metrics.profile"),
        (
            "--set-string",
            "metrics.includeMetrics[0]=foo",
            "metrics includeMetrics 0",
            "--set-string metrics.includeMetrics[0]",
        ),
        ("--set", "a[1].b[0].c=1", "a 1 b 0 c", "--set a[1].b[0].c"),
        ("--set", "a[1].b=1", "a", "--set a[1].b"),
        ("--set", "a={x,y}", "a 1", "--set a"),
        ("--set", r"pod.nodeSelector.a\.b/c=1", "pod nodeSelector a.b/c", r"--set pod.nodeSelector.a\.b/c"),
        ("--set-json", '{"a": {"b": 1}}', "a b", "--set-json a"),
        ("--set-json", "a.b=1", "a b", "--set-json a.b"),
        ("--set", "a[1]=x", "a 0", "the chart's default values"),
        ("--set", "ab=x", "a", "the chart's default values"),
        ("--set", "a=x", "", "the chart's default values"),
    ],
)
def test_a_key_of_a_flag_is_a_place_with_the_flag(flag: str, text: str, path: str, place: str) -> None:
    origins = places.Origins((), places.set_keys([(flag, text)]))
    assert str(origins.locate(tuple(path.split()))) == place
