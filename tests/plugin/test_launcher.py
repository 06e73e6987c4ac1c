"""The launcher and the environment that it makes, in copies of the checkout, with a wheelhouse and no network."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import checkout as checkouts
from tests.support.paths import EXAMPLE, ROOT
from tests.support.tools import HELMS, tool
from tests.support.waiting import until

MAKING = "building the plugin's Python environment"
URL = "https://github.com/xscaler/xscaler-istio"
# Its only network is a loopback that is down.
NO_NETWORK = ("unshare", "--map-root-user", "--net")


@pytest.fixture(scope="session")
def wheelhouse() -> Path:
    """The packages of the lock file."""
    return checkouts.wheelhouse()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy, in a folder with a space in its name."""
    return checkouts.copy_checkout(tmp_path / "a checkout")


def variables(wheelhouse: Path | None = None, **more: object) -> dict[str, str]:
    """An environment that spoils Python's own variables, and names the Python of the tests."""
    spoilt = {"PYTHONPATH": "/nowhere", "PYTHONHOME": "/nowhere", "XSCALER_BOOTSTRAP_PYTHON": base_python()}
    given = {"XSCALER_WHEELHOUSE": wheelhouse} if wheelhouse else {}
    return {**os.environ, **spoilt, **{name: str(value) for name, value in {**given, **more}.items()}}


def base_python() -> str:
    return str(Path(sys.base_prefix) / "bin/python3")


def run(*command: object, **variables_: str) -> subprocess.CompletedProcess[str]:
    words = [*NO_NETWORK, *map(str, command)]
    return subprocess.run(words, check=False, capture_output=True, text=True, env=variables_, timeout=900)


def offline(checkout: Path, wheelhouse: Path, helm: str, data: Path) -> None:
    """Install the plugin from a checkout that has its packages beside it."""
    (checkout / "plugin/wheelhouse").symlink_to(wheelhouse)
    environment = variables(HELM_DATA_HOME=data)
    installed = run(tool(helm), "plugin", "install", checkout, **environment)
    assert installed.returncode == 0, installed.stderr
    assert MAKING in installed.stdout + installed.stderr


