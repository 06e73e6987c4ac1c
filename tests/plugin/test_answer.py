"""One run of Helm answers for values, rules and manifests; how often Helm starts, and what is never rendered."""

from __future__ import annotations

import dataclasses
import re
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.support.command import runner
from tests.support.paths import CHART, CI_FILES, EXAMPLE, ROOT, ci
from tests.support.rendering import effective, objects
from tests.support.thinned import thinned
from tests.support.tools import tool
from xscaler_istio import helm
from xscaler_istio.helm import Beside, ChartError, Inputs, ValuesArguments
from xscaler_istio.helm.answer import Answer, examined, rendered_with_values

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.command import Ran

REFUSED = ("--set", "cluster.name=")


@dataclasses.dataclass(frozen=True)
class Counting:
    """A Helm that writes down its starts, and how many bytes each prints."""

    program: Path
    log: Path

    @property
    def starts(self) -> list[int]:
        return [int(line) for line in self.log.read_text().split()] if self.log.exists() else []

    def run(self, *words: str | Path) -> Ran:
        self.log.unlink(missing_ok=True)
        return runner(self.program)(*words)


_HELM3 = pytest.mark.whole("Helm 4 is asked in the same way, and test_helms.py has both majors' answers")
by_major = pytest.mark.parametrize("major", [pytest.param("helm3", marks=_HELM3), "helm4"])


@pytest.fixture
def counting(tmp_path: Path) -> Callable[[str], Counting]:
    def make(major: str) -> Counting:
        program, log, printed = tmp_path / "counting-helm", tmp_path / "starts", tmp_path / "printed"
        real = shlex.quote(str(tool(major)))
        program.write_text(
            f'#!/bin/sh\nout=$(mktemp {printed}.XXXXXX)\n{real} "$@" >$out\ncode=$?\n'
            f"wc -c <$out >>{log}\ncat $out\nexit $code\n"
        )
        program.chmod(0o755)
        return Counting(program, log)

    return make


