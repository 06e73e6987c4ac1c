"""The chart's alerts: each fires when it should and does not when it should not, and says what to do."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.alerts import FILES, KEPT, Selector, parser, rule
from tests.support.paths import ROOT, ci
from tests.support.relabel import relabel
from tests.support.rendering import of_kind, prometheus_config, template
from tests.support.tools import tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

TESTS = ROOT / "tests/chart/alerts"
RUNBOOKS = ROOT / "docs/runbooks.md"
MANUAL = ROOT / "docs/alerts.md"
MESH, OWN = "integrations/istio", "xscaler-istio"
DEFAULT = ("--values", str(ci("default")))
# What a scrape itself gives is kept whatever a profile says.
REPORT = {"up", "scrape_samples_scraped"}
# The active series of the plan in the alerts' tests.
PLAN = 10
# The first of each group.
FIRST = {file.parent: file for file in reversed(FILES)}.values()
FURTHER = pytest.mark.whole("of each group, make test takes the first alert wrong")
by_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def rule_file(folder: Path, rules: list[dict[str, Any]]) -> Path:
    file = folder / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": rules}]}))
    return file


def promtool(*arguments: str | Path) -> None:
    done = subprocess.run([tool("promtool"), *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@by_file
def test_an_alert_fires_and_does_not_fire(file: Path, tmp_path: Path) -> None:
    cases = TESTS / file.name
    promtool("check", "rules", "--lint=all", "--lint-fatal", rule_file(tmp_path, [rule(file, PLAN)]))
    (tmp_path / cases.name).write_text(cases.read_text())
    promtool("test", "rules", tmp_path / cases.name)
    expected = [
        bool(item["promql_expr_test"][0].get("exp_samples")) for item in yaml.safe_load(cases.read_text())["tests"]
    ]
    assert set(expected) == {True, False}


@pytest.mark.parametrize(
    "file", [file if file in FIRST else pytest.param(file, marks=FURTHER) for file in FILES], ids=lambda file: file.stem
)
def test_a_test_notices_a_wrong_alert(file: Path, tmp_path: Path) -> None:
    # Neither an alert that always fires nor one that never does passes its tests.
    labels = re.findall(r"ALERTS.*?\n(?:.*\n)*?.*labels: '\{(.*)\}'", (TESTS / file.name).read_text())[0]
    always = "vector(1)"
    for label, value in re.findall(r'(\w+)="([^"]*)"', labels):
        always = f'label_replace({always}, "{label}", "{value}", "", "")'
    for wrong in (always, "vector(1) < 1"):
        rule_file(tmp_path, [{**rule(file), "expr": wrong}])
        (tmp_path / file.name).write_text((TESTS / file.name).read_text())
        done = subprocess.run(
            [tool("promtool"), "test", "rules", tmp_path / file.name], check=False, capture_output=True
        )
        assert done.returncode != 0


@by_file
def test_an_alert_says_what_it_is_and_where_help_is(file: Path) -> None:
    loaded = rule(file)
    assert list(loaded) == ["alert", "expr", "for", "labels", "annotations"]
    assert loaded["alert"] == file.stem
    assert loaded["labels"].keys() == {"severity"}
    assert loaded["labels"]["severity"] in ("critical", "warning", "info")
    assert loaded["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert loaded["annotations"]["runbook_url"].endswith(f"/docs/runbooks.md#{file.stem.lower()}")
    assert f"](runbooks.md#{file.stem.lower()})" in MANUAL.read_text()
    # Grafana would expand a dollar sign, and knows no $value of this shape.
    assert "$" not in str(loaded["annotations"])
    # What the text names is among the labels that the alert has.
    grouped = set(re.findall(r"\w+", re.findall(r"group by \((.*?)\)", (TESTS / file.name).read_text())[0]))
    named = set(re.findall(r"\.Labels\.(\w+)", str(loaded["annotations"])))
    assert "cluster" in named <= grouped


def test_every_alert_has_a_test_and_a_runbook_and_none_is_left_over() -> None:
    names = [file.stem for file in FILES]
    assert len(names) == len(set(names))
    assert {file.stem for file in TESTS.iterdir()} == set(names)
    sections = re.split(r"(?m)^### ", RUNBOOKS.read_text())[1:]
    assert sorted(section.splitlines()[0] for section in sections) == sorted(names)
    for section in sections:
        assert [
            word
            for word in ("**Means.**", "**Check.**", "**Causes.**", "**Fix.**", "**Threshold.**")
            if word not in section
        ] == []


@pytest.fixture(scope="module")
def selectors() -> Iterator[Mapping[str, tuple[Selector, ...]]]:
    """What each alert selects, as Prometheus parses it."""
    with parser() as parse:
        yield {file.stem: parse(rule(file)["expr"]) for file in FILES}


@by_file
def test_an_alert_asks_for_the_series_of_this_chart_alone(
    file: Path, selectors: Mapping[str, tuple[Selector, ...]]
) -> None:
    assert selectors[file.stem]
    for selector in selectors[file.stem]:
        assert selector.value("job") in (MESH, OWN, f"{MESH}|{OWN}"), str(selector)


@functools.cache
def jobs(profile: str) -> tuple[tuple[str, list[dict[str, Any]]], ...]:
    """Return the metric rules of each job."""
    config = prometheus_config(template("helm4", *DEFAULT, "--set", f"metrics.profile={profile}"))
    return tuple((job["job_name"], job["metric_relabel_configs"]) for job in config["scrape_configs"])


def kept(profile: str, selector: Selector) -> bool:
    """Tell whether a profile keeps a metric that the selector means; one without a name means any."""
    if not selector.name and not selector.value("__name__"):
        return True
    names = [selector.name] if selector.name else _names(selector.value("__name__"))
    if REPORT.issuperset(names):
        return True
    own = selector.value("job") == OWN
    series = [{"__name__": name, **({"le": "+Inf"} if name.endswith("_bucket") else {})} for name in names]
    found = [rules for name, rules in jobs(profile) if (name == "self") == own]
    return any(relabel(labels, rules) is not None for labels in series for rules in found)


def _names(expression: str) -> list[str]:
    """Return the names that the expression of IstioListenerConflicts means."""
    known = ("pilot_conflict_inbound_listener", "pilot_conflict_outbound_listener_tcp_over_current_tcp")
    assert all(re.fullmatch(expression, name) for name in known)
    return list(known)


@by_file
def test_the_default_profile_keeps_what_an_alert_reads(
    file: Path, selectors: Mapping[str, tuple[Selector, ...]]
) -> None:
    for selector in selectors[file.stem]:
        assert kept("dashboards", selector), str(selector)
        assert kept("full", selector), str(selector)


def test_the_manual_names_the_alerts_that_the_smallest_profile_loses(
    selectors: Mapping[str, tuple[Selector, ...]],
) -> None:
    def lost(profile: str) -> set[str]:
        return {name for name, found in selectors.items() if not all(kept(profile, selector) for selector in found)}

    (sentence,) = re.findall(r"(?s)`metrics\.profile: minimal` loses (.*?)\.\n", MANUAL.read_text())
    assert set(re.findall(r"`(\w+)`", sentence)) == lost("minimal")
    (sentence,) = re.findall(r"(?s)`metrics\.profile: traffic` loses the same except (.*?)\.\n", MANUAL.read_text())
    assert lost("traffic") == lost("minimal") - set(re.findall(r"`(\w+)`", sentence)) != lost("minimal")


def test_every_metric_of_the_release_itself_is_explained() -> None:
    table = re.findall(r"(?m)^\| `([a-z_]+)", MANUAL.read_text())
    assert table
    for name in table:
        assert any(re.fullmatch(expression, name) for expression in KEPT), name
    for expression in KEPT:
        assert any(re.fullmatch(expression, name) for name in table), expression


def test_there_is_no_object_by_default(helm: str) -> None:
    assert of_kind(template(helm, *DEFAULT), "PrometheusRule") == []


def test_the_object_has_every_alert_as_it_is_written(helm: str, tmp_path: Path) -> None:
    sets = ("--set", "prometheusRule.enabled=true", "--set", "prometheusRule.labels.release=stack")
    (found,) = of_kind(template(helm, *DEFAULT, *sets), "PrometheusRule")
    groups = found["spec"]["groups"]
    assert [group["name"] for group in groups] == ["xscaler-istio-mesh", "xscaler-istio-pipeline"]
    assert [item for group in groups for item in group["rules"]] == [rule(file) for file in FILES]
    assert found["metadata"]["labels"]["release"] == "stack"
    assert found["metadata"]["labels"]["app.kubernetes.io/component"] == "alerts"
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(found["spec"]))
    promtool("check", "rules", "--lint=all", "--lint-fatal", tmp_path / "spec.yaml")


def test_the_files_for_rulers_and_grafana_are_fresh() -> None:
    command = (sys.executable, ROOT / "examples/alerts/generate.py", "--check")
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in ("prometheus.yaml", "prometheus-native.yaml"):
        promtool("check", "rules", "--lint=all", "--lint-fatal", ROOT / "examples/alerts" / name)


def test_the_files_for_native_histograms_are_what_the_chart_renders() -> None:
    sets = ("--set", "prometheusRule.enabled=true", "--set", "metrics.histograms=native")
    (found,) = of_kind(template("helm4", *DEFAULT, *sets), "PrometheusRule")
    rendered = {item["alert"]: item["expr"] for group in found["spec"]["groups"] for item in group["rules"]}
    assert exprs("prometheus-native.yaml") == rendered
    changed = {name for name, expr in exprs("prometheus.yaml").items() if rendered[name] != expr}
    assert changed >= {"IstioHighRequestLatency", "IstioSlowConvergence"}
    managed = yaml.safe_load((ROOT / "examples/alerts/grafana-native.yaml").read_text())
    items = {item["title"]: item for group in managed["groups"] for item in group["rules"]}
    assert {name: item["data"][0]["model"]["expr"] for name, item in items.items()} == rendered
    # One file replaces the other in Grafana.
    classic = yaml.safe_load((ROOT / "examples/alerts/grafana.yaml").read_text())
    assert {item["uid"] for group in classic["groups"] for item in group["rules"]} == {i["uid"] for i in items.values()}


def exprs(name: str) -> dict[str, str]:
    """Return the expressions of a file for rulers, by alert."""
    loaded = yaml.safe_load((ROOT / "examples/alerts" / name).read_text())
    return {item["alert"]: item["expr"] for group in loaded["groups"] for item in group["rules"]}


def test_grafana_is_told_of_every_alert() -> None:
    written = yaml.safe_load((ROOT / "examples/alerts/grafana.yaml").read_text())
    rules = [item for group in written["groups"] for item in group["rules"]]
    assert [item["title"] for item in rules] == [file.stem for file in FILES]
    assert len({item["uid"] for item in rules}) == len(FILES)
    for item, file in zip(rules, FILES, strict=True):
        query, *_, last = item["data"]
        assert item["condition"] == last["refId"]
        assert query["model"]["expr"] == rule(file)["expr"]
        # No series means that all is well; the alerts about absence make one of what is absent.
        assert item["noDataState"] == "OK"
