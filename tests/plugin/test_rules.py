"""Every rule of values over example files: a new case is a new file, its expected output in comments in it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.support.paths import CHART, ROOT
from tests.support.tools import tool
from xscaler_istio.checks import catalogue, documentation
from xscaler_istio.checks.registry import VALUE_CHECKS
from xscaler_istio.cli import app
from xscaler_istio.findings.rules import DOCS, RULES

FOLDER = Path(__file__).parent / "rules"
FILES = sorted(FOLDER.glob("*.yaml"))
MESH = "--mesh proxies=100,peers=5,codes=3"


@pytest.fixture(autouse=True)
def in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HELM_BIN", str(tool("helm4")))
    monkeypatch.chdir(tmp_path)


def validate(*arguments: str | Path) -> tuple[str, int]:
    """Return what `validate` prints over the base's values, without the lines that only link to docs/rules.md."""
    base = ("validate", "--chart", CHART, "-f", FOLDER / "base" / "values.yaml")
    ran = CliRunner().invoke(app, [*map(str, (*base, *arguments))])
    assert not ran.exception or isinstance(ran.exception, SystemExit), ran.exception
    return re.sub(rf"(?m)^XS...: {re.escape(DOCS)}#xs...\n", "", ran.stdout), ran.exit_code


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_gets_exactly_its_findings(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    expected = re.findall(r"^#> ?(.*)$", text, re.MULTILINE)
    options = re.findall(r"^#! (.*)$", text, re.MULTILINE) or [MESH]
    out, code = validate("-f", file, *shlex.split(options[0]))
    assert out.replace(str(file), "FILE").replace(str(FOLDER / "base" / "values.yaml"), "BASE").splitlines() == expected
    assert code == (1 if ": error: " in out else 0)
    found = set(re.findall(r"\[(XS...)\]$", out, re.MULTILINE))
    assert bool(found) is not file.stem.startswith("ok-")
    assert file.stem.startswith("ok-") or file.stem.partition("-")[0] in found


def test_pod_security_is_judged_by_what_the_project_says(tmp_path: Path) -> None:
    logs = ("--set", "logs.enabled=true,istio.telemetry.accessLogging.enabled=true", *shlex.split(MESH))
    out, code = validate(*logs)
    assert "skipped: admission of the log agent (XS240)" in out
    (tmp_path / ".xscaler.yaml").write_text("podSecurity: baseline\n")
    out, code = validate(*logs)
    assert "logs.source files needs the pod-security level privileged, and baseline is set [XS240]" in out
    assert code == 1
    (tmp_path / ".xscaler.yaml").write_text("podSecurity: privileged\n")
    out, code = validate(*logs)
    assert ("XS240" in out, code) == (False, 0)


def test_every_rule_has_an_example() -> None:
    named = {file.stem.partition("-")[0] for file in FILES}
    # Judged by what .xscaler.yaml says.
    assert set(VALUE_CHECKS) - named == {"XS240"}


def test_every_rule_says_what_why_and_how() -> None:
    for rule in catalogue.rules():
        assert rule.title, rule.id
        assert re.search(r"^Why: .*^Fix: .*^Example:\n {4}\S", rule.text, re.MULTILINE | re.DOTALL), rule.id


def test_every_id_in_the_program_is_a_rule() -> None:
    source = "".join(file.read_text() for file in (ROOT / "plugin/src/xscaler_istio").rglob("*.py"))
    assert set(re.findall(r"\bXS[0-9]{3}\b", source)) == set(RULES)


def test_the_page_of_rules_is_fresh() -> None:
    # `helm xscaler rules -o markdown > docs/rules.md` writes it.
    assert (ROOT / "docs/rules.md").read_text(encoding="utf-8") == documentation.markdown(catalogue.rules())


def test_rules_explains_one_in_any_case() -> None:
    ran = CliRunner().invoke(app, ["rules", "xs310"])
    assert ran.stdout.startswith("XS310 (error): An object that Kubernetes would refuse\n\nWhy: kubeconform ")
    assert ran.stdout.endswith("docs/rules.md#xs310\n")
