"""Common to all tests."""

from __future__ import annotations

from hypothesis import settings

# No test is timed: machines are slow, and busy with other tests.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
