"""Every rule of values over example files: a new case is a new file, its expected output in comments in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support import merged
from tests.support.command import runner
from tests.support.paths import CHART, ROOT
from tests.support.thinned import thinned
from tests.support.tools import tool
from xscaler_istio.checks import case, catalogue, documentation
from xscaler_istio.checks.registry import VALUE_CHECKS
from xscaler_istio.commands.project import Project
from xscaler_istio.commands.validate import judge
from xscaler_istio.findings.rules import DOCS, RULES
from xscaler_istio.helm import Inputs, ValuesArguments
from xscaler_istio.report import REPORTERS
from xscaler_istio.system.terminal import Terminal

FOLDER = Path(__file__).parent / "rules"
FILES = sorted(FOLDER.glob("*.yaml"))
BASE = FOLDER / "base" / "values.yaml"
MESH = "proxies=100,peers=5,codes=3"
# What the schema and the chart's own rules refuse, which Helm says.
OF_HELM = ("XS0", "XS1", "XS280")


def of_the_command(file: Path) -> str:
    """Return what `validate` prints for an example over the base's values."""
    ran = runner(tool("helm4"))("validate", "-f", BASE, "-f", file, "--mesh", mesh(file))
    assert ran.code == (1 if ": error: " in ran.out else 0)
    return ran.out


def of_the_merge(file: Path) -> str:
    """Return the same from values that are merged in Python."""
    size = case.mesh(mesh(file)) if mesh(file) else None
    release = Inputs(chart=CHART, values=ValuesArguments((str(BASE), str(file))))
    return REPORTERS["text"](judge(merged.reading(release), Project().with_mesh(size)), Terminal())


def mesh(file: Path) -> str:
    """Return the size of an example's mesh."""
    return next(iter(re.findall(r"^#! --mesh[= ](.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)), MESH)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_gets_exactly_its_findings(file: Path) -> None:
    expected = re.findall(r"^#> ?(.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    out = (of_the_command if file.stem.startswith(OF_HELM) else of_the_merge)(file)
    # Without the lines that only link to docs/rules.md.
    short = re.sub(rf"(?m)^XS...: {re.escape(DOCS)}#xs...\n", "", out)
    assert short.replace(str(file), "FILE").replace(str(BASE), "BASE").splitlines() == expected
    found = set(re.findall(r"\[(XS...)\]$", out, re.MULTILINE))
    assert bool(found) is not file.stem.startswith("ok-")
    assert file.stem.startswith("ok-") or file.stem.partition("-")[0] in found


MERGED = [file for file in FILES if not file.stem.startswith(OF_HELM)]
_REST = "some of these, and tests of the command, show that the merge is Helm's"


@pytest.mark.parametrize("file", thinned(MERGED, _REST, every=10, name=lambda file: file.stem))
def test_the_command_reports_what_is_judged_from_the_merge(file: Path) -> None:
    assert of_the_command(file) == of_the_merge(file)


def test_pod_security_is_judged_by_what_the_project_says(tmp_path: Path) -> None:
    run, sets = runner(tool("helm4"), tmp_path), "logs.enabled=true,istio.telemetry.accessLogging.enabled=true"

    def validate() -> tuple[str, int]:
        ran = run("validate", "-f", BASE, "--set", sets, "--mesh", MESH)
        return ran.out, ran.code

    out, code = validate()
    assert "skipped: admission of the log agent (XS240)" in out
    (tmp_path / ".xscaler.yaml").write_text("podSecurity: baseline\n")
    out, code = validate()
    assert "logs.source files needs the pod-security level privileged, but it is baseline [XS240]" in out
    assert code == 1
    (tmp_path / ".xscaler.yaml").write_text("podSecurity: privileged\n")
    out, code = validate()
    assert ("XS240" in out, code) == (False, 0)


def test_every_rule_has_an_example() -> None:
    named = {file.stem.partition("-")[0] for file in FILES}
    # Judged by what .xscaler.yaml says.
    assert set(VALUE_CHECKS) - named == {"XS240"}


def test_every_rule_says_what_why_and_how() -> None:
    for rule in catalogue.rules():
        assert rule.title, rule.id
        assert re.search(r"^Why: .*^Fix: .*^Example:\n {4}\S", rule.text, re.MULTILINE | re.DOTALL), rule.id


def test_every_rule_belongs_to_one_family() -> None:
    families = documentation.by_family(catalogue.rules())
    assert families.keys() == documentation.FAMILIES.keys()
    assert sorted(rule.id for members in families.values() for rule in members) == sorted(RULES)


def test_every_id_in_the_program_is_a_rule() -> None:
    source = "".join(file.read_text() for file in (ROOT / "plugin/src/xscaler_istio").rglob("*.py"))
    assert set(re.findall(r"\bXS[0-9]{3}\b", source)) == set(RULES)


def test_the_page_of_rules_is_fresh() -> None:
    # `helm xscaler rules -o markdown > docs/rules.md` writes it.
    assert (ROOT / "docs/rules.md").read_text(encoding="utf-8") == documentation.markdown(catalogue.rules())


def test_rules_explains_one_in_any_case() -> None:
    ran = runner("helm")("rules", "xs310")
    assert ran.out.startswith("XS310 (error): Kubernetes would reject an object\n\nWhy: kubeconform ")
    assert ran.out.endswith("docs/rules.md#xs310\n")
