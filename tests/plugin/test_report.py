"""The reports of findings: each for its reader, all of the same findings."""

from __future__ import annotations

import dataclasses
import json
import os
import pty
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.paths import EXAMPLE, ROOT
from tests.support.tools import tool
from xscaler_istio.findings.findings import Finding, KubeContext, Location, Report, Severity, Skipped
from xscaler_istio.report import REPORTERS
from xscaler_istio.system import terminal
from xscaler_istio.system.terminal import Terminal
from xscaler_istio.values.excerpt import excerpt, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.command import Ran

SCHEMA = json.loads((ROOT / "docs/findings.schema.json").read_text())
ERROR = Finding(
    rule="XS002",
    severity=Severity.ERROR,
    message="a.b is 100% <wrong>",
    location=Location("my values.yaml", 2, 6),
    path="a.b",
    fix="fix it",
    excerpt=excerpt("  b: x", 6),
)
WARNING = Finding(
    rule="XS200",
    severity=Severity.WARNING,
    message="the token stands in the values",
    location=Location("--set xscaler.auth.token"),
    path="t",
)
NOTE = Finding(
    rule="XS213",
    severity=Severity.INFO,
    message="full",
    location=Location("<stdin>", 7, 3),
    path="metrics.profile",
    fix="",
    excerpt="",
    ignored="until March",
)
FOUND = Report(command="validate", findings=(ERROR, WARNING), skipped=(Skipped("unknown", "shards"),), ignored=(NOTE,))
PLAIN = Terminal()


def test_text_shows_place_line_and_fix() -> None:
    assert REPORTERS["text"](FOUND, PLAIN) == (
        "my values.yaml:2:6: error: a.b is 100% <wrong> [XS002]\n"
        "  2 |   b: x\n"
        "    |      ^\n"
        "  fix: fix it\n"
        "--set xscaler.auth.token: warning: the token stands in the values [XS200]\n"
        "skipped: shards: unknown\n"
        "XS002: https://github.com/xscaler/xscaler-istio/blob/main/docs/rules.md#xs002\n"
        "XS200: https://github.com/xscaler/xscaler-istio/blob/main/docs/rules.md#xs200\n"
        "validate: 1 error, 1 warning; not checked: shards (1 ignored)\n"
    )


@pytest.mark.parametrize("width", [30, 40, 79])
def test_text_keeps_to_a_narrow_terminal(width: int) -> None:
    long = dataclasses.replace(ERROR, message="a message of many short words " * 8, fix="and a fix of as many " * 8)
    wide = dataclasses.replace(long, excerpt=excerpt("  b: x" + " y" * 80, 6))
    lines = REPORTERS["text"](Report(command="validate", findings=(long, wide)), Terminal(width=width)).splitlines()
    assert all(len(line) <= width for line in lines if "https://" not in line), lines
    assert "".join("".join(lines).split()).count("ofmanyshortwords") == 16


def test_colour_changes_nothing_but_colour() -> None:
    painted = REPORTERS["text"](FOUND, Terminal(colour=True))
    assert "\033[31merror\033[0m" in painted
    assert "\033[33mwarning\033[0m" in painted
    assert re.sub("\033\\[[0-9]+m", "", painted) == REPORTERS["text"](FOUND, PLAIN)


class Stream:
    def __init__(self, *, is_terminal: bool) -> None:
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal


@pytest.mark.parametrize(
    ("is_terminal", "environment", "colour"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
        (True, {"HELM_COLOR": "never"}, False),
        (False, {"HELM_COLOR": "always"}, True),
        (False, {"HELM_COLOR": "always", "NO_COLOR": "1"}, False),
    ],
)
def test_when_there_is_colour(*, is_terminal: bool, environment: dict[str, str], colour: bool) -> None:
    stream = Stream(is_terminal=is_terminal)
    found = terminal.of(stream, environment)  # type: ignore[arg-type]
    assert found.colour is colour
    assert bool(found.width) is is_terminal


def test_on_a_real_terminal_there_is_colour_and_its_width() -> None:
    ours, theirs = pty.openpty()
    command = [str(Path(sys.executable).parent / "xscaler-istio"), "validate", "-f", "-"]
    environment = {**os.environ, "HELM_BIN": str(tool("helm4")), "COLUMNS": "60", "TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    done = subprocess.run(
        command, check=False, input=b"metrics: {profile: all}\n", stdout=theirs, stderr=subprocess.PIPE, env=environment
    )
    os.close(theirs)
    text = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.returncode == 1
    assert "\033[31merror\033[0m" in text
    assert "\r\n  fix: did you mean" not in text.replace("\033", "")
    assert all(len(line) <= 80 for line in text.split("\r\n") if "https" not in line)


