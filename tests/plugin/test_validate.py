"""`validate` over example files: a new case is a new file, its expected output in comments at its top."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.paths import CHART, EXAMPLE
from tests.support.thinned import thinned
from tests.support.tools import tool
from xscaler_istio.commands.validate import validate
from xscaler_istio.helm import Inputs, ValuesArguments
from xscaler_istio.report import REPORTERS
from xscaler_istio.system.terminal import Terminal
from xscaler_istio.values import schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.command import Ran

FILES = sorted((Path(__file__).parent / "examples").glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_bad_file_gets_exactly_these_findings(cli: Callable[..., Ran], file: Path) -> None:
    # `#> ` lines are the expected output, without the file's name.
    expected = re.findall(r"^#> (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    assert expected
    ran = cli("validate", "-f", file)
    assert ran.out.replace(str(file), "FILE").splitlines() == expected
    assert ran.code == 1


def test_the_values_of_the_readme_have_nothing_above_info(cli: Callable[..., Ran]) -> None:
    ran = cli("validate", "-f", EXAMPLE, "--fail-on", "warning", "-o", "json")
    report = json.loads(ran.out)
    assert (ran.code, report["summary"], report["ok"]) == (0, {"error": 0, "warning": 0, "info": 0}, True)
    assert [reason.partition(" (")[0] for reason in report["skipped"]] == ["shards and memory"]


CASES = [*sorted((EXAMPLE.parents[1] / "chart/ci").glob("*.yaml")), *sorted(EXAMPLE.parent.glob("*.yaml"))]


_OTHERS = "every fifth values file is validated; tests/chart renders them all"


@pytest.mark.parametrize("file", thinned(CASES, _OTHERS, name=lambda file: file.name))
def test_a_case_of_the_chart_has_no_error(cli4: Callable[..., Ran], file: Path) -> None:
    ran = cli4("validate", "-f", file)
    assert (ran.code, ": error: " in ran.out) == (0, False)


def test_a_flag_is_named_as_the_place(cli: Callable[..., Ran]) -> None:
    ran = cli(
        "validate", "-f", EXAMPLE, "--set", "metrics.shards=many", "--set-json", 'metrics.targets={"sidecars":{}}'
    )
    assert "--set metrics.shards: error: metrics.shards is a string [XS002]" in ran.out
    assert "--set-json metrics.targets: error: metrics.targets.sidecars is not a key of this chart [XS001]" in ran.out
    assert ran.code == 1


def test_a_number_that_a_flag_makes_a_text_is_told_with_the_flag_that_does_not(cli: Callable[..., Ran]) -> None:
    ran = cli(
        "validate", "-f", EXAMPLE, "--set", "logs.sampling.successPercent=0.5", "--set-string", "metrics.shards=2"
    )
    assert "--set-json logs.sampling.successPercent=…" in ran.out
    assert "--set-json metrics.shards=…" in ran.out
    ran = cli("validate", "-f", EXAMPLE, "--set-json", "logs.sampling.successPercent=10")
    assert ran.code == 0
    # It is one with no flag.
    assert "--set-json" not in cli("validate", "-f", EXAMPLE, "--set", "metrics.shards=many").out


def test_a_value_of_a_wrong_type_is_reported_once(cli4: Callable[..., Ran]) -> None:
    sets = "metrics.collector=opentelemetry,opentelemetry.persistence.enabled=yes"
    ran = cli4("validate", "-f", EXAMPLE, "--set", sets, "-o", "json")
    found = [item for item in json.loads(ran.out)["findings"] if item["path"] == "opentelemetry.persistence.enabled"]
    assert [item["rule"] for item in found] == ["XS002"]


def test_the_last_file_wins_and_is_named(cli: Callable[..., Ran], tmp_path: Path) -> None:
    later = tmp_path / "later.yaml"
    later.write_text("metrics:\n  profile: all\n")
    ran = cli("validate", "-f", EXAMPLE, "-f", later)
    assert ran.out.startswith(f"{later}:2:12: error: metrics.profile has a value that is not allowed")


def test_standard_input(cli: Callable[..., Ran]) -> None:
    ran = cli("validate", "-f", "-", stdin=EXAMPLE.read_bytes())
    assert (ran.code, ran.out.splitlines()[-1].startswith("OK: no findings")) == (0, True)
    ran = cli("validate", "-f", "-", stdin=b"nonsense: 1\n")
    assert ran.out.startswith("<stdin>:1:1: error: nonsense is not a key of this chart")


def test_null_removes_a_value_as_in_helm(cli: Callable[..., Ran]) -> None:
    ran = cli("validate", "-f", EXAMPLE, "--set", "cluster.name=null")
    assert "cluster.name is empty" in ran.out


def test_an_old_name_is_reported_only_where_it_is_written(cli: Callable[..., Ran]) -> None:
    ran = cli("validate", "-f", EXAMPLE, "--set", "logs.sampling.successRatio=1")
    # It has the default: the chart takes it for one that --reuse-values brought.
    assert "--set logs.sampling.successRatio: warning: logs.sampling.successRatio is the old name of" in ran.out
    assert ran.code == 0
    assert "XS003" not in cli("validate", "-f", EXAMPLE).out


def test_what_the_schema_refuses_under_an_old_name_is_reported_there(cli: Callable[..., Ran]) -> None:
    ran = cli("validate", "-f", EXAMPLE, "--set", "logs.fields=all,metrics.extraLabels.a=5")
    assert "--set logs.fields: error: logs.fields has a value that is not allowed [XS002]" in ran.out
    assert "allowed: structuredMetadata, none\n" in ran.out
    assert "--set metrics.extraLabels.a: error: metrics.extraLabels.a is a number [XS002]" in ran.out


def test_json(cli: Callable[..., Ran]) -> None:
    ran = cli("validate", "-f", "-", "-o", "json", stdin=b"cluster:\n  nam: x\n")
    report = json.loads(ran.out)
    assert report["ok"] is False
    (unknown,) = [finding for finding in report["findings"] if finding["rule"] == "XS001"]
    assert unknown == {
        "rule": "XS001",
        "severity": "error",
        "message": "cluster.nam is not a key of this chart",
        "path": "cluster.nam",
        "file": "<stdin>",
        "line": 2,
        "column": 3,
        "fix": "did you mean cluster.name?",
        "docsUrl": "https://github.com/xscaler/xscaler-istio/blob/main/docs/rules.md#xs001",
    }


def test_no_secret_is_shown(cli4: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELM_BIN", str(tool("helm4")))
    secret = "s3cr3t-of-the-user"  # noqa: S105 - no real one
    cases = (
        f"xscaler: {{auth: {{token: [{secret}]}}}}",
        f"xscaler: {{token: {secret}}}",
        f"token: {secret}",
        f"xscaler: {{metrics: {{url: 'https://u:{secret}@x/'}}}}",
        f"xscaler: {{auth: {{type: {secret}}}}}",
    )
    file = tmp_path / "values.yaml"
    for text in cases:
        ran = cli4("validate", "-f", "-", stdin=text.encode())
        assert ran.code == 1
        assert secret not in ran.out + ran.err, text
        file.write_text(text)
        found = validate(Inputs(chart=CHART, values=ValuesArguments((str(file),))))
        assert found.findings
        for output, report in REPORTERS.items():
            assert secret not in report(found, Terminal()), (text, output)


_READABLE = b"cluster: {name: prod-2}\n"
_SECRET = "ef0123SECRET"  # noqa: S105 - no real one
_NO_EQUALS = "Helm cannot read {}: a key has no ="


@pytest.mark.parametrize(
    ("flag", "text", "said"),
    [
        ("--set", f"xscaler.auth.existingSecret.name=,xscaler.auth.token=glc_abcd,{_SECRET}", _NO_EQUALS),
        ("--set", _SECRET, _NO_EQUALS),
        ("--set-string", f"xscaler.auth.token=a,{_SECRET}", _NO_EQUALS),
        ("--set-literal", _SECRET, _NO_EQUALS),
        ("--set-json", f'xscaler.auth={{"token":"{_SECRET}"', "Helm cannot read {}: the text is not JSON"),
        ("--set-json", f"xscaler.auth.token={_SECRET}", "Helm cannot read {}: the text is not JSON"),
        ("--set-json", f'{{"xscaler":{{"auth":{{"token":"{_SECRET}"', "Helm cannot read {}: the text is not JSON"),
        ("--set", f"xscaler.auth.token={{{_SECRET}", "Helm cannot read {}: a list is not closed"),
        ("--set", f"xscaler.auth.token[{_SECRET}]=x", "Helm cannot read {}: an index is not a number"),
        ("--set", f"xscaler.auth.token[99999999]={_SECRET}", "Helm cannot read {}: an index is too large"),
    ],
)
def test_a_flag_that_helm_cannot_read_is_named_and_not_its_text(
    cli: Callable[..., Ran], flag: str, text: str, said: str
) -> None:
    ran = cli("validate", "-f", EXAMPLE, flag, text)
    first = ran.out.splitlines()[0]
    assert re.sub(r" \(keys in it: xscaler\.auth.*?\)", "", first) == f"{flag}: error: {said.format(flag)} [XS010]"
    # What is surely a key is told.
    assert ("keys in it: xscaler.auth" in first) == (text.startswith("xscaler.auth") and "[" not in text)
    assert (ran.code, _SECRET in ran.out + ran.err) == (1, False)


def test_a_token_in_the_place_of_a_file_is_not_shown(cli: Callable[..., Ran]) -> None:
    ran = cli("validate", "-f", EXAMPLE, "--set-file", f"xscaler.auth.token={_SECRET}")
    assert (ran.code, _SECRET in ran.out + ran.err) == (3, False)
    assert "cannot read the file of --set-file xscaler.auth.token: No such file or directory" in ran.err


@pytest.mark.parametrize("command", ["validate", "render", "lint"])
def test_a_token_with_a_comma_is_not_shown_where_its_rest_looks_like_a_key(
    cli: Callable[..., Ran], command: str
) -> None:
    ran = cli(command, "-f", EXAMPLE, "--set", f"xscaler.auth.token=glc_abcd,{_SECRET}==")
    assert (ran.code, _SECRET in ran.out + ran.err) == (1, False)
    assert "XS001" in ran.out + ran.err
    # What a person would write is named.
    written = cli(command, "-f", EXAMPLE, "--set", "clusterName=x")
    assert "clusterName" in written.out + written.err


@pytest.mark.parametrize("command", ["render", "lint", "diff", "explain"])
def test_no_command_shows_the_text_of_a_flag_that_helm_cannot_read(cli4: Callable[..., Ran], command: str) -> None:
    which = {"diff": (EXAMPLE, EXAMPLE), "explain": ("metrics.shards", "-f", EXAMPLE)}.get(command, ("-f", EXAMPLE))
    for flag, text in (("--set", f"xscaler.auth.token=a,{_SECRET}"), ("--set-json", f"xscaler.auth.token={_SECRET}")):
        ran = cli4(command, *which, flag, text)
        assert f"Helm cannot read {flag}: " in ran.out + ran.err
        assert _SECRET not in ran.out + ran.err


def test_render_shows_no_value_that_the_schema_refuses(cli: Callable[..., Ran]) -> None:
    ran = cli("render", "-f", EXAMPLE, "--set", f"xscaler.metrics.url=https://u:{_SECRET}@a b/")
    assert (ran.code, ran.out, _SECRET in ran.err) == (1, "", False)
    assert "xscaler.metrics.url is not in the right form [XS002]" in ran.err


@pytest.mark.parametrize("content", [b"null\n", b"~\n", b"---\n", _READABLE + b"---\n", _READABLE + b"---\nnull\n"])
def test_what_both_helms_accept_has_no_error(cli: Callable[..., Ran], content: bytes) -> None:
    ran = cli("validate", "-f", EXAMPLE, "-f", "-", stdin=content)
    assert (ran.code, ran.out.splitlines()[-1].startswith("OK: no findings")) == (0, True)


def test_both_helms_are_repeated_in_the_same_words(cli: Callable[..., Ran]) -> None:
    # What nobody filled in may hold a secret all the same.
    ran = cli("validate", "-f", EXAMPLE, "-f", "-", stdin=b"cluster: {name: {? {s3cr3t: 1} : 2}}\n")
    said = re.fullmatch(r"<stdin>: error: Helm: failed to parse (\S+) (.*) \[XS010\]", ran.out.splitlines()[0])
    assert said
    assert said[2] == "error converting YAML to JSON: yaml: invalid map key"


@pytest.mark.parametrize("output", REPORTERS)
def test_a_terminal_is_sent_no_control_characters_of_keys(cli4: Callable[..., Ran], output: str) -> None:
    ran = cli4("validate", "-f", "-", "-o", output, stdin=b'"\\e[31mevil": 1\n"a\\u202e": 1\n')
    assert ran.code == 1
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", ran.out) or output in ("junit", "json", "sarif")
    assert "\x1b" not in ran.out
    if output in ("text", "github"):
        assert r"\x1b[31mevil is not a key of this chart" in ran.out
        assert r"a\u202e is not a key of this chart" in ran.out


def test_the_name_of_a_file_is_shown_without_control_characters(cli4: Callable[..., Ran]) -> None:
    ran = cli4("validate", "-f", "no\x1b[31m.yaml")
    assert (ran.code, ran.err.splitlines()[0]) == (3, r"error: cannot read no\x1b[31m.yaml: No such file or directory")


# As any key of the chart may hold it: what Helm's YAML and Python's read differently, and what neither reads.
ODD = st.sampled_from(
    [
        "~",
        "y",
        "1e3",
        "[]",
        "{}",
        "&a {b: *a}",
        "*none",
        "<<: x",
        "!!binary eA==",
        "!!str",
        "? [a] : b",
        ".nan",
        "|",
        "@",
        "\\",
    ]
)
TOP = st.sampled_from(
    ["xscaler", "cluster", "metrics", "logs", "pod", "n", "1", "<<", "? [a]", "metrics: {targets", "x-a"]
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(TOP, st.one_of(ODD, st.text(max_size=8))), max_size=4))
def test_any_yaml_gets_findings_and_no_traceback(pairs: list[tuple[str, str]]) -> None:
    content = "".join(f"{key}: {value}\n" for key, value in pairs).encode("utf-8", "surrogatepass")
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setenv("HELM_BIN", str(tool("helm4")))
        file = Path(folder) / "values.yaml"
        file.write_bytes(content)
        found = validate(Inputs(chart=CHART, values=ValuesArguments((str(file),))))
    # These values lack all that is required.
    assert not found.ok
    for report in REPORTERS.values():
        assert report(found, Terminal(colour=True, width=60))


_TEN_LINES = EXAMPLE.read_bytes()


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"cluster: {name: \xe9}\n", "XS014"),
        (_TEN_LINES + b"x-deep: " + b"[" * 300 + b"]" * 300, "XS015"),
        (_TEN_LINES + b"#" * 2**20, "XS016"),
        (_TEN_LINES + b"".join(b"unknown%d: 1\n" % number for number in range(5000)), "XS001"),
        (_TEN_LINES + b"commonLabels: {" + b"".join(b"k%d: {}, " % number for number in range(5000)) + b"}\n", "XS002"),
        (_TEN_LINES + b"".join(b"a: 1\n" for _ in range(5000)), "XS011"),
        (_TEN_LINES + b"? " + b"1" * 5000 + b"\n: 1\n", "XS001"),
        (_TEN_LINES + b"x-a: &a {b: *a}\n", "XS010"),
        (
            b"".join(
                b"x-%d: &l%d [%s]\n" % (n, n, b", ".join([b"*l%d" % (n - 1)] * 9 if n else [b"x"])) for n in range(9)
            )
            + _TEN_LINES,
            "XS010",
        ),
        (_TEN_LINES + b"x-a: &a {1: 2, y: n}\nistio: {<<: *a}\n", "XS001"),
        (_TEN_LINES + b"? {a: b}\n: 1\n", "XS010"),
    ],
    ids="utf8 deep huge many-keys many-errors twins number cycle bomb merge map-as-key".split(),
)
def test_files_that_nobody_means_to_write(cli4: Callable[..., Ran], content: bytes, rule: str, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_bytes(content)
    ran = cli4("validate", "-f", file, "-o", "json")
    assert (ran.code, ran.err) == (1, "")
    report = json.loads(ran.out)
    assert rule in {finding["rule"] for finding in report["findings"]}
    # Of very many the first are told, and that there are more.
    assert len(report["findings"]) <= schema.MOST_FINDINGS
    told_of_more = any("beyond the first" in reason for reason in report["skipped"])
    assert told_of_more == (len(report["findings"]) == schema.MOST_FINDINGS)
