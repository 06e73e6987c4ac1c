"""tools/get: paths on stdout, one build for two callers, PATH only in the right version."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

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
