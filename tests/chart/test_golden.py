"""The three configurations of the ten-line values, as a person would read them; `make golden` writes them anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.paths import ci
from tests.support.rendering import template
from xscaler_istio.rendered import manifests
from xscaler_istio.rendered.release import Release

GOLDEN = Path(__file__).parent / "golden"


FILES = {**manifests.CONFIG_FILES, manifests.LOGS: "logs.alloy"}


@pytest.mark.parametrize("name", FILES)
def test_the_configuration_is_the_one_that_was_read(name: str, helm: str) -> None:
    sets = ("--set", "logs.enabled=true", *(() if name == manifests.LOGS else ("--set", f"metrics.collector={name}")))
    release = Release.of(template(helm, "--values", str(ci("default")), *sets))
    assert release.config_text(name, 0) == (GOLDEN / FILES[name]).read_text(encoding="utf-8")


def test_nothing_else_lies_there() -> None:
    assert {file.name for file in GOLDEN.iterdir()} == set(FILES.values())
