"""A release, packaged once for all tests of a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from release.signing import TRIAL, Key, trial

from .commands import release

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    """Make a signing key."""
    return trial(tmp_path_factory.mktemp("key"))


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory, key: Key) -> Path:
    """Package a release as the workflow does, with a key from a file."""
    folder = tmp_path_factory.mktemp("release") / "dist"
    done = release("package", folder, "--key", TRIAL, "--keyring", key.keyring)
    assert done.returncode == 0, done.stderr
    assert "thrown away" not in done.stderr
    return folder
