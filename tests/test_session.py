"""One session of all tests: what is not in it has a reason, what is skipped is seen, and no rendering is stale."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests import session
from tests.support import rendering
from tests.support.paths import CHART, ROOT, ci

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WORKERS = ("-n", "3", "--dist", "loadgroup", "--no-loadscope-reorder")


@pytest.fixture
def ran(tmp_path: Path) -> Callable[..., str]:
    """Run pytest with the hooks of this suite on a file with this text, and return what it prints."""

    def run(text: str, *arguments: str, **variables: str) -> str:
        (tmp_path / "pytest.ini").write_text(
            "[pytest]\nmarkers =\n    whole(reason): a\n    only_on(system, machine): b\n"
        )
        (tmp_path / "test_it.py").write_text(text)
        command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-ra", *arguments, str(tmp_path)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "CI": "", "PYTEST_ADDOPTS": "", **variables}
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, env=environment)
        return done.stdout + done.stderr

    return run


@pytest.mark.parametrize("reason", [(), ("",), (" ",), (1,), ("a", "b")])
def test_a_marker_without_a_reason_is_refused(reason: tuple[object, ...], request: pytest.FixtureRequest) -> None:
    item = pytest.Function.from_parent(request.node.parent, name="test_a", callobj=lambda: None)
    item.add_marker(pytest.mark.whole("it takes a minute"))
    session.check([item])
    item.add_marker(pytest.mark.whole(*reason))
    with pytest.raises(pytest.UsageError, match=r"test_session\.py::test_a: whole\(reason\) takes one sentence"):
        session.check([item])


def test_a_marker_without_a_reason_ends_the_session(ran: Callable[..., str]) -> None:
    said = ran("import pytest\n\n@pytest.mark.whole\ndef test_a(): pass\n")
    assert "test_it.py::test_a: whole(reason) takes one sentence" in said


def test_the_two_halves_are_the_whole(ran: Callable[..., str]) -> None:
    text = "import pytest\n\n@pytest.mark.whole('because')\ndef test_a(): pass\ndef test_b(): pass\n"
    assert "1 passed, 1 deselected" in ran(text, "-m", "not whole")
    assert "1 passed, 1 deselected" in ran(text, "-m", "whole")


def test_nothing_is_skipped_in_continuous_integration(ran: Callable[..., str]) -> None:
    text = "import pytest\n\ndef test_a(): pytest.skip('no wish')\n\n@pytest.mark.xfail\ndef test_b(): assert False\n"
    assert "1 skipped, 1 xfailed" in ran(text)
    said = ran(text, CI="true")
    assert "1 failed, 1 xfailed" in said
    assert "CI=true" in said
    assert "no wish" in said


def test_what_is_for_another_machine_is_not_in_the_session(ran: Callable[..., str]) -> None:
    text = """\
import platform, sys
import pytest

@pytest.mark.only_on("plan9", "vax")
def test_a(): pass

@pytest.mark.only_on(sys.platform, platform.machine())
def test_b(): pass
"""
    assert "1 passed, 1 deselected" in ran(text, CI="true")


def test_no_file_stays_of_a_session_that_ends_early(ran: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    said = ran("raise ValueError\n", *WORKERS, TMPDIR=str(tmp_path / "tmp"))
    assert "ValueError" in said
    assert list((tmp_path / "tmp").glob("xscaler-istio-groups-*")) == []


def test_an_only_worker_begins_with_what_waits(ran: Callable[..., str]) -> None:
    group = "@pytest.mark.xdist_group('{0}')\ndef test_{0}(): pass\n"
    said = ran("import pytest\n" + "".join(map(group.format, "abcd")), "-v", *WORKERS, "-n", "1")
    assert re.findall(r"PASSED \S+::test_(\w)", said)[0] == "a"


def test_workers_run_each_test_once_and_share_no_fixture(ran: Callable[..., str]) -> None:
    text = """\
import os
import pytest

@pytest.fixture(scope="module")
def made(): print("made", os.getpid())

@pytest.mark.parametrize("n", range(40))
def test_a(made, n): pass

@pytest.mark.parametrize("n", range(40))
def test_b(n): assert n != 20
"""
    said = ran(text, *WORKERS, "-rPf")
    assert "1 failed, 79 passed" in said
    assert len(re.findall(r"(?m)^made \d+$", said)) == 1
    # Its name is one that pytest takes.
    assert "test_it.py::test_b[20] - " in said


@pytest.mark.parametrize(
    "name", ["values.yaml", "templates/NOTES.txt", "files/profiles/full.yaml", "Chart.yaml", "new"]
)
def test_a_changed_chart_is_rendered_again(name: str, tmp_path: Path) -> None:
    shutil.copytree(CHART, tmp_path / "chart")
    assert rendering.digest(tmp_path / "chart") == rendering.digest(CHART)
    (tmp_path / "chart/ci/more-values.yaml").write_text("a: 1\n")
    assert rendering.digest(tmp_path / "chart") == rendering.digest(CHART)
    with (tmp_path / "chart" / name).open("a") as file:
        file.write("\n")
    assert rendering.digest(tmp_path / "chart") != rendering.digest(CHART)


def test_changed_values_and_another_helm_are_rendered_again(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"

    def cluster(name: str, helm: str = "helm4") -> str:
        file.write_text(f"cluster: {{name: {name}}}\n")
        return rendering.run_template(helm, "--values", str(ci("default")), "--values", str(file)).stdout

    assert "one-1" in cluster("one-1")
    assert "two-2" in cluster("two-2")
    # The two majors differ in the order of objects, at least.
    assert (
        cluster("two-2", "helm3")
        == rendering.render("helm3", "--values", str(ci("default")), "--values", str(file)).stdout
    )
    assert cluster("two-2", "helm3") != cluster("two-2")
