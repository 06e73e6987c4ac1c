"""`ct lint`, with a guard: ct says success and exits 0 when it has found no chart at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import CHART, INSTALLED, ROOT
from tests.support.repositories import git, published
from tests.support.tools import tool


def ct(helm: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ct with one of the Helms and with the linters of this environment."""
    folders = [tool(helm).parent, Path(sys.executable).parent, os.environ["PATH"]]
    environment = dict(os.environ, PATH=os.pathsep.join(map(str, folders)))
    command = [str(tool("ct")), *arguments, "--config", "ct.yaml"]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, env=environment)


def test_ct_lints_the_chart_with_every_values_file(each_helm: str) -> None:
    done = ct(each_helm, ROOT, "lint", "--charts", "chart")
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'Linting chart "xscaler-istio' in done.stdout
    for file in INSTALLED:
        assert f'Linting chart with values file "chart/ci/{file.name}"' in done.stdout


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which the chart has changed since origin, and its version has not."""
    repository = published(tmp_path_factory.mktemp("changed"), CHART)
    with (repository / "chart/values.yaml").open("a") as file:
        file.write("# changed\n")
    git(repository, "commit", "--all", "--message", "second")
    return repository


def test_ct_sees_a_changed_chart(changed: Path) -> None:
    # The folders of ct.yaml decide whether ct finds the chart by itself; a wrong one finds nothing, silently.
    done = ct("helm4", changed, "list-changed")
    assert (done.returncode, done.stdout.strip()) == (0, "chart"), done.stderr


def test_a_changed_chart_needs_a_new_version(changed: Path) -> None:
    done = ct("helm4", changed, "lint")
    assert done.returncode == 1
    assert "chart version not ok. Needs a version bump!" in done.stdout + done.stderr
    manifest = changed / "chart/Chart.yaml"
    manifest.write_text(manifest.read_text().replace("version: 0.1.0", "version: 0.1.1", 1))
    git(changed, "commit", "--all", "--message", "third")
    done = ct("helm4", changed, "lint")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Chart version ok." in done.stdout