@pytest.fixture(scope="module")
def made(wheelhouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout after its first run."""
    checkout = checkouts.copy_checkout(tmp_path_factory.mktemp("made") / "a checkout")
    offline(checkout, wheelhouse, "helm4", tmp_path_factory.mktemp("helm data"))
    return checkout


_OFFLINE = pytest.mark.whole("with Helm 4 the same hook has made the environment that test_install_and_use takes")
_GIT = pytest.mark.whole("only how Helm gets the folder differs from what test_install_and_use does")
_MAKING = pytest.mark.whole("makes three environments; that of test_install_and_use is made in the same way")


@_OFFLINE
def test_offline_from_a_folder_beside_the_plugin_with_helm_3(checkout: Path, wheelhouse: Path, tmp_path: Path) -> None:
    offline(checkout, wheelhouse, "helm3", tmp_path / "helm data")


_CROSSED = pytest.mark.whole("each major installs one of both folders")


@pytest.mark.parametrize(
    ("folder", "helm"),
    [
        (".", "helm4"),
        ("plugin", "helm3"),
        pytest.param(".", "helm3", marks=_CROSSED),
        pytest.param("plugin", "helm4", marks=_CROSSED),
    ],
)
def test_install_and_use(helm: str, folder: str, made: Path, tmp_path: Path) -> None:
    # HELM_DATA_HOME keeps the plugin out of the user's Helm, in both majors.
    environment = variables(HELM_DATA_HOME=tmp_path / "helm data")
    installed = run(tool(helm), "plugin", "install", made / folder, **environment)
    assert (installed.returncode, MAKING in installed.stdout + installed.stderr) == (0, False), installed.stderr
    good = run(tool(helm), "xscaler", "validate", "-f", EXAMPLE, **environment)
    assert (good.returncode, good.stdout.splitlines()[-1].startswith("OK: no findings")) == (0, True), good.stderr
    assert MAKING not in good.stderr
    bad = run(tool(helm), "xscaler", "validate", "-f", EXAMPLE, "--set", "cluster.name=", **environment)
    assert bad.returncode == 1
    assert "cluster.name is empty" in bad.stdout
    rendered = run(tool(helm), "xscaler", "render", "-f", EXAMPLE, "--namespace", "elsewhere", **environment)
    assert 'namespace: "elsewhere"' in rendered.stdout


def test_no_suitable_python_is_said(checkout: Path, tmp_path: Path) -> None:
    plugin, bare = checkout / "plugin", tmp_path / "bin"
    bare.mkdir()
    for program in ("sh", "dirname", "rm"):
        found = shutil.which(program)
        assert found
        (bare / program).symlink_to(found)
    done = subprocess.run(
        [plugin / "bin/xscaler"], check=False, capture_output=True, text=True, env={"PATH": str(bare)}
    )
    assert done.returncode == 70
    assert "found no Python 3.10 or newer with venv and ensurepip" in done.stderr
    assert "fix: apt-get install python3-venv" in done.stderr
    assert not (plugin / ".venv").exists()


@_GIT
@pytest.mark.parametrize("helm", HELMS)
def test_from_a_git_url(helm: str, checkout: Path, wheelhouse: Path, tmp_path: Path) -> None:
    git = ("git", "-C", str(checkout), "-c", "user.name=test", "-c", "user.email=test@localhost")
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "all")):
        subprocess.run([*git, *words], check=True)
    repository = tmp_path / "xscaler.git"
    subprocess.run(["git", "clone", "-q", "--bare", checkout, repository], check=True)
    data = tmp_path / "data"
    # The address that users give: Helm knows that host, and git is told to find it here.
    instead = {
        "GIT_CONFIG_COUNT": 1,
        "GIT_CONFIG_KEY_0": f"url.file://{repository}.insteadOf",
        "GIT_CONFIG_VALUE_0": URL,
    }
    environment = variables(wheelhouse, HELM_DATA_HOME=data, HELM_CACHE_HOME=tmp_path / "cache", **instead)
    verified = [] if helm == "helm3" else ["--verify=false"]
    installed = run(tool(helm), "plugin", "install", URL, *verified, **environment)
    assert installed.returncode == 0, installed.stderr
    rendered = run(tool(helm), "xscaler", "render", "-f", EXAMPLE, "-n", "elsewhere", **environment)
    assert 'namespace: "elsewhere"' in rendered.stdout, rendered.stderr
    schema = run(tool(helm), "xscaler", "schema", "--path", **environment).stdout.strip()
    assert str(data.resolve()) in str(Path(schema).resolve()) or "/cache/" in schema
    assert schema.endswith("chart/values.schema.json")


@_MAKING
def test_interrupted_then_three_at_once_then_broken_and_moved(checkout: Path, wheelhouse: Path) -> None:
    launcher, environment = checkout / "plugin/bin/xscaler", variables(wheelhouse)
    python = checkout / "plugin/.venv/bin/python"

    first = subprocess.Popen(
        [launcher, "--version"], env=environment, stderr=subprocess.DEVNULL, start_new_session=True
    )
    until(python.exists, "the environment is not begun")
    os.killpg(first.pid, signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL

    words = [*NO_NETWORK, str(launcher), "--version"]
    pipe = subprocess.PIPE
    at_once = [subprocess.Popen(words, env=environment, stdout=pipe, stderr=pipe, text=True) for _ in range(3)]
    said = [process.communicate(timeout=900) for process in at_once]
    assert [process.returncode for process in at_once] == [0, 0, 0], said
    assert len({out for out, _ in said}) == 1
    assert sum(MAKING in err for _, err in said) == 1

    assert MAKING not in run(launcher, "--version", **environment).stderr
    python.unlink()
    python.symlink_to("/nowhere/python")
    mended = run(launcher, "validate", "-f", EXAMPLE, **environment, HELM_BIN=str(tool("helm4")))
    assert (mended.returncode, MAKING in mended.stderr) == (0, True), mended.stderr

    moved = checkout.rename(checkout.with_name("moved"))
    after = run(moved / "plugin/bin/xscaler", "schema", "--path", **environment)
    assert (after.returncode, MAKING in after.stderr) == (0, True), after.stderr
    assert after.stdout.strip() == str(moved / "chart/values.schema.json")


@pytest.mark.whole("makes half an environment for one message")
def test_a_wheelhouse_without_the_packages_is_said(checkout: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    done = run(checkout / "plugin/bin/xscaler", "--version", **variables(empty, PIP_FIND_LINKS=""))
    assert done.returncode == 70
    assert f"fix: {empty} lacks packages for " in done.stderr


# Notes how it is called, takes its time over a package, and fails.
FAILING_UV = """#!/bin/sh
echo "$*" >>"$NOTES"
[ "$1" = pip ] || exit 0
echo "Downloading vl-convert-python (29.9MiB)" >&2
sleep 3
exit 2
"""


@pytest.mark.whole("makes two environments; what users install with is pip or the real uv")
def test_uv_installs_with_hashes_and_pip_where_it_fails(checkout: Path, tmp_path: Path) -> None:
    uv, notes, empty = tmp_path / "bin/uv", tmp_path / "notes", tmp_path / "empty"
    for folder in (uv.parent, empty):
        folder.mkdir()
    uv.write_text(FAILING_UV)
    uv.chmod(0o755)
    environment = variables(empty, PATH=f"{uv.parent}:{os.environ['PATH']}", NOTES=notes, PIP_FIND_LINKS="")
    done = run(checkout / "plugin/bin/xscaler", "--version", **environment)
    # The packages are missing for pip too.
    assert (done.returncode, "uv failed; trying pip" in done.stderr) == (70, True)
    assert "\n  Downloading vl-convert-python (29.9MiB)\n" in done.stderr
    made, installed = notes.read_text().splitlines()
    assert made.startswith("venv ")
    assert f"--no-index --find-links {empty} --require-hashes -r {checkout}/requirements.lock" in installed
    # An index that only pip's settings name, and a user who wants pip.
    indexed = {**environment, "XSCALER_WHEELHOUSE": "", "PIP_INDEX_URL": "http://127.0.0.1:9", "PIP_RETRIES": "0"}
    for others in (indexed, {**environment, "XSCALER_UV": ""}):
        assert run(checkout / "plugin/bin/xscaler", "--version", **others).returncode == 70
    assert notes.read_text().splitlines() == [made, installed]


def test_a_wheelhouse_that_is_not_there_is_said(checkout: Path, tmp_path: Path) -> None:
    gone = run(checkout / "plugin/bin/xscaler", "--version", **variables(tmp_path / "gone"))
    assert (gone.returncode, gone.stdout) == (70, "")
    assert (
        gone.stderr
        == f"xscaler: XSCALER_WHEELHOUSE is {tmp_path}/gone, which is not a folder\n  fix: fix or unset it\n"
    )


def test_a_newer_lock_file_needs_a_new_environment(checkout: Path, tmp_path: Path) -> None:
    # The decision alone: an environment that is not one would be rebuilt, which fails here without packages.
    environment, venv = variables(tmp_path / "gone"), checkout / "plugin/.venv"
    venv.joinpath("bin").mkdir(parents=True)
    venv.joinpath("bin/python").symlink_to("/bin/echo")
    version = next(line for line in (ROOT / "plugin.yaml").read_text().splitlines() if line.startswith("version:"))
    venv.joinpath(".xscaler-made").write_text(f"{version.split()[1]} {checkout}/plugin\n")
    launcher = checkout / "plugin/bin/xscaler"
    assert run(launcher, "rules", **environment).stdout == "-I -X utf8 -m xscaler_istio rules\n"
    later = time.time() + 10
    os.utime(checkout / "requirements.lock", (later, later))
    assert run(launcher, "rules", **environment).returncode == 70