@pytest.mark.parametrize(
    ("cluster", "words"),
    [
        (KubeContext("a:b", "prod-eu"), "context prod-eu of kubeconfig a:b"),
        (
            KubeContext("a", "", "https://10.0.0.1"),
            "kubeconfig a, which has no current context, server https://10.0.0.1",
        ),
        (KubeContext("a", "x\x1b[1m"), r"context x\x1b[1m of kubeconfig a"),
    ],
)
def test_text_begins_with_the_cluster(cluster: KubeContext, words: str) -> None:
    for findings in ((), (ERROR,)):
        found = Report(command="doctor", findings=findings, cluster=cluster)
        assert REPORTERS["text"](found, PLAIN).splitlines()[0] == f"cluster: {words}"


def test_json_has_the_cluster_of_a_report_about_one() -> None:
    found = Report(command="doctor", findings=(), cluster=KubeContext("/home/me/.kube/config", "prod-eu"))
    document = json.loads(REPORTERS["json"](found, PLAIN))
    jsonschema.Draft7Validator(SCHEMA).validate(document)
    assert document["cluster"] == {"kubeconfig": "/home/me/.kube/config", "context": "prod-eu", "server": ""}


def test_json_conforms_to_the_published_schema() -> None:
    document = json.loads(REPORTERS["json"](FOUND, PLAIN))
    jsonschema.Draft7Validator(SCHEMA).validate(document)
    assert document["summary"] == {"error": 1, "warning": 1, "info": 0}
    assert (document["ok"], document["ignored"][0]["reason"]) == (False, "until March")


@pytest.mark.parametrize("command", ["validate", "lint"])
@pytest.mark.parametrize(
    "values", ["cluster: {name: x}\nn: 1\n", "a: [", EXAMPLE.read_text()], ids=["bad", "no", "good"]
)
def test_what_a_command_prints_conforms(cli4: Callable[..., Ran], command: str, values: str) -> None:
    ran = cli4(command, "-f", "-", "-o", "json", stdin=values.encode())
    document = json.loads(ran.out)
    jsonschema.Draft7Validator(SCHEMA).validate(document)
    assert (document["command"], document["ok"]) == (command, ran.code == 0)


def test_sarif_has_what_code_scanning_reads() -> None:
    log = json.loads(REPORTERS["sarif"](FOUND, PLAIN))
    (run,) = log["runs"]
    assert (log["version"], [rule["id"] for rule in run["tool"]["driver"]["rules"]]) == (
        "2.1.0",
        ["XS002", "XS200", "XS213"],
    )
    error, warning, note = run["results"]
    assert error["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "my%20values.yaml"},
        "region": {"startLine": 2, "startColumn": 6},
    }
    assert [result["level"] for result in run["results"]] == ["error", "warning", "note"]
    # A flag and standard input are no files.
    assert all("physicalLocation" not in result["locations"][0] for result in (warning, note))
    assert note["suppressions"] == [{"kind": "external", "justification": "until March"}]
    inline = dataclasses.replace(FOUND, ignored=(dataclasses.replace(NOTE, ignored_inline=True),))
    (run,) = json.loads(REPORTERS["sarif"](inline, PLAIN))["runs"]
    assert run["results"][-1]["suppressions"] == [{"kind": "inSource", "justification": "until March"}]
    prints = {result["partialFingerprints"]["ruleFileKey/v1"] for result in run["results"]}
    assert len(prints) == 3
    moved = dataclasses.replace(ERROR, location=Location("my values.yaml", 9, 6))
    again = json.loads(REPORTERS["sarif"](Report(command="validate", findings=(moved,)), PLAIN))["runs"][0]["results"][
        0
    ]
    assert again["partialFingerprints"] == error["partialFingerprints"]


def test_junit_fails_what_fails_the_command() -> None:
    suite = ET.fromstring(REPORTERS["junit"](FOUND, PLAIN))  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    strict = dataclasses.replace(FOUND, fail_on=Severity.WARNING)
    assert ET.fromstring(REPORTERS["junit"](strict, PLAIN)).get("failures") == "2"  # noqa: S314 - our own
    empty = ET.fromstring(REPORTERS["junit"](Report(command="lint", findings=()), PLAIN))  # noqa: S314 - our own
    assert (empty.get("name"), empty.get("tests"), empty.get("failures")) == ("helm xscaler lint", "1", "0")


def test_junit_takes_what_xml_does_not_admit() -> None:
    strange = dataclasses.replace(ERROR, message="a\x00b\x1b[31m\ufffe ]]> &")
    written = REPORTERS["junit"](Report(command="validate", findings=(strange,)), PLAIN)
    failure = ET.fromstring(written).find(".//failure")  # noqa: S314
    assert failure is not None
    assert failure.get("message") == "error: a\ufffdb\ufffd[31m\ufffd ]]> &"


