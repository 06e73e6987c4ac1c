"""Common to all tests."""

from __future__ import annotations

import pytest
from hypothesis import settings

# Their assertions explain themselves as those of tests do.
pytest.register_assert_rewrite("tests.support")

# No test is timed: machines are slow, and busy with other tests.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
