"""tools/get: paths on stdout, one build for two callers, PATH and wheels only in the right version."""

from __future__ import annotations

import configparser
import hashlib
import importlib.machinery
import importlib.util
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.tools import tool
from tests.support.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
GET = ROOT / "tools/get"


def get(*names: str, cache: Path | None = None, path: str = "") -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ)
    if cache:
        environment["XSCALER_CACHE"] = str(cache)
    if path:
        environment["PATH"] = f"{path}{os.pathsep}{environment['PATH']}"
    return subprocess.run([GET, *names], check=False, capture_output=True, text=True, env=environment)


def pretend(folder: Path, name: str, says: str) -> Path:
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    return program


def test_lists_every_program() -> None:
    listed = get("--list").stdout.split()
    assert {"helm4", "helm3", "kubeconform", "ct", "prometheus", "promtool", "mimir"} <= set(listed)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    done = get("helm5")
    assert done.returncode == 3
    assert done.stdout == ""
    assert "unknown tool 'helm5'; known are: helm4, helm3" in done.stderr


def test_two_at_once_build_once(tmp_path: Path) -> None:
    environment = dict(os.environ, XSCALER_CACHE=str(tmp_path))
    pipe = subprocess.PIPE
    running = [
        subprocess.Popen([GET, "kubeconform"], stdout=pipe, stderr=pipe, text=True, env=environment) for _ in range(3)
    ]
    results = [(*process.communicate(), process.returncode) for process in running]
    assert [code for *_, code in results] == [0, 0, 0]
    (path,) = {out.strip() for out, _, _ in results}
    assert sum("built kubeconform" in err for _, err, _ in results) == 1
    said = subprocess.run([path, "-v"], check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "v0.8.0"
    assert [file.name for file in Path(path).parent.iterdir() if file.name.startswith(".")] == []


def test_a_program_of_the_right_version_on_path_is_used(tmp_path: Path) -> None:
    program = pretend(tmp_path / "bin", "kubeconform", "v0.8.0")
    assert get("kubeconform", path=str(program.parent)).stdout.strip() == str(program)


def test_a_program_of_another_version_on_path_is_not_used(tmp_path: Path) -> None:
    program = pretend(tmp_path / "bin", "kubeconform", "v0.8.01")
    done = get("kubeconform", path=str(program.parent))
    assert done.returncode == 0
    assert done.stdout.strip() != str(program)


@pytest.mark.parametrize(("says", "used"), [("v3.17.0+g1", True), ("v4.10.2", True), ("v3.16.9", False), ("", False)])
def test_people_may_have_any_supported_helm(tmp_path: Path, says: str, used: bool) -> None:
    program = pretend(tmp_path / "bin", "helm", says)
    assert (get("helm", path=str(program.parent)).stdout.strip() == str(program)) is used


# -- wheels -------------------------------------------------------------------------------------------------------

# The wheels hold programs for it.
only_linux = pytest.mark.only_on("linux", "x86_64")
# A program in a zip in a tar in a wheel, as Helm is; and a module that gives another one of that name.
_SECTION = """
[greeter]
package = example.test/greeter
requires = example.test/dependency
cost = 1
wheel = greeter==1.2.3
    {sha256}
    greeter/data.tgz!package/layer.zip!bin/greeter
"""
_WHEEL = """Wheel-Version: 1.0
Generator: test
Root-Is-Purelib: true
Tag: py3-none-any
"""


def checkout(folder: Path, sha256: str = "") -> tuple[Path, dict[str, str]]:
    """Write a checkout with tools/get, one tool and its wheel; return the former, and where pip finds the latter."""
    layer, data, wheels = io.BytesIO(), io.BytesIO(), folder / "wheels"
    with zipfile.ZipFile(layer, "w") as archive:
        archive.writestr("bin/greeter", "#!/bin/sh\necho from a wheel\n")
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        member = tarfile.TarInfo("package/layer.zip")
        member.size = len(layer.getvalue())
        tar.addfile(member, io.BytesIO(layer.getvalue()))
    wheels.mkdir(parents=True)
    wheel = wheels / "greeter-1.2.3-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("greeter/data.tgz", data.getvalue())
        archive.writestr("greeter-1.2.3.dist-info/METADATA", "Metadata-Version: 2.1\nName: greeter\nVersion: 1.2.3\n")
        archive.writestr("greeter-1.2.3.dist-info/WHEEL", _WHEEL)
        archive.writestr("greeter-1.2.3.dist-info/RECORD", "")
    module = folder / "tools/greeter"
    module.mkdir(parents=True)
    (module / "dependency").mkdir()
    (module / "dependency/go.mod").write_text("module example.test/dependency\n")
    required = "require example.test/dependency v1.2.3\nreplace example.test/dependency => ./dependency\n"
    (module / "go.mod").write_text(f"module example.test/greeter\n\ngo 1.26.0\n\n{required}")
    (module / "main.go").write_text('package main\n\nfunc main() { println("compiled") }\n')
    section = _SECTION.format(sha256=sha256 or hashlib.sha256(wheel.read_bytes()).hexdigest())
    (folder / "tools/tools.ini").write_text(section)
    shutil.copy(GET, folder / "tools/get")
    found = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "XSCALER_CACHE": str(folder / "cache")}
    return folder / "tools/get", {**os.environ, **found}


