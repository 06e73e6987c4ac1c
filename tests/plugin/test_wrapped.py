"""Lines break at words, long expressions behind `|`, and nothing is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from xscaler_istio.checks import catalogue, documentation
from xscaler_istio.system.terminal import wrapped


def test_a_long_expression_breaks_behind_its_bars() -> None:
    assert wrapped("keeps a_(one|two|three) b", 10, "  ") == ["keeps", "  a_(one|", "  two|", "  three) b"]
    assert wrapped("/a/path/that/is/long x|y", 10) == ["/a/path/that/is/long", "x|y"]
    assert wrapped("", 10) == []


@given(
    text=st.text(st.sampled_from("ab| ()"), max_size=60), width=st.integers(1, 30), indent=st.sampled_from(["", "  "])
)
def test_nothing_is_lost(text: str, width: int, indent: str) -> None:
    assert "".join("".join(wrapped(text, width, indent)).split()) == "".join(text.split())


def test_rules_break_at_words() -> None:
    rules = catalogue.rules()
    for shown in (documentation.text(rules, 60), *(documentation.text((rule,), 60) for rule in rules)):
        prose = shown.partition("Example:\n")[0]
        assert max(map(len, prose.splitlines())) <= max(60, *map(len, prose.split()))
    assert " ".join(documentation.text(rules, 60).split()) == " ".join(documentation.text(rules).split())
    assert len(documentation.text(rules).splitlines()) == len(rules)
