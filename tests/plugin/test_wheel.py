"""The wheel, installed by pip into an empty environment and run from an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.support.checkout import wheelhouse
from tests.support.command import Ran
from tests.support.paths import CHART, EXAMPLE, ROOT
from tests.support.tools import tool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by pip with the build backend of the lock file."""
    folder = tmp_path_factory.mktemp("dist")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(folder),
        str(ROOT),
    ]
    subprocess.run(command, check=True, env=no_python_variables())
    (built,) = folder.glob("xscaler_istio-*-py3-none-any.whl")
    return built


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel and what it asks for, in the versions of the lock file; no extras."""
    folder = tmp_path_factory.mktemp("environment")
    # With a pip of its own: that of the tests may be too old to install into another environment.
    venv.create(folder, with_pip=True)
    pins = folder / "constraints.txt"
    locked = (ROOT / "requirements.lock").read_text().splitlines()
    pins.write_text("".join(f"{line.rstrip(chr(92))}\n" for line in locked if line[:1].isalnum()))
    pip = [str(folder / "bin/python"), "-m", "pip", "--disable-pip-version-check"]
    where = ["--no-index", "--find-links", str(wheelhouse())]
    install = [*pip, "install", "--quiet", *where, "--constraint", str(pins), str(wheel)]
    subprocess.run(install, check=True, env=no_python_variables())
    return folder


_TWIN = pytest.mark.whole("which Helm is on PATH is nothing to the wheel; with Helm 4 the same tests run")


@pytest.fixture(params=[pytest.param("helm3", marks=_TWIN), "helm4"])
def installed(request: pytest.FixtureRequest, bare: Path, tmp_path: Path) -> Callable[..., Ran]:
    """The installed program, each Helm on PATH and nothing else, in an empty folder."""

    def run(*arguments: object, **more: object) -> Ran:
        path = os.pathsep.join((str(tool(request.param).parent), os.defpath))
        environment = {"PATH": path, "HOME": str(tmp_path), "NO_COLOR": "1", "COLUMNS": "200"}
        environment |= {name: str(value) for name, value in more.items()}
        words = [str(bare / "bin/xscaler-istio"), *map(str, arguments)]
        done = subprocess.run(words, check=False, capture_output=True, text=True, cwd=tmp_path, env=environment)
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


def no_python_variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def test_the_wheel_carries_the_whole_chart(wheel: Path) -> None:
    inside = "xscaler_istio/chart/"
    with zipfile.ZipFile(wheel) as archive:
        carried = {name: archive.read(name) for name in archive.namelist() if name.startswith(inside)}
    files = [file for file in CHART.rglob("*") if file.is_file()]
    assert carried == {f"{inside}{file.relative_to(CHART)}": file.read_bytes() for file in files}


def test_validate_needs_no_checkout(installed: Callable[..., Ran]) -> None:
    good = installed("validate", "-f", EXAMPLE)
    assert (good.code, good.out.splitlines()[-1].startswith("OK: no findings")) == (0, True), good.err
    bad = installed("validate", "-f", EXAMPLE, "--set", "metrics.profile=minimum")
    assert bad.code == 1
    assert "did you mean minimal?" in bad.out


def test_render_gives_what_the_checkouts_chart_gives(installed: Callable[..., Ran], tmp_path: Path) -> None:
    ours = subprocess.run(
        [tool("helm4"), "template", "rel", CHART, "-n", "ns", "-f", EXAMPLE], check=True, capture_output=True, text=True
    ).stdout
    theirs = installed("render", "rel", "-n", "ns", "-f", EXAMPLE)
    assert theirs.code == 0, theirs.err
    assert [line for line in theirs.out.splitlines() if line] == [line for line in ours.splitlines() if line]
    explained = installed("render", "-f", EXAMPLE, "--explain")
    assert (explained.code, explained.out.splitlines()[0]) == (0, "destination"), explained.err
    assert list(tmp_path.iterdir()) == []


def test_the_chart_is_the_one_carried_unless_one_is_given(installed: Callable[..., Ran], bare: Path) -> None:
    carried = installed("schema", "--path").out.strip()
    assert carried.startswith(str(bare.resolve()))
    assert carried.endswith("site-packages/xscaler_istio/chart/values.schema.json")
    assert installed("schema", "--path", "--chart", CHART).out.strip() == str(CHART / "values.schema.json")


@pytest.mark.parametrize("command", ["test --local", "doctor --probe"])
def test_a_missing_extra_is_named(command: str, installed: Callable[..., Ran]) -> None:
    # No cluster is asked: the packages are looked for first.
    ran = installed(*command.split(), "-f", EXAMPLE, XSCALER_KUBECTL=tool("kubectl"), KUBECONFIG="none")
    assert ran.code == 3
    assert ran.err.startswith("error: the Python package ")
    assert (
        f"is missing, which {command} needs\n  fix: install the extra: pipx install 'xscaler-istio[local]'" in ran.err
    )
