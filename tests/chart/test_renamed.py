"""Old names of values: they work as the new ones do, with a warning, and never beside them (files/renamed.yaml)."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from tests.support import revisions
from tests.support.paths import CHART, ROOT, ci
from tests.support.rendering import effective, objects, render, run_template, template
from tests.support.tools import tool
from xscaler_istio.helm import Inputs, ValuesArguments
from xscaler_istio.helm.answer import answered
from xscaler_istio.values import renamed, schema, settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

RENAMED = renamed.listed(CHART)
# Each old name with values that are not the default, and what they are under the new name.
SETTINGS: tuple[tuple[str, Any, str, Any], ...] = (
    ("metrics.extraLabels", {"environment": "prod"}, "cluster.labels", {"environment": "prod"}),
    ("limits.labelsPerSeries", 32, "xscaler.limits.labelsPerSeries", 32),
    ("limits.samplesPerRequest", 500, "xscaler.limits.samplesPerRequest", 500),
    ("limits.logLineBytes", 4096, "xscaler.limits.logLineBytes", 4096),
    ("metrics.extraMetricRelabelings", [RULE := {"action": "labeldrop", "regex": "request_host"}],
     "metrics.extraMetricRelabelConfigs", [RULE]),
    ("logs.source", "both", "logs.source", "filesAndFargate"),
    ("logs.fields", "none", "logs.structuredMetadata", False),
    ("logs.dashboardLabels", True, "logs.streamLabels", ["protocol", "request_method", "response_code"]),
    ("logs.sampling.successRatio", 0.07, "logs.sampling.successPercent", 7),
    ("logs.sampling.successRatio", 0, "logs.sampling.successPercent", 0),
)  # fmt: skip
BASE = ("--values", str(ci("default")), "--set", "logs.enabled=true")


# Everything at once; one setting of each name.
OLD = {old: value for old, value, _, _ in SETTINGS if value != 0}
NEW = {new: now for _, value, new, now in SETTINGS if value != 0}


def as_file(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by dotted keys as a values file has them."""
    whole: dict[str, Any] = {}
    for path, value in values.items():
        *parents, last = path.split(".")
        block = whole
        for step in parents:
            block = block.setdefault(step, {})
        block[last] = value
    return whole


def set_json(values: Mapping[str, Any]) -> list[str]:
    """Return flags for values by dotted keys."""
    return [word for key, value in values.items() for word in ("--set-json", f"{key}={json.dumps(value)}")]


def notes(helm: str, *arguments: str) -> str:
    command = [str(tool(helm)), "install", "t", str(CHART), "--dry-run=client", "--namespace", "telemetry"]
    done = subprocess.run([*command, *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.rpartition("NOTES:\n")[2]


def test_every_old_name_has_a_setting() -> None:
    assert {item.old for item in RENAMED} == {old for old, *_ in SETTINGS}
    assert {item.new for item in RENAMED} == {new for _, _, new, _ in SETTINGS}


def test_old_names_render_what_new_names_render(helm: str) -> None:
    old, new = (template(helm, *BASE, *set_json(values)) for values in (OLD, NEW))
    assert old == new
    assert old != template(helm, *BASE)


@pytest.mark.parametrize(
    ("old", "value", "new", "now"), SETTINGS, ids=[f"{old}={value}" for old, value, *_ in SETTINGS]
)
def test_each_old_name_is_moved_and_warned_of(old: str, value: Any, new: str, now: Any) -> None:
    (move,) = renamed.moves(as_file({old: value}), RENAMED)
    assert (move.renamed.new, move.value) == (new, now)
    assert not move.renamed.factor or move.value == pytest.approx(value * move.renamed.factor)
    said = notes("helm4", *BASE, *set_json({old: value}))
    shown = json.dumps(now, separators=(",", ":"))
    assert f"  {old}: {json.dumps(value, separators=(',', ':'))}   becomes   {new}: {shown}\n" in said


def test_notes_warn_of_old_names_only() -> None:
    assert "WARNING" not in notes("helm4", *BASE, *set_json(NEW))
    # As --reuse-values brings them.
    assert "WARNING" not in notes("helm4", *BASE, "--set", "logs.fields=structuredMetadata,limits.labelsPerSeries=30")


SHOWN = """apiVersion: v1
kind: X
metadata: {name: x}
values: {{ omit .Values "extraObjects" | toJson }}
"""


def of_the_chart(*arguments: str) -> dict[str, Any]:
    """Return the values as templates read them."""
    text = render("helm4", *BASE, *arguments, "--set-json", f"extraObjects={json.dumps([SHOWN])}").stdout
    (found,) = (item["values"] for item in objects(text) if item["kind"] == "X")
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    "given",
    [(), set_json(OLD), set_json(NEW), ("--set", "logs.fields=null,metrics.extraLabels=null,limits=null"),
     ("--set", "logs.sampling.successRatio=1,logs.dashboardLabels=false,limits.logLineBytes=262144")],
    ids=("nothing", "old", "new", "null", "defaults"),
)  # fmt: skip
def test_the_plugin_moves_what_the_chart_moves(given: Sequence[str]) -> None:
    """Both read the same list; templates and Python make the same of it."""
    chart = of_the_chart(*given)
    moved = [(item["from"], item["to"], item["value"]) for item in chart.pop("x-renamed")]
    inputs = Inputs(
        chart=CHART, values=ValuesArguments((str(ci("default")),), tuple(itertools.pairwise((*BASE[2:], *given)))[::2])
    )
    found = answered(inputs).effective
    assert settings.parse(chart) == found.settings()
    # Of values that are the default nobody can say who set them.
    assert (
        moved
        == [(move.renamed.old, move.renamed.new, move.value) for move in renamed.moves(as_file(OLD), RENAMED)][
            : len(OLD) if given == set_json(OLD) else 0
        ]
    )


@pytest.mark.parametrize(("old", "value", "new", "now"), [row for row in SETTINGS if row[0] != row[2]],
                         ids=[f"{row[0]}={row[1]}" for row in SETTINGS if row[0] != row[2]])  # fmt: skip
def test_an_old_name_beside_its_new_one_is_refused(old: str, value: Any, new: str, now: Any) -> None:
    said = run_template("helm4", *BASE, *set_json({old: value, new: now})).stderr
    assert f"{old} and {new} are both set. {new} is the new name of {old}.\n# at: {old}, {new}\n# fix: remove" in said


def test_null_takes_an_old_name_away(helm: str, tmp_path: Path) -> None:
    taken = [word for old, *_ in SETTINGS if old != "logs.source" for word in ("--set", f"{old}=null")]
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(as_file(OLD)))
    given = ("--values", str(file), *taken, "--set", "logs.source=files")
    assert template(helm, *BASE, *given) == template(helm, *BASE)
    assert template(helm, *BASE, "--set", "limits=null") == template(helm, *BASE)


