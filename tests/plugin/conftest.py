"""The command line with the pinned Helms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.command import runner
from tests.support.tools import tool

# Which rules there are: outputs and ignores look them up, also where a test file runs alone.
from xscaler_istio.checks import catalogue  # noqa: F401

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.command import Ran

_TWIN = pytest.mark.whole("test_helms.py shows that both majors get the same answer of each kind")


@pytest.fixture(params=[pytest.param("helm3", marks=_TWIN), "helm4"])
def cli(request: pytest.FixtureRequest) -> Callable[..., Ran]:
    """The command line, with each Helm major."""
    return runner(tool(request.param))


@pytest.fixture
def cli4() -> Callable[..., Ran]:
    """The command line with Helm 4, where Helm's major does not matter."""
    return runner(tool("helm4"))
