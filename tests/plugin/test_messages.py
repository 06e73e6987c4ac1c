"""What the chart's own rules say becomes data, that of an older chart as far as it goes."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support.paths import CHART, EXAMPLE
from tests.support.tools import tool
from xscaler_istio.commands.validate import validate
from xscaler_istio.findings.findings import Location
from xscaler_istio.helm import ChartProblem, Inputs, ValuesArguments
from xscaler_istio.helm.messages import chart_error, problems

if TYPE_CHECKING:
    from pathlib import Path

TWO = """\
a.b (1)
is longer than a.c.
# at: a.b, a.c
# fix: set at least
  a:
    b:
      - x_(y|z)

d is empty. Set it.
# at: d
# fix: write `d: x`
"""
FOUND = (
    ChartProblem("a.b (1) is longer than a.c.", ("a.b", "a.c"), "set at least a.b: [x_(y|z)]"),
    ChartProblem("d is empty. Set it.", ("d",), "write `d: x`"),
)


def test_problems_are_told_apart_by_their_shape() -> None:
    assert problems(TWO) == FOUND
    assert problems("") == ()


@pytest.mark.parametrize(
    "paragraph", ["a.b is empty. Set:\n  a:\n    b: x", "a is b.\n# at: a", "a is b.\n# fix: c", "# at: a\n# fix: c"]
)
def test_a_problem_without_its_marks_keeps_its_words(paragraph: str) -> None:
    assert problems(paragraph) == (ChartProblem(" ".join(paragraph.split())),)


@pytest.mark.parametrize(
    "stderr",
    [
        "Error: execution error at (c/t.yaml:3:4): the values need changes:\n\n{}\n\nUse --debug flag to render out"
        " invalid YAML\n",
        "level=WARN msg=careful\nError: execution error at (c/t.yaml:3:4): the values need changes:\n\n{}",
    ],
)
def test_what_stands_around_them_is_left_out(stderr: str) -> None:
    error = chart_error(stderr.format(TWO))
    assert (error.problems, error.message) == (FOUND, f"the values need changes:\n\n{TWO}".strip())


def older(folder: Path) -> Path:
    """Return a chart whose rules do not mark keys and fixes."""
    chart = shutil.copytree(CHART, folder / "chart")
    rules = chart / "templates/validations/_validations.tpl"
    rules.write_text(re.sub(r"(?m)^# (at|fix): .*\n", "", rules.read_text(encoding="utf-8")), encoding="utf-8")
    return chart


def test_an_older_chart_gets_findings_without_a_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELM_BIN", str(tool("helm4")))
    values = ValuesArguments((str(EXAMPLE),), (("--set", "cluster.name=,metrics.scrapeInterval=5s"),))
    found = [item for item in validate(Inputs(chart=older(tmp_path), values=values)).findings if item.rule == "XS100"]
    assert [(item.path, item.location, item.fix) for item in found] == [("", Location(str(EXAMPLE)), "")] * 2
    assert {item.message.partition(" ")[0] for item in found} == {"cluster.name", "metrics.scrapeTimeout"}


OLDER = """\
cluster.labels.job is a label that Istio's series already have. Their label would be renamed to exported_job, and
dashboards would not find it. Choose another name.
cluster.labels.pod is a label that Istio's series already have. Their label would be renamed to exported_pod, and
dashboards would not find it. Choose another name.

metrics.includeMetrics has a_bucket without the rest of its histogram or summary. Write:
  metrics:
    includeMetrics:
      - a_(bucket|sum|count)
metrics.includeMetrics has b_sum without the rest of its histogram or summary. Write:
  metrics:
    includeMetrics:
      - b_(bucket|sum|count)

extraObjects[0] is not one object with apiVersion, kind and metadata.
extraObjects[1] is not one object with apiVersion, kind and metadata.
"""


def test_problems_of_one_rule_of_an_older_chart_are_told_apart() -> None:
    found = problems(OLDER)
    assert [(item.text.partition(" ")[0], item.text.rpartition(" ")[2]) for item in found] == [
        ("cluster.labels.job", "name."),
        ("cluster.labels.pod", "name."),
        ("metrics.includeMetrics", "a_(bucket|sum|count)"),
        ("metrics.includeMetrics", "b_(bucket|sum|count)"),
        ("extraObjects[0]", "metadata."),
        ("extraObjects[1]", "metadata."),
    ]
    assert " ".join(item.text for item in found) == " ".join(OLDER.split())


def test_persistence_that_an_older_chart_refuses_is_reported_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HELM_BIN", str(tool("helm4")))
    sets = (("--set", "metrics.collector=opentelemetry,opentelemetry.persistence.enabled=true"),)
    found = validate(Inputs(chart=older(tmp_path), values=ValuesArguments((str(EXAMPLE),), sets))).findings
    about = [item for item in found if "opentelemetry.persistence.enabled" in item.message]
    assert [(item.rule, item.path) for item in about] == [("XS100", "")]
