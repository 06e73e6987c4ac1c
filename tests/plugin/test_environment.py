"""Faults of a machine or of what a user gave: exit code 3 and what to do, never a bug of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.command import SCRIPT, runner
from tests.support.paths import EXAMPLE
from tests.support.tools import tool

if TYPE_CHECKING:
    from pathlib import Path

SHELL = [
    # (what a shell runs in a folder of its own, what it says)
    (f"{SCRIPT} validate -f {EXAMPLE} >&-", "error: standard output is closed\n  fix: leave it open, or send it to"),
    (f"{SCRIPT} render -f {EXAMPLE} >/dev/full", "error: cannot read or write the output: No space left on device\n"),
    (f"{SCRIPT} --help >/dev/full", "error: cannot read or write the output: No space left on device\n"),
    (
        f"mkdir gone; cd gone; rmdir ../gone; {SCRIPT} validate -f {EXAMPLE}",
        "error: cannot read the working directory: No such file or directory\n  fix: cd into one that exists\n",
    ),
    (f"yes | {SCRIPT} validate -f -", "error: standard input is larger than 1 MiB [XS016]\n"),
    (f"mkfifo pipe; yes >pipe & {SCRIPT} render -f pipe", "error: pipe is larger than 1 MiB [XS016]\n"),
]


@pytest.mark.parametrize(("command", "says"), SHELL, ids=[case[0].replace(f"{SCRIPT} ", "") for case in SHELL])
def test_it_is_said_with_exit_code_3(tmp_path: Path, command: str, says: str) -> None:
    environment = {**os.environ, "HELM_BIN": str(tool("helm4"))}
    done = subprocess.run(["sh", "-c", command], check=False, capture_output=True, cwd=tmp_path, env=environment)
    assert done.stderr.decode().startswith(says)
    assert done.returncode == 3


GIVEN: list[tuple[str, tuple[str | Path, ...], str]] = [
    # (what HELM_BIN is, the command, what it says)
    ("/bin/true", ("validate", "-f", EXAMPLE), "error: /bin/true prints nothing for a chart: is it Helm?"),
    ("/bin/true", ("render", "-f", EXAMPLE), "error: /bin/true prints nothing for a chart: is it Helm?"),
    ("/bin/echo", ("validate", "-f", EXAMPLE), "error: /bin/echo does not print a rendered chart"),
    ("/bin/false", ("validate", "-f", EXAMPLE), "error: /bin/false exits with 1 and prints nothing: is it"),
    ("/bin/false", ("lint", "-f", EXAMPLE), "error: /bin/false exits with 1 and prints nothing: is it Helm?"),
    (
        "",
        ("validate", "-f", "/dev/zero"),
        "error: /dev/zero is larger than 1 MiB [XS016]\n  fix: check that it is the right file",
    ),
    (
        "",
        ("validate", "-f", EXAMPLE, "--set-file", "a=/nowhere"),
        "error: cannot read the file of --set-file a: No such file or directory\n  fix: check the path after the =\n",
    ),
    (
        "",
        ("render", "-f", EXAMPLE, "--set-file", f"a={EXAMPLE},b=/tmp"),
        "error: cannot read the file of --set-file b: Is a directory\n",
    ),
]


@pytest.mark.parametrize(
    ("helm", "words", "says"), GIVEN, ids=[f"{case[0]} {case[1][0]} {case[1][-1]}" for case in GIVEN]
)
def test_what_is_given_is_said_with_exit_code_3(helm: str, words: tuple[str | Path, ...], says: str) -> None:
    ran = runner(helm or tool("helm4"))(*words)
    assert ran.err.startswith(says)
    assert ran.code == 3


def test_no_temporary_folder(tmp_path: Path) -> None:
    # Root writes everywhere, so that only the interpreter can be told that no folder is usable.
    probe = f"""
import tempfile
tempfile._candidate_tempdir_list = lambda: [{str(tmp_path / "none")!r}]
from xscaler_istio.cli import main
main()
"""
    command = [sys.executable, "-c", probe, "validate", "-f", str(EXAMPLE)]
    environment = {**os.environ, "HELM_BIN": str(tool("helm4"))}
    done = subprocess.run(command, check=False, capture_output=True, cwd=tmp_path, env=environment)
    assert done.stderr.decode().startswith(
        "error: cannot make a temporary folder: No usable temporary directory found in "
    )
    assert done.returncode == 3


def test_without_standard_input_or_errors() -> None:
    environment = {**os.environ, "HELM_BIN": str(tool("helm4"))}
    command = f"{SCRIPT} render -f {EXAMPLE} <&- 2>&-"
    done = subprocess.run(["sh", "-c", command], check=False, capture_output=True, env=environment)
    assert (done.returncode, done.stdout[:4]) == (0, b"---\n")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ignore: [{rule: XS213, reason: 2026-02-30}]", ":1:32: the value is not valid for its type; quote it if it"),
        ("\nmesh: !foo b", ":2:7: could not determine a constructor for the tag '!foo'\n"),
        ("mesh: {? [a] : b}", ":1:10: found unhashable key\n"),
        ("mesh: {<<: 3}", ":1:12: expected a mapping or list of mappings for merging, but found scalar\n"),
    ],
)
def test_a_project_file_that_is_not_plain(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / ".xscaler.yaml").write_text(f"{text}\n")
    ran = runner(tool("helm4"), tmp_path)("validate", "-f", EXAMPLE)
    assert ran.err.startswith(f"error: .xscaler.yaml{says}")
    assert ran.code == 3


@pytest.mark.parametrize(("variables", "name"), [({"HELM_PLUGIN_DIR": "/p"}, "helm xscaler"), ({}, "xscaler-istio")])
def test_usage_names_the_program_as_it_was_called(variables: dict[str, str], name: str) -> None:
    ran = runner(tool("helm4"))("validate", "--bogus", **variables)
    assert ran.err.startswith(f"Usage: {name} validate [OPTIONS] [FILE]...\nTry '{name} validate -h' for help.\n")
    assert ran.code == 2
