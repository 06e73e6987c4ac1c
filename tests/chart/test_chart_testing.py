"""`ct lint`, with a guard: ct says success and exits 0 when it has found no chart at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .conftest import INSTALLED, ROOT, tool


def test_ct_lints_the_chart_with_every_values_file(helm: str) -> None:
    folders = [tool(helm).parent, Path(sys.executable).parent, os.environ["PATH"]]
    environment = dict(os.environ, PATH=os.pathsep.join(map(str, folders)))
    command = [str(tool("ct")), "lint", "--config", "ct.yaml", "--charts", "chart"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'Linting chart "xscaler-istio' in done.stdout
    for file in INSTALLED:
        assert f'Linting chart with values file "chart/ci/{file.name}"' in done.stdout


def test_ct_sees_a_changed_chart(tmp_path: Path) -> None:
    # The folders of ct.yaml decide whether ct finds the chart by itself; a wrong one finds nothing, silently.
    import shutil

    repository = tmp_path / "repository"
    shutil.copytree(ROOT / "chart", repository / "chart")
    shutil.copy(ROOT / "ct.yaml", repository / "ct.yaml")
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com")

    def git(*arguments: str) -> None:
        subprocess.run(["git", *identity, *arguments], cwd=repository, check=True, capture_output=True)

    git("init", "--initial-branch=main")
    git("add", ".")
    git("commit", "--message", "first")
    git("remote", "add", "origin", ".")
    git("fetch", "origin")
    (repository / "chart/values.yaml").write_text((repository / "chart/values.yaml").read_text() + "# changed\n")
    git("commit", "--all", "--message", "second")
    done = subprocess.run(
        [tool("ct"), "list-changed", "--config", "ct.yaml"],
        cwd=repository,
        check=False,
        capture_output=True,
        text=True,
        env=dict(os.environ, PATH=f"{tool('helm4').parent}{os.pathsep}{os.environ['PATH']}"),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "chart"
