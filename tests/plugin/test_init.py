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
from xscaler_istio.wire import published

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.command import Ran

SCHEMA = schema.load(CHART)
FLAGS = ("--region", "euw1-01", "--tenant-id", "acme", "--cluster", "prod-1")
FOUND = {
    "xscaler.region": "euw1-01",
    "xscaler.tenantId": "acme",
    "xscaler.auth.existingSecret.name": "xscaler-token",
    "cluster.name": "prod-1",
    "metrics.collector": "prometheus",
}
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
    # A terminal makes init ask xScaler, which no test does.
    command = [str(Path(sys.executable).parent / "xscaler-istio"), "init", "--no-probe", str(file)]
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


# What each URL of logs answers; the key that is set, and words of the report.
ANSWERS = [
    ((401, 404), {}, "xScaler answers at {0}"),
    (
        (404, 401),
        {"xscaler.logs.url": "{1}"},
        "xScaler has nothing at {0}, but answers at {1}: xscaler.logs.url is set to it",
    ),
    ((404, 404), {}, "{0} is not checked: it answers 404"),
    ((503, 401), {}, "{0} is not checked: it answers 503"),
    ((0, 0), {}, "{0} is not checked: it does not answer from this machine"),
]


@pytest.mark.parametrize(("statuses", "keys", "words"), ANSWERS)
def test_the_push_url_that_answers_is_written(statuses: tuple[int, int], keys: dict[str, str], words: str) -> None:
    urls = published.forms("logs", "euw1-01")
    by_url = dict(zip(urls, statuses, strict=True))

    def look(what: str, url: str) -> tuple[published.UrlAnswer, published.Moved | None]:
        return published.look(what, url, lambda asked: published.UrlAnswer(asked, by_url[asked]))

    found = {**FOUND, "metrics.collector": "none"}
    settings, said = init.push_urls(found, look, logs=True)
    assert settings == {key: url.format(*urls) for key, url in keys.items()}
    assert len(said) == 1
    assert said[0].startswith(words.format(*urls))
    written = yaml.safe_load(init.values_file({**found, **settings}, SCHEMA, "x.json", logs=True))
    assert written["xscaler"].get("logs", {}) == {"url": urls[1]} if settings else "logs" not in written["xscaler"]


def test_only_a_terminal_or_a_flag_makes_it_ask(cli4: Callable[..., Ran], tmp_path: Path) -> None:
    assert "push" not in cli4("init", tmp_path / "quiet.yaml", *FLAGS).err
    # A name that no resolver knows: nothing leaves the machine.
    ran = cli4(
        "init", tmp_path / "asked.yaml", "--probe", *FLAGS, "--region", "nowhere-0", https_proxy="http://127.0.0.1:9"
    )
    assert (
        "https://nowhere-0.xscalerlabs.com/api/v1/push is not checked: it does not answer from this machine" in ran.err
    )
    assert ran.code == 0


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
