"""A command that is ended while Helm runs: at once, and nothing stays, neither values on disk nor Helm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import EXAMPLE, ROOT
from tests.support.tools import tool
from tests.support.waiting import until

# Far longer than an orderly end takes.
SLOW_SECONDS = 60
COMMANDS = (
    ("validate", "-f", "-"),
    ("render", "-f", "-"),
    ("render", "-f", "-", "--explain"),
    ("diff", "-", str(EXAMPLE)),
    ("lint", "-f", "-"),
)


@pytest.fixture
def slow_helm(tmp_path: Path) -> Path:
    """Helm, after a while: that of a program that Helm itself would start and wait for."""
    program = tmp_path / "helm"
    program.write_text(
        f'#!/bin/sh\nsleep {SLOW_SECONDS} &\necho $! $$ >>{tmp_path}/pids\nwait\nexec {tool("helm4")} "$@"\n'
    )
    program.chmod(0o755)
    return program


def pids(folder: Path) -> list[str]:
    file = folder / "pids"
    return file.read_text().split() if file.exists() else []


def lives(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Each command with one signal, and each signal with a command, are in `make test`.
ONCE = [(words, SIGNALS[place % 3]) for place, words in enumerate(COMMANDS)]
_SAME = pytest.mark.whole("each command and each signal is tried once: one handler takes all signals")


@pytest.mark.parametrize(
    ("words", "number"),
    [
        pytest.param(words, number, marks=[] if (words, number) in ONCE else [_SAME], id=f"{' '.join(words)}-{number}")
        for words in COMMANDS
        for number in SIGNALS
    ],
)
def test_nothing_stays(tmp_path: Path, slow_helm: Path, words: tuple[str, ...], number: signal.Signals) -> None:
    spools = tmp_path / "temporary"
    spools.mkdir()
    # A shell has its jobs in the background ignore ^C, and what runs these tests may be one.
    command = ["env", "--default-signal", str(Path(sys.executable).parent / "xscaler-istio"), *words]
    environment = {**os.environ, "HELM_BIN": str(slow_helm), "TMPDIR": str(spools)}
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=nowhere, stderr=nowhere, env=environment, cwd=ROOT
    ) as started:
        assert started.stdin
        started.stdin.write(b"xscaler: {auth: {token: secret}}\n")
        started.stdin.close()
        until(lambda: bool(pids(tmp_path)), "Helm is not started")
        assert any(file.read_bytes() == b"xscaler: {auth: {token: secret}}\n" for file in spools.glob("*/*.yaml"))
        started.send_signal(number)
        # It does not wait for Helm.
        assert started.wait(SLOW_SECONDS / 2) == 130
    assert list(spools.iterdir()) == []
    assert [pid for pid in pids(tmp_path) if lives(pid)] == []
