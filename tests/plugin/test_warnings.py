"""What Helm warns of becomes findings, alike with each major."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support.command import runner
from tests.support.paths import CHART, EXAMPLE
from tests.support.tools import tool
from xscaler_istio.helm import Warned
from xscaler_istio.helm.messages import warnings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "coalesce.go:316: warning: cannot overwrite table with non table for xscaler-istio.pod.affinity (map[a:b])",
            Warned("cannot overwrite table with non table for pod.affinity", "pod.affinity"),
        ),
        (
            'level=INFO msg="warning: cannot overwrite table with non table for c.pod.affinity (map[a:\\"b\\"])"',
            Warned("cannot overwrite table with non table for pod.affinity", "pod.affinity"),
        ),
        (
            'level=INFO msg="warning: destination for c.a.b is a table. Ignoring non-table value (2Gi)"',
            Warned("destination for a.b is a table. Ignoring non-table value", "a.b"),
        ),
        (
            "coalesce.go:237: warning: skipped value for c.extraObjects: Not a table.",
            Warned("skipped value for extraObjects: Not a table", "extraObjects"),
        ),
        ("WARNING: This chart is deprecated", Warned("this chart is deprecated")),
        ('level=WARN msg="this chart is deprecated"', Warned("this chart is deprecated")),
    ],
)
def test_a_warning_in_the_same_words(line: str, expected: Warned) -> None:
    assert warnings(f"{line}\n{line}\n") == (expected,)


@pytest.mark.parametrize(
    "line",
    [
        "walk.go:75: found symbolic link in path: /c/a resolves to /c/b. Contents of linked file included and used",
        'level=INFO msg="found symbolic link in path. Contents included" path=/c/a resolved=/c/b',
        "WARNING: Kubernetes configuration file is group-readable. This is insecure. Location: /home/u/.kube/config",
        "Error: warning: no",
        "",
    ],
)
def test_what_is_no_warning_of_a_release(line: str) -> None:
    assert warnings(line) == ()


@pytest.fixture
def loose_chart(tmp_path: Path) -> Path:
    """The chart, deprecated, and with a schema that lets a value of another kind pass."""
    chart = tmp_path / "chart"
    shutil.copytree(CHART, chart)
    with (chart / "Chart.yaml").open("a") as file:
        file.write("deprecated: true\n")
    schema = json.loads((chart / "values.schema.json").read_text())
    schema["properties"]["prometheus"]["properties"]["resources"] = {}
    (chart / "values.schema.json").write_text(json.dumps(schema))
    return chart


_HELM3 = pytest.mark.whole("the lines above are of both majors, and test_helms.py has a warning of both")
by_major = pytest.mark.parametrize("name", [pytest.param("helm3", marks=_HELM3), "helm4"])


@by_major
def test_in_validate_and_lint(loose_chart: Path, tmp_path: Path, name: str) -> None:
    run, values = runner(tool(name)), tmp_path / "v.yaml"
    values.write_text("prometheus:\n  resources: []\n")
    flags = ("-f", EXAMPLE, "-f", values, "--chart", loose_chart, "--fail-on", "warning", "-o", "json")
    # The chart cannot be rendered with it, and what Helm warned of before says why.
    for command in ("validate", "lint"):
        ran = run(command, *flags)
        warned = [item for item in json.loads(ran.out)["findings"] if item["rule"] == "XS280"]
        said = {item["message"]: (item["file"], item.get("line", 0)) for item in warned}
        words = "Helm warns: cannot overwrite table with non table for prometheus.resources"
        assert said[words] == (str(values), 2)
        assert "Helm warns: this chart is deprecated" in said
        assert ran.code == 1


def test_what_the_schema_refuses_is_not_said_again(tmp_path: Path) -> None:
    values = tmp_path / "v.yaml"
    values.write_text("prometheus:\n  resources: []\n")
    ran = runner(tool("helm4"))("validate", "-f", EXAMPLE, "-f", values, "-o", "json")
    assert [item["rule"] for item in json.loads(ran.out)["findings"]] == ["XS002"]


@by_major
def test_of_a_chart_that_renders(loose_chart: Path, name: str) -> None:
    ran = runner(tool(name))("lint", "-f", EXAMPLE, "--chart", loose_chart, "-o", "json")
    warned = [item for item in json.loads(ran.out)["findings"] if item["rule"] == "XS280"]
    assert [(item["message"], item["file"]) for item in warned] == [
        ("Helm warns: this chart is deprecated", "rendered")
    ]
    assert ran.code == 0