def test_the_schema_takes_what_old_names_took() -> None:
    loaded = schema.load(CHART)
    validator = jsonschema.Draft7Validator(loaded)
    assert not list(validator.iter_errors(as_file(OLD)))
    wrong = {"logs.fields": "all", "logs.dashboardLabels": "yes", "limits.labelsPerSeries": "many", "limits.more": 1}
    for old, value in {**wrong, "logs.sampling.successRatio": 1.5, "metrics.extraLabels": {"a": 1}}.items():
        assert list(validator.iter_errors(as_file({old: value}))), old


@pytest.fixture
def last_chart(tmp_path: Path) -> Path:
    return revisions.chart_of(revisions.WITH_OLD_NAMES, tmp_path)


def identities(text: str) -> set[tuple[str, str, str]]:
    return {(item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]) for item in objects(text)}


def test_an_upgrade_keeps_what_old_names_said(helm: str, last_chart: Path, tmp_path: Path) -> None:
    """With --reuse-values Helm lays the last chart's defaults below the values of its release, in the new chart."""
    command = [str(tool(helm)), "template", "t", str(last_chart), "--namespace", "telemetry", *BASE, *set_json(OLD)]
    before = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    reused = tmp_path / "reused"
    shutil.copytree(CHART, reused)
    shutil.copy(last_chart / "values.yaml", reused / "values.yaml")
    command[3] = str(reused)
    after = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert identities(after) == identities(before)
    for text in ('"environment" = "prod"', "max_samples_per_send: 500", "rate = 0.07", 'request_method = "method"'):
        assert text in after
    assert after == render(helm, *BASE, *set_json(NEW), *images(last_chart)).stdout
    taken = subprocess.run([*command, "--set", "metrics.extraLabels=null,cluster.labels.new=x"], check=True,
                           capture_output=True, text=True).stdout  # fmt: skip
    assert '"new" = "x"' in taken
    assert '"environment"' not in taken


def images(chart: Path) -> list[str]:
    """Return what --reuse-values freezes beside names: amounts of the last chart's defaults."""
    last = yaml.safe_load((chart / "values.yaml").read_text())
    now = yaml.safe_load((CHART / "values.yaml").read_text())
    frozen = ("prometheus", "alloy", "opentelemetry", "logAgent", "tests", "podDisruptionBudget", "pod")
    return set_json({key: instead(last[key], now[key]) for key in frozen if last[key] != now[key]})


def instead(old: Any, new: Any) -> Any:
    """Return a value that replaces another one whole: Helm merges maps, and null removes a key."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return old
    return {**dict.fromkeys(new), **{key: instead(value, new.get(key)) for key, value in old.items()}}


def test_old_names_are_in_the_list_and_where_they_are_explained() -> None:
    """Everything else has the new names."""
    explained = re.compile(
        r"chart/files/renamed\.yaml|chart/values\.schema\.json|UPGRADING\.md|CHANGELOG\.md|docs/rules\.md"
        r"|tests/chart/(test_(renamed|examples)\.py|refusals\.yaml)|tests/plugin/rules/XS003-.*"
        r"|tests/plugin/test_(keys|validate|renamed)\.py|plugin/src/xscaler_istio/checks/reported\.py"
        r"|tests/cluster/test_changes\.py"
    )
    words = "extraLabels|extraMetricRelabelings|dashboardLabels|successRatio|(^|[^.])logs\\.fields"
    command = ["git", "grep", "-lwE", words]
    listed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    assert [file for file in listed.stdout.splitlines() if not explained.fullmatch(file)] == []


def test_effective_values_have_the_new_names(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump({**yaml.safe_load(ci("default").read_text()), **as_file(OLD)}))
    found = effective(CHART, file)
    chosen = found.settings()
    assert dict(chosen.cluster.labels) == {"environment": "prod"}
    assert chosen.logs.sampling.success_percent == 7
    assert chosen.xscaler.limits.log_line_bytes == 4096
    assert "cluster.labels.environment" in found.changed()
    assert not [key for key in found.changed() if key.startswith(("limits", "metrics.extraLabels", "logs.fields"))]
