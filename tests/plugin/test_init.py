"""`init`: whatever is answered, the file holds it and is valid; nothing is overwritten."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import termios
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.command import runner
from tests.support.paths import CHART, ROOT
from tests.support.rendering import effective
from tests.support.tools import tool
from xscaler_istio import helm
from xscaler_istio.commands import init
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.system.errors import UsageError
from xscaler_istio.values import schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.command import Ran

SCHEMA = schema.load(CHART)
FLAGS = ("--region", "euw1-01", "--tenant-id", "acme", "--cluster", "prod-1")
TENANT, CLUSTER = init.QUESTIONS[1], init.QUESTIONS[3]

printable = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40)
# What YAML's versions read as something else than text when it is not in quotes.
tricky = st.sampled_from(["n", "Y", "on", "null", "~", "1e3", "0o755", "1:30", "007", "2026-01-01", ".inf", "-", "yes"])


@pytest.mark.parametrize("collector", COLLECTORS)
@pytest.mark.parametrize("logs", [(), ("--logs",)])
def test_what_it_writes_is_valid(
    cli: Callable[..., Ran], tmp_path: Path, collector: str, logs: tuple[str, ...]
) -> None:
    file = tmp_path / "values.yaml"
    ran = cli("init", file, *FLAGS, "--collector", collector, *logs)
    assert (ran.code, ran.out) == (0, "")
    checked = cli("validate", "-f", file, "--fail-on", "warning", "-o", "json")
    assert (checked.code, json.loads(checked.out)["ok"]) == (0, True)


def test_the_editors_schema_lies_beside_the_file(cli4: Callable[..., Ran], tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    assert cli4("init", file, *FLAGS).code == 0
    modeline, *_ = file.read_text().splitlines()
    beside = tmp_path / modeline.partition("$schema=")[2]
    assert beside.read_bytes() == (CHART / "values.schema.json").read_bytes()


def test_nothing_is_overwritten(cli4: Callable[..., Ran], tmp_path: Path) -> None:
    file, beside = tmp_path / "values.yaml", tmp_path / init.SCHEMA_FILE
    file.write_text("mine: 1\n")
    assert cli4("init", file, *FLAGS).code == 2
    beside.write_text("{}\n")
    assert cli4("init", tmp_path / "other.yaml", *FLAGS).code == 0
    assert (file.read_text(), beside.read_text()) == ("mine: 1\n", "{}\n")


def test_a_folder_that_is_not_there(cli4: Callable[..., Ran], tmp_path: Path) -> None:
    ran = cli4("init", tmp_path / "no" / "values.yaml", *FLAGS)
    assert (ran.code, ran.err.splitlines()[0]) == (
        3,
        f"error: cannot write {tmp_path}/no/values.yaml: No such file or directory",
    )


def _on_its_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # Ignored where the tests run in the background of a shell, and inherited.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def dialogue(file: Path, lines: list[str]) -> tuple[int, str]:
    """Answer the prompts on a terminal; return the exit code and all that it showed."""
    master, slave = pty.openpty()
    command = [str(Path(sys.executable).parent / "xscaler-istio"), "init", str(file)]
    variables = {**os.environ, "HELM_BIN": str(tool("helm4")), "NO_COLOR": "1"}
    # A session of its own, whose terminal this is: ^C is then a signal.
    process = subprocess.Popen(
        command,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=ROOT,
        env=variables,
        start_new_session=True,
        preexec_fn=_on_its_terminal,  # noqa: PLW1509 - there are no threads here
    )
    os.close(slave)
    shown = ""
    for line in [*lines, None]:
        # A prompt ends with a colon; at the end the terminal is closed.
        while not shown.endswith(": "):
            try:
                shown += os.read(master, 4096).decode()
            except OSError:
                break
        if line is not None:
            os.write(master, line.encode())
            shown += " "
    os.close(master)
    return process.wait(), shown


def test_five_questions_on_a_terminal(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    code, shown = dialogue(file, ["EU, west\n", "euw1-01\n", "acme\n", "\n", "prod-1\n", "allow\n", "alloy\n"])
    assert code == 0
    assert "a region name such as euw1-01, without the host's domain" in shown
    assert "allowed: alloy, opentelemetry, prometheus, none" in shown
    assert yaml.safe_load(file.read_text()) == {
        "xscaler": {"region": "euw1-01", "tenantId": "acme", "auth": {"existingSecret": {"name": "xscaler-token"}}},
        "cluster": {"name": "prod-1"},
        "metrics": {"collector": "alloy"},
    }


@pytest.mark.parametrize(("key", "code"), [("\x03", 130), ("\x04", 2)])
def test_a_dialogue_that_is_broken_off_writes_nothing(tmp_path: Path, key: str, code: int) -> None:
    file = tmp_path / "values.yaml"
    assert dialogue(file, ["euw1-01\n", key])[0] == code
    assert not file.exists()


@given(tenant=st.one_of(tricky, printable), cluster=st.one_of(tricky, printable))
def test_any_answer_is_refused_or_read_back(tenant: str, cluster: str) -> None:
    given_flags = {"--region": "euw1-01", "--tenant-id": tenant, "--cluster": cluster}
    try:
        found = init.answers(given_flags, SCHEMA)
    except UsageError:
        assert init.refused(TENANT, tenant, SCHEMA) or init.refused(CLUSTER, cluster, SCHEMA)
        return
    loaded = yaml.safe_load(init.values_file(found, SCHEMA, "x.json", logs=True))
    assert (loaded["xscaler"]["tenantId"], loaded["cluster"]["name"]) == (tenant, cluster)
    assert loaded["logs"] == {"enabled": True}


_HELM3 = pytest.mark.whole("both majors read YAML with one library")


@pytest.mark.parametrize("major", [pytest.param("helm3", marks=_HELM3), "helm4"])
@settings(max_examples=6)
@given(names=st.lists(st.one_of(tricky, printable), min_size=20, max_size=20))
def test_helm_reads_the_same(major: str, names: list[str]) -> None:
    # One run of Helm for many answers: each is written as init writes it.
    text = "tests:\n" + "".join(f"  k{number}: {init._scalar(name)}\n" for number, name in enumerate(names))
    with pytest.MonkeyPatch.context() as patch, helm.spooled(["-"], text.encode()) as files:
        patch.setenv("HELM_BIN", str(tool(major)))
        read = effective(CHART, *files).values["tests"]
    assert [read[f"k{number}"] for number in range(len(names))] == names


def test_a_missing_helm_is_no_matter(tmp_path: Path) -> None:
    assert runner("/nowhere")("init", tmp_path / "values.yaml", *FLAGS).code == 0
