"""The configurations of the ten-line values, as a person reads them; `make golden` rewrites them."""

from __future__ import annotations

import pytest

from tests.support.golden import FILES, GOLDEN, NATIVE, VALUES, native, text, values


@pytest.mark.parametrize("name", FILES)
def test_the_configuration_is_the_one_that_was_read(name: str, helm: str) -> None:
    assert text(name, helm) == (GOLDEN / FILES[name]).read_text(encoding="utf-8")


def test_alloy_is_given_the_values_that_were_read(helm: str) -> None:
    assert values(helm) == (GOLDEN / VALUES).read_text(encoding="utf-8")


def test_native_histograms_change_what_was_read() -> None:
    assert native("helm4") == (GOLDEN / NATIVE).read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "most"), [("prometheus", 550), ("alloy", 800), ("opentelemetry", 550)])
def test_a_configuration_is_short(name: str, most: int) -> None:
    assert len((GOLDEN / FILES[name]).read_text(encoding="utf-8").splitlines()) <= most


def test_nothing_else_lies_there() -> None:
    assert {file.name for file in GOLDEN.iterdir()} == {*FILES.values(), VALUES, NATIVE}
