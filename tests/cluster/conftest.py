"""The cluster of the current kubeconfig, the local xScaler in it, and releases in namespaces of their own."""

from __future__ import annotations

import contextlib
import os
import uuid
from typing import TYPE_CHECKING

import pytest

from . import kubectl
from .backend import connected
from .layout import Layout
from .release import TENANT, Release

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .backend import Backend


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker is left with it at the end."""
    items.sort(key=lambda item: "test_ct_" not in item.name)


@pytest.fixture(scope="session", autouse=True)
def cluster() -> str:
    """Refuse to run on whatever cluster happens to be current."""
    name = os.environ.get("CLUSTER", "")
    if not name:
        pytest.exit("which cluster? make test-cluster starts one; CLUSTER=existing takes that of KUBECONFIG", 3)
    if name != "existing":
        os.environ.update(Layout(name).environment())
    return name


@pytest.fixture(scope="session")
def backend(cluster: str) -> Iterator[Backend]:  # noqa: ARG001 - order
    with connected() as found:
        yield found


@pytest.fixture
def new_release(backend: Backend) -> Iterator[Callable[..., Release]]:
    """Make namespaces with a token's Secret, ready for `install`; they go at the end."""
    with contextlib.ExitStack() as stack:

        def make(major: int = 4, level: str = "restricted") -> Release:
            name = f"test-{uuid.uuid4().hex[:8]}"
            kubectl.namespace(name, {"pod-security.kubernetes.io/enforce": level})
            stack.callback(kubectl.run, "delete", "namespace", name, "--wait=false")
            release = Release(
                namespace=name, cluster=name, token=f"write-{name}", reader=f"read-{name}", backend=backend, major=major
            )
            stack.callback(_clean, release)
            backend.grant(release.token, TENANT, "write")
            backend.grant(release.reader, TENANT, "read")
            release.secret(release.token)
            return release

        yield make


def _clean(release: Release) -> None:
    """Uninstall what may be installed: ClusterRoles would stay when the namespace goes."""
    kubectl.helm(release.major, "uninstall", "xscaler-istio", "-n", release.namespace, check=False)
    for token in (release.token, release.reader):
        release.backend.revoke(token)