def test_github_escapes_what_ends_a_command() -> None:
    assert REPORTERS["github"](FOUND, PLAIN) == (
        "::error file=my values.yaml,line=2,col=6,title=XS002::a.b is 100%25 <wrong>%0Afix: fix it\n"
        "::warning title=XS200::--set xscaler.auth.token: the token stands in the values\n"
        "::notice title=skipped::shards: unknown\n"
    )
    odd = dataclasses.replace(ERROR, location=Location("a,b:c.yaml", 1, 1), fix="")
    assert REPORTERS["github"](Report(command="validate", findings=(odd,)), PLAIN).startswith(
        "::error file=a%2Cb%3Ac.yaml,line=1,col=1,"
    )


@pytest.mark.parametrize("severity", ["error", "warning", "info"])
def test_fail_on_decides_the_exit_code(cli4: Callable[..., Ran], severity: str) -> None:
    # A warning and an info, no error.
    flags = ("validate", "-f", EXAMPLE, "--set", "cluster.name=default", "--fail-on", severity)
    assert cli4(*flags).code == (0 if severity == "error" else 1)


# (line, column, what is shown, where the caret is)
EXCERPTS = [
    ("a: b  # a comment", 4, "a: b", "   ^"),
    ("a: b  # xscaler: ignore XS213", 7, "a: b  # xscaler: ignore XS213", "      ^"),
    ("token: abc", 8, "token: …", "       ^"),
    ("x: {token: abc, y: 1}", 20, "x: {token: …, y: 1}", "                 ^"),
    ("existingSecret: {name: my-secret}", 24, "existingSecret: {name: my-secret}", "                       ^"),
    ("a: s3cr3t-of-the-user", 4, "a: …", "   ^"),
    ("a: [QWxhZGRpbjpvcGVu, b]", 23, "a: […, b]", "       ^"),
    ("- istio_request_bytes_bucket", 3, "- istio_request_bytes_bucket", "  ^"),
    ("u: https://euw1-01.m.xscalerlabs.com/api/v1/push", 4, "u: https://euw1-01.m.xscalerlabs.com/api/v1/push", "   ^"),
    ("u: https://me:pw@x.example/", 4, "u: https://…@x.example/", "   ^"),
    ("\tb: 1", 2, "\tb: 1", "\t^"),
]


@pytest.mark.parametrize(("line", "column", "expected", "caret"), EXCERPTS)
def test_an_excerpt_masks_what_may_be_a_secret(line: str, column: int, expected: str, caret: str) -> None:
    assert excerpt(line, column).split("\n") == [expected, caret]


def test_an_unknown_key_is_shown_without_what_follows() -> None:
    assert excerpt("  pw: hunter2", 3, cut_after=4) == "  pw\n  ^"


TOKEN = "xag_5f2Kq9ZrT1uVb8Ln3Wd7"  # noqa: S105 - of nobody


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("cluster.name", "prod-1", "prod-1"),
        ("metrics.shards", 3, "3"),
        ("logs.enabled", True, "true"),
        ("xscaler.auth.existingSecret.name", "xscaler-token", "xscaler-token"),
        ("pod.tolerations", [{"key": "a"}, {"key": "b"}], "2 entries"),
        ("pod.nodeSelector", {"a": "b"}, "1 entry"),
        ("xscaler.auth.token", "short", "…"),
        ("xscaler.auth.token", TOKEN, "…"),
        ("cluster.name", TOKEN, "…"),
        ("xscaler.tenantId", TOKEN, "…"),
        ("xscaler.extraHeaders.X-Key", "plain", "…"),
        ("pod.annotations.note", "plain", "…"),
        ("xscaler.metrics.url", f"https://user:{TOKEN}@host/push", "https://……"),
    ],
)
def test_a_value_is_shown_without_what_may_be_secret(key: str, value: object, expected: str) -> None:
    assert shown(key, value) == expected


@given(st.text(max_size=80), st.integers(1, 90), st.integers(0, 90))
def test_any_line_has_an_excerpt_of_two_lines(line: str, column: int, cut_after: int) -> None:
    (single,) = re.split(r"\r\n|[\n\r\x85\u2028\u2029]", line)[:1]
    written, caret = excerpt(single, column, cut_after=cut_after).split("\n")
    assert len(written) <= len(single) + 1
    assert caret.strip() == "^"


@given(
    st.from_regex(r"[A-Za-z0-9]{4,40}", fullmatch=True), st.sampled_from(["token", "password", "apiKey", "x-secret"])
)
def test_the_value_of_a_secrets_key_is_never_shown(secret: str, key: str) -> None:
    for line in (
        f"{key}: {secret}",
        f"a: {{{key}: {secret}, b: 1}}",
        f'"{key}": "{secret}"',
        f"{key}: {secret} {secret}",
    ):
        for column in range(1, len(line) + 1):
            assert secret not in excerpt(line, column).replace(key, "").replace("…", " ")
