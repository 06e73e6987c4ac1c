"""Bad values: one clear error that names the key and shows the YAML, from either Helm.

refusals.yaml has every message of the chart's own rules, conditions.yaml those of the schema's conditions. A rule
without a case in them fails here.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.paths import CHART, ROOT, ci
from tests.support.rendering import effective, run_template, template
from tests.support.tools import tool
from xscaler_istio.helm.messages import problems
from xscaler_istio.values import places, schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEFAULT = ("--values", str(ci("default")))
RULES = CHART / "templates/validations"


@dataclasses.dataclass(frozen=True)
class Case:
    """Values laid over the ten lines, and what is said of them by name of who says it."""

    values: dict[str, Any]
    said: dict[str, str]

    @property
    def name(self) -> str:
        return yaml.safe_dump(self.values, default_flow_style=True, width=1000).strip()

    def file(self, folder: Path) -> str:
        written = folder / "values.yaml"
        written.write_text(yaml.safe_dump(self.values))
        return str(written)


def cases(name: str) -> list[Case]:
    loaded = yaml.safe_load((ROOT / "tests/chart" / name).read_text())
    return [Case(case.pop("values"), case) for case in loaded]


REFUSALS = cases("refusals.yaml")
CONDITIONS = cases("conditions.yaml")


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.name)
def test_a_rule_says_exactly_this(helm: str, case: Case, tmp_path: Path) -> None:
    done = run_template(helm, *DEFAULT, "--values", case.file(tmp_path))
    assert done.returncode == 1
    _, _, said = done.stderr.partition("the values need changes:\n\n")
    assert said.partition("\n\nUse --debug")[0].rstrip("\n") == case.said["message"]


def messages() -> Iterator[tuple[str, str]]:
    """Yield the name of each rule with each of its messages: the lines that are no control of the template."""
    for file in sorted(RULES.glob("*.tpl")):
        for part in re.split(r'(?m)^{{- define "xscaler-istio\.', file.read_text())[1:]:
            name, _, body = part.partition('" -}}\n')
            code = re.sub(r"(?s){{/\*.*?\*/}}\n", "", body)
            if name.startswith("validate"):
                rule = name.removeprefix("validate").lstrip(".")
                yield from ((rule, text) for text in re.findall(r"((?:^(?!{{-).+\n)+)", code, re.MULTILINE))


def code(file: Path) -> str:
    """Return the actions of a template, without its comments and texts."""
    return " ".join(re.findall(r"{{(?!-? ?/\*).*?}}", re.sub(r'"[^"\n]*"', "", file.read_text())))


def as_expression(message: str) -> str:
    """Return a message of a template as the expression that what it prints matches."""
    parts = re.split(r"({{.*?}})", message.rstrip("\n"))
    opening, closing = re.compile(r"{{ ?(if|with) "), re.compile(r"{{ ?end ?}}")
    return "".join(
        "(?:"
        if opening.match(part)
        else ")?"
        if closing.match(part)
        else ".*"
        if part.startswith("{{")
        else re.escape(part)
        for part in parts
    )


MESSAGES = list(messages())


def test_the_messages_are_found() -> None:
    assert len(MESSAGES) > 25
    # Each is of a rule that is run, and each rule that is run has one.
    (named,) = re.findall(r"range \$rule := list ([^-]+) -}}", (RULES / "_validations.tpl").read_text())
    run = set(re.findall(r'"(\w+)"', named))
    shared = {"Url": {"metricsUrl", "logsUrl"}, "Tokens": {"tokens"}}
    assert set().union(*(shared.get(rule, {rule}) for rule, _ in MESSAGES)) == run


def test_a_message_without_a_case_is_noticed() -> None:
    assert re.search(as_expression("a{{ with $x }} b {{ . }}{{ end }}: {{ $y }}"), "a b c: d")
    assert not any(
        re.search(as_expression("cluster.name is {{ $x }} long."), case.said["message"]) for case in REFUSALS
    )


def test_nothing_else_in_the_chart_refuses_values() -> None:
    templates = [file for file in (CHART / "templates").rglob("*") if file.is_file()]
    refusing = [file.name for file in templates if re.search(r"\b(fail|required)\b", code(file))]
    assert refusing == ["_validations.tpl"]


@pytest.mark.parametrize(("rule", "message"), MESSAGES, ids=[f"{rule}: {text[:50].strip()}" for rule, text in MESSAGES])
def test_every_message_has_a_case(rule: str, message: str) -> None:
    expression = re.compile(rf"(?m)^{as_expression(message)}$")
    assert any(expression.search(case.said["message"]) for case in REFUSALS), f"{rule} lacks a case in refusals.yaml"


@pytest.mark.parametrize(("rule", "message"), MESSAGES, ids=[f"{rule}: {text[:50].strip()}" for rule, text in MESSAGES])
def test_every_message_names_its_keys_and_its_fix(rule: str, message: str) -> None:
    marks = [line.partition(":")[0] for line in message.splitlines() if line.startswith("# ")]
    assert marks == ["# at", "# fix"], rule


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.name)
def test_programs_read_the_keys_and_the_fix_of_every_problem(case: Case) -> None:
    known = {".".join(path) for path in schema.paths(schema.load(CHART))}
    found = problems(case.said["message"])
    assert found
    for problem in found:
        assert problem.fix
        assert "# " not in f"{problem.text} {problem.fix}"
        for key in problem.keys:
            # Below some keys and in lists the names are the user's.
            assert {key, key.rpartition(".")[0], re.sub(r"\[.*", "", key)} & known, key
        assert problem.keys


WITH_YAML = [case for case in REFUSALS if re.search(r"(?m)^# fix: .*\n  ", case.said["message"])]


@pytest.mark.parametrize("case", WITH_YAML, ids=lambda case: case.name)
def test_the_yaml_of_a_fix_is_enough(case: Case, tmp_path: Path) -> None:
    # Of several problems one has YAML.
    (found,) = re.finditer(r"(?m)^(?P<first>.+)\n(?:.+\n)*# fix: .*\n(?P<yaml>(?:  .*\n?)+)", case.said["message"])
    fix = tmp_path / "fix.yaml"
    fix.write_text(found["yaml"])
    done = run_template("helm4", *DEFAULT, "--values", case.file(tmp_path), "--values", str(fix))
    assert found["first"] not in done.stderr
    assert "schema" not in done.stderr


@pytest.mark.parametrize("case", CONDITIONS, ids=lambda case: case.name)
def test_a_condition_of_the_schema_says_exactly_this(
    helm: str, case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = case.file(tmp_path)
    done = run_template(helm, *DEFAULT, "--values", file)
    assert done.returncode == 1
    assert done.stderr.partition("xscaler-istio:\n")[2].strip() == case.said["helm"]
    monkeypatch.setenv("HELM_BIN", str(tool(helm)))
    merged = effective(CHART, ci("default"), file).values
    (finding,) = schema.check(merged, schema.load(CHART), places.Origins())
    assert (finding.message, finding.fix) == (case.said["plugin"], case.said["fix"])


def conditions(part: object, place: str = "") -> Iterator[str]:
    """Yield the place of each `if` of the schema, but for old names, which take what the new ones take."""
    if isinstance(part, dict) and not part.get("deprecated"):
        if "if" in part and "then" in part:
            yield place.strip("/")
        for key, child in part.items():
            yield from conditions(child, f"{place}/{key}")
    if isinstance(part, list):
        for number, child in enumerate(part):
            yield from conditions(child, f"{place}/{number}")


def test_every_condition_of_the_schema_has_a_case() -> None:
    assert set(conditions(schema.load(CHART))) == {case.said["condition"] for case in CONDITIONS}


def test_all_that_is_missing_is_said_at_once(each_helm: str) -> None:
    done = run_template(each_helm)
    assert done.returncode == 1
    assert "the values need changes:" in done.stderr
    for key in ("cluster.name", "xscaler.region", "xscaler.tenantId", "xscaler.auth.existingSecret.name"):
        assert f"{key} is empty." in done.stderr


@pytest.mark.parametrize(
    "setting",
    [
        "xscaler.metrics.url=http://a.example/push,xscaler.allowInsecureHttp=true",
        "metrics.scrapeInterval=10s",
    ],
)
def test_what_a_rule_asks_for_is_enough(setting: str) -> None:
    assert template("helm4", *DEFAULT, "--set", setting)


SCHEMA = [
    # (what is set, what the schema's error mentions)
    ("metrics.collector=vector", "collector"),
    ("metrics.profile=all", "profile"),
    ("metrics.scrapeIntervall=30s", "scrapeIntervall"),
    ("metrics.scrapeInterval=fast", "scrapeInterval"),
    ("metrics.shards=0", "shards"),
    ("metrics.targets.sidecars.enabled=true", "sidecars"),
    ("xscaler.token=abc", "token"),
    ("xscaler.tenantId=5", "tenantId"),
    ("xscaler.region=EUW1.xscalerlabs.com", "region"),
    ("xscaler.metrics.url=ftp://x", "url"),
    ("prometheus.image.digest=sha256:1", "digest"),
    ("clusterName=x", "clusterName"),
]


@pytest.mark.parametrize(("setting", "mention"), SCHEMA, ids=[setting for setting, _ in SCHEMA])
def test_the_schema_refuses(each_helm: str, setting: str, mention: str) -> None:
    done = run_template(each_helm, *DEFAULT, "--set", setting)
    assert done.returncode == 1
    assert "schema" in done.stderr
    assert mention in done.stderr


@pytest.mark.parametrize("setting", ["global.image.registry=x", "enabled=true", "x-anchors.a=1"])
def test_the_schema_admits_what_umbrella_charts_and_anchors_need(each_helm: str, setting: str) -> None:
    assert template(each_helm, *DEFAULT, "--set", setting)
