"""The three configurations of the ten-line values, as a person would read them; `make golden` writes them anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from xscaler_istio import render

from .conftest import ci, configs, template

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("collector", render.CONFIG_FILES)
def test_the_configuration_is_the_one_that_was_read(collector: str, helm: str) -> None:
    text = template(helm, "--values", str(ci("default")), "--set", f"metrics.collector={collector}")
    assert configs(text)[0].text == (GOLDEN / render.CONFIG_FILES[collector]).read_text(encoding="utf-8")


def test_nothing_else_lies_there() -> None:
    assert {file.name for file in GOLDEN.iterdir()} == set(render.CONFIG_FILES.values())