def greeting(own: Path, environment: dict[str, str]) -> tuple[str, str]:
    """Return what the program says, and what tools/get says of getting it."""
    done = subprocess.run([own, "greeter"], check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    said = subprocess.run([done.stdout.strip()], check=True, capture_output=True, text=True)
    return (said.stdout + said.stderr).strip(), done.stderr


@only_linux
def test_what_is_in_a_wheel_is_not_compiled(tmp_path: Path) -> None:
    own, environment = checkout(tmp_path)
    said, told = greeting(own, environment)
    assert (said, "took greeter from greeter==1.2.3" in told) == ("from a wheel", True)
    # And is kept.
    shutil.rmtree(tmp_path / "wheels")
    assert greeting(own, environment) == ("from a wheel", "")


@only_linux
def test_a_wheel_with_another_checksum_is_not_used(tmp_path: Path) -> None:
    said, told = greeting(*checkout(tmp_path, sha256="0" * 64))
    assert said == "compiled"
    assert "no wheel for greeter 1.2.3, so it is compiled: THESE PACKAGES DO NOT MATCH THE HASHES" in told


def test_what_pip_warns_of_is_not_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = loaded()
    monkeypatch.setattr(module, "TOOLS", tmp_path / "tools")
    pip = tmp_path / ".venv/bin/python"
    pip.parent.mkdir(parents=True)
    says = "echo 'WARNING: the cache is not writable' >&2; echo 'ERROR: no such wheel' >&2; echo 'ERROR: more' >&2"
    pip.write_text(f'#!/bin/sh\n[ "$3" = --version ] || {{ {says}; exit 1; }}\n')
    pip.chmod(0o755)
    wheel = module.Wheel(requirement="greeter==1.2.3", sha256="0" * 64, members=())
    assert module.download(wheel, tmp_path) == "no such wheel"


def test_who_waits_for_another_can_be_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, environment = checkout(tmp_path)
    ini = own.with_name("tools.ini")
    ini.write_text(re.sub(r"(?ms)^wheel.*", "", ini.read_text()))
    module: Any = loaded()
    monkeypatch.setattr(module, "TOOLS", own.parent)
    monkeypatch.setattr(module, "INI", ini)
    monkeypatch.setenv("XSCALER_CACHE", environment["XSCALER_CACHE"])
    lock = module.built_target(module.read_tool("greeter")).parent / "lock"
    lock.parent.mkdir(parents=True)
    with module.locked(lock, "", threading.Event()), waiter(own, environment) as process:
        assert process.stderr
        said = iter(process.stderr)
        assert any("waiting for another build of greeter" in line for line in said)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) == 130


def waiter(own: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    """Start tools/get in the background; ^C reaches it as it does on a terminal."""
    return subprocess.Popen(
        [own, "greeter"],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        # A shell lets its background jobs ignore ^C, and these tests may run in one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    )


def sections() -> dict[str, dict[str, str]]:
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "tools/tools.ini")
    return {name: {**config[config[name].get("like", name)], **config[name]} for name in config.sections()}


@pytest.mark.parametrize(
    "name", [name for name, section in sections().items() if "wheel" in section and "at-least" not in section]
)
def test_the_program_is_of_the_version_that_the_module_pins(name: str) -> None:
    section = sections()[name]
    version = loaded().read_tool(name).version
    if name == "kubectl":
        # Any of the minor.
        said = subprocess.run([tool(name), "version", "--client"], check=True, capture_output=True, text=True).stdout
        assert re.search(rf"Client Version: v{re.escape(version.rpartition('.')[0])}\.\d+\n", said)
    else:
        command = [str(tool(name)), *section["version"].split()]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        assert re.match(rf"v{re.escape(version)}\b", said)


# -- how long it takes --------------------------------------------------------------------------------------------


def loaded() -> ModuleType:
    """Return tools/get as a module."""
    loader = importlib.machinery.SourceFileLoader("tools_get", str(GET))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    sys.modules[loader.name] = module
    loader.exec_module(module)
    return module


@pytest.mark.parametrize(("cores", "gib", "builds"), [(1, 64, 1), (2, 24, 2), (2, 4, 1), (16, 10, 3), (64, 512, 4)])
def test_as_many_builds_at_once_as_cores_and_memory_allow(cores: int, gib: float, builds: int) -> None:
    assert loaded().side_by_side(cores, gib) == builds


def test_what_is_left_follows_the_pace_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = loaded()
    monkeypatch.setattr(module, "cores", lambda: 2)
    # Both cores; one of them taken by others; nothing compiled yet; more than was reckoned with.
    assert module.remaining(left=300, used=100, elapsed=50) == "about 2 min 30 s left"
    assert module.remaining(left=300, used=50, elapsed=50) == "about 5 min 00 s left"
    assert module.remaining(left=300, used=0.5, elapsed=20) == "about 2 min 30 s left"
    assert module.remaining(left=0, used=400, elapsed=200) == "longer than it usually takes"


def test_what_is_compiled_says_how_long_it_takes_and_took(tmp_path: Path) -> None:
    own, environment = checkout(tmp_path, sha256="0" * 64)
    ini = own.with_name("tools.ini")
    ini.write_text(re.sub(r"(?ms)^wheel.*", "", ini.read_text()).replace("cost = 1", "cost = 90"))
    said, told = greeting(own, environment)
    cores = loaded().cores()
    assert said == "compiled"
    assert f"compiling greeter 1.2.3 (once; at most {90 / cores:.0f} s where {cores} cores are free)" in told
    assert re.search(r"built greeter 1\.2\.3 in \d+ s \(\d+ CPU seconds\)", told)


# -- modules ------------------------------------------------------------------------------------------------------


def test_every_module_is_locked() -> None:
    for go_mod in ROOT.glob("tools/*/go.mod"):
        assert go_mod.with_name("go.sum").exists(), go_mod.parent.name
        tracked = subprocess.run(
            ["git", "check-ignore", "-q", go_mod.with_name("go.sum")],
            check=False,
            cwd=ROOT,
            capture_output=True,
        )
        assert tracked.returncode == 1, "go.sum must be committed"
