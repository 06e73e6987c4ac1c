"""A test for each Helm major, and for each values file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.paths import CI_FILES
from tests.support.tools import HELMS

if TYPE_CHECKING:
    from pathlib import Path


TWIN = pytest.mark.whole(
    "Helm 3 renders the same objects: test_objects.py proves it for every values file, in make test"
)


@pytest.fixture(params=("helm4", pytest.param("helm3", marks=TWIN)))
def helm(request: pytest.FixtureRequest) -> str:
    """Run the test with each Helm major, where the chart is the subject."""
    name: str = request.param
    return name


@pytest.fixture(params=HELMS)
def each_helm(request: pytest.FixtureRequest) -> str:
    """Run the test with each Helm major, where Helm itself is the subject: what it says, loads and refuses."""
    name: str = request.param
    return name


@pytest.fixture(params=CI_FILES, ids=lambda file: file.name.removesuffix("-values.yaml"))
def ci_file(request: pytest.FixtureRequest) -> Path:
    """Run the test with each values file in ci/ and examples/."""
    file: Path = request.param
    return file
