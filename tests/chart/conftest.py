"""A test for each Helm major, and for each file of values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.paths import CI_FILES
from tests.support.tools import HELMS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=HELMS)
def helm(request: pytest.FixtureRequest) -> str:
    """Run the test with each Helm major."""
    name: str = request.param
    return name


@pytest.fixture(params=CI_FILES, ids=lambda file: file.name.removesuffix("-values.yaml"))
def ci_file(request: pytest.FixtureRequest) -> Path:
    """Run the test with each values file in ci/ and examples/."""
    file: Path = request.param
    return file