def asked(major: str, inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> Answer:
    monkeypatch.setenv("HELM_BIN", str(tool(major)))
    with Beside() as beside:
        return beside.start(rendered_with_values(inputs)).result()


ANSWERED = [("helm3", EXAMPLE), *(("helm4", file) for file in (EXAMPLE, *CI_FILES)), ("helm3", ci("full"))]


@pytest.mark.parametrize(
    "run", thinned(ANSWERED, "every fifth values file is asked for", name=lambda run: f"{run[0]}-{run[1].name}")
)
def test_it_answers_as_two_runs_do(run: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    major, file = run
    release = Inputs(chart=CHART, values=ValuesArguments((str(file),)), name="t", namespace="telemetry")
    answer = asked(major, release, monkeypatch)
    assert answer.effective == effective(CHART, *release.values.files)
    assert objects(answer.text) == objects(helm.template(release))
    assert (answer.problems, answer.warnings, answer.failure) == ((), (), None)


def packed(folder: Path) -> Path:
    return Path(shutil.make_archive(str(folder / "chart"), "gztar", ROOT, "chart")).rename(folder / "chart.tgz")


def with_subchart(folder: Path) -> Path:
    chart = shutil.copytree(CHART, folder / "chart")
    written = yaml.safe_load((chart / "Chart.yaml").read_text())
    written["dependencies"] = [{"name": "x-beside", "version": "1.0.0"}]
    (chart / "Chart.yaml").write_text(yaml.safe_dump(written))
    below = chart / "charts/x-beside"
    (below / "templates").mkdir(parents=True)
    (below / "Chart.yaml").write_text("apiVersion: v2\nname: x-beside\nversion: 1.0.0\n")
    (below / "values.yaml").write_text("a: 1\n")
    return chart


def linked(folder: Path) -> Path:
    (folder / "link").symlink_to(CHART)
    return folder / "link"


def without_rules_to_ask(folder: Path) -> Path:
    chart = shutil.copytree(CHART, folder / "chart")
    rules = chart / "templates/validations/_validations.tpl"
    rules.write_text(rules.read_text().replace('"xscaler-istio.problems"', '"xscaler-istio.allProblems"'))
    return chart


def without_anything_to_ask(folder: Path) -> Path:
    chart = without_rules_to_ask(folder)
    (chart / "templates/validations/validations.yaml").unlink()
    (chart / "templates/_defaults.tpl").unlink()
    return chart


CHARTS = [packed, with_subchart, linked, without_rules_to_ask, without_anything_to_ask]


@pytest.mark.parametrize("make", CHARTS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("sets", [(), ("--set", "metrics.shards=0")], ids=["good", "bad"])
def test_any_form_of_the_chart_gets_the_same_findings(
    make: Callable[[Path], Path], sets: tuple[str, ...], tmp_path: Path
) -> None:
    run = runner(tool("helm4"))
    words = ("validate", "-f", EXAMPLE, *sets)
    assert run(*words, "--chart", make(tmp_path)) == run(*words)


@by_major
@pytest.mark.parametrize("make", [packed, with_subchart, without_rules_to_ask], ids=lambda make: make.__name__)
def test_the_rules_of_any_form_of_the_chart_are_heard(major: str, make: Callable[[Path], Path], tmp_path: Path) -> None:
    run = runner(tool(major))
    words = ("validate", "-f", EXAMPLE, *REFUSED)
    assert run(*words, "--chart", make(tmp_path)) == run(*words)


OBJECT_FAILS = ("--set-json", """extraObjects=["{{ fail \\"boom\\" }}"]""")
RULE_FAILS = ("--set-json", "cluster.labels=[1]")


@by_major
@pytest.mark.parametrize(
    ("words", "starts"),
    [
        (("validate", "-f", EXAMPLE), 1),
        # What the chart's rules refuse comes with the values.
        (("validate", "-f", EXAMPLE, *REFUSED), 1),
        # The schema refuses without a word about the values: they are asked for, and the rules with them.
        (("validate", "-f", EXAMPLE, "--set", "metrics.profile=all"), 2),
        # A rule fails at such a value, and takes the answer along.
        (("validate", "-f", EXAMPLE, *RULE_FAILS), 3),
        # So does one at an object of the user's, and the schema has nothing to say.
        (("validate", "-f", EXAMPLE, *OBJECT_FAILS), 2),
        (("validate", "-f", EXAMPLE, "--set", "a"), 1),
        (("render", "-f", EXAMPLE, "--explain"), 1),
        (("diff", EXAMPLE, ROOT / "examples/full-values.yaml"), 2),
        (("explain", "metrics.shards"), 2),
    ],
    ids=lambda part: " ".join(map(str, part[:1] + part[3:])) if isinstance(part, tuple) else str(part),
)
def test_how_often_helm_starts(
    counting: Callable[[str], Counting], major: str, words: tuple[str | Path, ...], starts: int
) -> None:
    helm_of = counting(major)
    helm_of.run(*words)
    assert len(helm_of.starts) == starts


@by_major
@pytest.mark.parametrize(
    "shards",
    [("--set", "metrics.shards=2000"), ("--set-string", "metrics.shards=20000"), ("--set", "metrics.shards=-20000")],
    ids=" ".join,
)
def test_what_the_schema_refuses_is_not_rendered(
    counting: Callable[[str], Counting], major: str, shards: tuple[str, str]
) -> None:
    helm_of = counting(major)
    ran = helm_of.run("validate", "-f", EXAMPLE, *shards, *REFUSED)
    # Nothing beside the values would be printed for any number of shards.
    assert helm_of.starts == [0, 0]
    assert ran.code == 1
    assert re.findall(r"error: (\S+) .*\[(XS...)\]", ran.out) == [
        ("cluster.name", "XS100"),
        ("metrics.shards", "XS002"),
    ]


def test_an_expression_with_very_many_choices_is_not_spelled_out(monkeypatch: pytest.MonkeyPatch) -> None:
    # Two to the fortieth names, which a rule would try.
    many = "(a|b)" * 40
    sets = (("--set-json", f'metrics.includeMetrics=["{many}"]'), ("--set-json", 'metrics.excludeMetrics=["istio_x"]'))
    answer = asked("helm4", Inputs(chart=CHART, values=ValuesArguments((str(EXAMPLE),), sets)), monkeypatch)
    assert many in answer.text


def test_a_template_that_fails_is_reported_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chart = shutil.copytree(CHART, tmp_path / "chart")
    (chart / "templates/broken.yaml").write_text('{{ fail "out of order" }}')
    release = Inputs(chart=chart, values=ValuesArguments((str(EXAMPLE),)))
    monkeypatch.setenv("HELM_BIN", str(tool("helm4")))
    with Beside() as beside:
        answer = beside.start(examined(release)).result()
    assert answer.failure
    assert "out of order" in answer.failure.message
    assert answer.effective == effective(CHART, *release.values.files)
    with pytest.raises(ChartError, match="out of order"):
        asked("helm4", release, monkeypatch)
    assert "out of order [XS199]" in runner(tool("helm4"))("validate", "--chart", chart, "-f", EXAMPLE).out


OBJECT_STUMBLES = ("--set-json", 'extraObjects=["{{ .Values.cluster.name.nothing }}"]')


@by_major
@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (OBJECT_FAILS, ": error: execution error: boom [XS199]\n"),
        (OBJECT_STUMBLES, ": error: xscaler-istio/templates/validations/_validations.tpl:"),
    ],
    ids=["fails", "stumbles"],
)
def test_an_error_of_an_object_does_not_name_the_template_that_asks(
    major: str, sets: tuple[str, str], said: str
) -> None:
    run = runner(tool(major))
    ran = run("validate", "-f", EXAMPLE, *sets)
    assert (ran.code, said in ran.out, "answer" in ran.out) == (1, True, False), ran.out
    assert "answer" not in run("diff", EXAMPLE, EXAMPLE, *sets).err
