"""Conventions that decay unless something checks them."""

from __future__ import annotations

import functools
import itertools
import json
import operator
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests import sizes
from tests.support.paths import CHART, ROOT, ci
from tests.support.rendering import prometheus_config, template
from tests.support.tools import tool
from xscaler_istio.rendered import collectors
from xscaler_istio.rendered.log_agent import LOG_AGENT

if TYPE_CHECKING:
    from pathlib import Path

COLLECTORS = sorted(CHART.glob("templates/collectors/_*.tpl"))
NAMES = [file.stem.lstrip("_") for file in COLLECTORS]
# What each exports: templates/_collector.tpl says of what shape.
PARTS = ("config", "workload", "jobSettings", "histograms", "cannot", "numberRules")
SELF_METRICS = {file.stem: yaml.safe_load(file.read_text()) for file in CHART.glob("files/self/*.yaml")}
# The mesh's, and the one that scrapes the release itself.
JOBS = sorted(file for file in CHART.glob("files/jobs/*.yaml") if file.stem != "self")
SELF = CHART / "files/jobs/self.yaml"
PROFILES = sorted(CHART.glob("files/profiles/*.yaml"))
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
WORKLOAD_KEYS = {
    "args",
    "configFile",
    "livenessPath",
    "port",
    "readinessPath",
    "reload",
    "terminationGracePeriodSeconds",
}
# What a collector has that keeps a log on disk, needs a limit for Go's memory, has its metrics on another port, needs
# some of its flags as they are, or takes a flag more than once.
OPTIONAL_WORKLOAD_KEYS = {"storageFolder", "goMemoryLimitPercent", "metricsPort", "fixedFlags", "repeatableFlags"}


# YAML of a template: Any by nature.
def parts(name: str) -> dict[str, Any]:
    """Return the parts of a collector that hold no actions, read as YAML."""
    text = (CHART / f"templates/collectors/_{name}.tpl").read_text()
    begins = {
        part: f'define "xscaler-istio.collector.{name}.{part}" -}}}}\n' for part in ("workload", "histograms", "cannot")
    }
    return {part: yaml.safe_load(text.split(begin)[1].split("{{- end")[0]) for part, begin in begins.items()}


@pytest.mark.parametrize("file", COLLECTORS, ids=lambda file: file.stem)
def test_a_collector_exports_what_all_have(file: Path) -> None:
    name = file.stem.lstrip("_")
    defined = re.findall(r'define "([^"]+)"', file.read_text())
    assert defined[: len(PARTS)] == [f"xscaler-istio.collector.{name}.{part}" for part in PARTS]
    # Anything more is for this file only.
    assert all(other.startswith(f"xscaler-istio.collector.{name}.") for other in defined)
    used = {
        other
        for file in CHART.glob("templates/**/*")
        if file.is_file()
        for other in defined[len(PARTS) :]
        if f'"{other}"' in file.read_text() and file.name != f"_{name}.tpl"
    }
    assert used == set()
    # Its image, resources, queue and persistence.
    assert VALUES[name].keys() == VALUES["prometheus"].keys()


def test_named_templates_belong_to_this_chart() -> None:
    """An umbrella's charts share one space of names: the last one that defines a name replaces all others."""
    files = CHART.glob("templates/**/*.tpl")
    defined = [name for file in files for name in re.findall(r'define "([^"]+)"', file.read_text())]
    assert len(defined) > 100
    assert [name for name in defined if not name.startswith("xscaler-istio.")] == []
    assert sorted(set(defined)) == sorted(defined)


def test_chart_and_plugin_have_the_same_entries() -> None:
    assert set(collectors.COLLECTORS) == set(NAMES)
    assert next(iter(collectors.COLLECTORS)) == VALUES["metrics"]["collector"]
    files = {name: parts(name)["workload"]["configFile"] for name in NAMES}
    assert {name: entry.config_file for name, entry in collectors.COLLECTORS.items()} == files
    # By its file a rendered configuration is known.
    assert len(set(files.values())) == len(files)


def test_every_part_is_chosen_by_name_in_one_place() -> None:
    chosen = re.findall(
        r'printf "xscaler-istio\.collector\.%s\.(\w+)"', (CHART / "templates/_collector.tpl").read_text()
    )
    assert chosen == list(PARTS)
    for file in CHART.glob("templates/**/*"):
        if file.is_file() and file.name != "_collector.tpl":
            assert "collector.%s" not in file.read_text(), file.name


@pytest.mark.parametrize("name", NAMES)
def test_a_collector_says_how_it_converts_histograms(name: str) -> None:
    found = parts(name)["histograms"]
    assert found.keys() == {"converts", "args", "undoneBy"}
    assert found["converts"] in ("before", "after")
    # What would undo it does not match what makes it work.
    assert [flag for flag in found["args"] if re.fullmatch(found["undoneBy"], flag)] == []


@pytest.mark.parametrize("name", NAMES)
def test_what_a_collector_cannot_honour_is_refused_with_its_reason(name: str) -> None:
    refused = parts(name)["cannot"] or []
    messages = [case["message"] for case in yaml.safe_load((ROOT / "tests/chart/refusals.yaml").read_text())]
    for item in refused:
        assert {"key", "because", "set"} <= item.keys() <= {"key", "because", "set", "when"}
        if "when" in item:
            assert not functools.reduce(operator.getitem, item["when"].split("."), VALUES)
        assert f" {item['because']}." in next(text for text in messages if text.startswith(f"{item['key']} is "))
        # The ten-line values must stay a way to run it.
        assert functools.reduce(operator.getitem, item["key"].split("."), VALUES) == item["set"]
    has_log_on_disk = "storageFolder" in parts(name)["workload"]
    assert has_log_on_disk != (f"{name}.persistence.enabled" in [item["key"] for item in refused])


@pytest.mark.parametrize("name", NAMES)
def test_a_collector_says_what_is_kept_of_its_own_metrics(name: str) -> None:
    entry = SELF_METRICS[name]
    assert entry.keys() in ({"keep", "counters", "alerts"}, {"sameAs"})
    entry = SELF_METRICS[entry.get("sameAs", name)]
    assert entry["counters"].keys() == {"sent", "refused", "dropped"}
    for counter in itertools.chain.from_iterable(entry["counters"].values()):
        assert any(re.fullmatch(expression, counter) for expression in entry["keep"])
    # Each of these alerts is about the programs, not about the mesh: without a term it would never fire for this one.
    assert entry["alerts"].keys() >= {
        "XScalerIstioRemoteWriteLag",
        "XScalerIstioRestarts",
        "XScalerIstioSamplesDropped",
        "XScalerIstioSamplesRefused",
    }


def test_no_alert_and_no_dashboard_names_what_a_collector_counts() -> None:
    counted = {expression for entry in SELF_METRICS.values() for expression in entry.get("keep", [])}
    for file in (*CHART.glob("files/alerts/pipeline/*.yaml"), ROOT / "dashboards/sources/pipeline.py"):
        words = set(re.findall(r"\w+", file.read_text()))
        assert {word for word in words for expression in counted if re.fullmatch(expression, word)} == set(), file.name


def test_a_term_of_an_alert_has_its_place() -> None:
    places = {file.stem for file in CHART.glob("files/alerts/*/*.yaml") if "<terms of files/self>" in file.read_text()}
    logs = yaml.safe_load((CHART / "files/logs/self.yaml").read_text())
    assert {name for entry in (*SELF_METRICS.values(), logs) for name in entry.get("alerts", [])} == places


def test_a_workload_has_the_keys_that_the_pod_reads() -> None:
    for name in NAMES:
        workload = parts(name)["workload"]
        assert WORKLOAD_KEYS <= workload.keys() <= WORKLOAD_KEYS | OPTIONAL_WORKLOAD_KEYS
        assert workload["reload"] in ("watch", "restart")


def test_no_template_outside_collectors_names_a_collector() -> None:
    names = "|".join(NAMES)
    for file in CHART.glob("templates/**/*"):
        if file.is_file() and file.parent.name != "collectors":
            # `.Values.prometheus`, "prometheus" and prometheus.yml, but not the annotation prometheus.io/scrape.
            named = re.findall(rf'\.Values\.(?:{names})\b|"(?:{names})"|\b(?:{names})\.yml', file.read_text())
            assert named == [], file.name


def test_validations_are_rendered_before_what_they_guard() -> None:
    # Else a value that they refuse breaks a template first. Helm's order: number of folders, then name, reversed.
    rendered = [
        file.relative_to(CHART) for file in CHART.glob("templates/**/*") if file.name[0] != "_" and file.is_file()
    ]
    assert max(rendered, key=lambda file: (len(file.parts), str(file))).name == "validations.yaml"


@pytest.mark.parametrize("file", [*JOBS, SELF], ids=lambda file: file.stem)
def test_a_job_is_named_after_its_file(file: Path) -> None:
    job = yaml.safe_load(file.read_text())
    assert job["job_name"] == file.stem
    assert re.fullmatch(r"[a-z_]+", job["job_name"]), "an Alloy block label must be an identifier"
    assert list(job)[-1] == "relabel_configs", "the common rules are appended to it"


def test_every_switch_has_its_job() -> None:
    assert VALUES["metrics"]["targets"].keys() == {file.stem for file in JOBS}


@pytest.mark.parametrize("file", PROFILES, ids=lambda file: file.stem)
def test_a_profile_says_something_about_every_job(file: Path) -> None:
    profile = yaml.safe_load(file.read_text())
    assert profile.keys() == {"keep", "drop", "numbers", "thinned", "fixed", "rank"}
    assert profile["keep"].keys() == {job.stem for job in JOBS}
    for names in (*profile["keep"].values(), *profile["drop"].values()):
        assert names
        assert all(re.compile(name) for name in names)


def test_the_schema_is_fresh() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "values-schema/build.py", "--check"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_the_schema_is_understood_by_old_and_new_engines() -> None:
    # plugin-wide rule: draft-07, one file, no references, patterns that RE2 and Python both know.
    text = (CHART / "values.schema.json").read_text()
    schema = json.loads(text)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert '"$ref"' not in text
    assert '"$id"' not in text
    patterns = re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', text)
    assert patterns
    assert not [p for p in patterns if "(?" in p or re.compile(json.loads(p)) is None]


def test_default_values_satisfy_their_schema() -> None:
    import jsonschema

    schema = json.loads((CHART / "values.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    assert list(jsonschema.Draft7Validator(schema).iter_errors(VALUES)) == []


@pytest.mark.parametrize("collector", [*collectors.COLLECTORS, "logAgent"])
def test_the_image_is_the_version_that_the_tests_run(collector: str) -> None:
    program = tool((LOG_AGENT if collector == "logAgent" else collectors.COLLECTORS[collector]).program)
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
    words = [word.removeprefix("v") for word in (said.stdout + said.stderr).split()]
    assert VALUES[collector]["image"]["tag"].removeprefix("v") in words


def test_the_example_is_the_default_case_and_about_ten_lines() -> None:
    example = ROOT / "examples/values.yaml"
    default = ci("default")
    assert yaml.safe_load(example.read_text()) == yaml.safe_load(default.read_text())
    assert len(example.read_text().splitlines()) <= 11


def reasons() -> list[str]:
    """Return the reasons of all jobs and rules that the default values render."""
    files = [*JOBS, SELF, *(CHART / f"files/rules/{name}.yaml" for name in ("targets", "label-budget"))]
    found = []
    for file in files:
        loaded = yaml.safe_load(file.read_text())
        if isinstance(loaded, dict) and file.stem in ("agents", "agentgateway"):
            continue
        items = loaded if isinstance(loaded, list) else [loaded, *loaded["relabel_configs"]]
        found += [item["why"] for item in items if "why" in item]
    return found


@pytest.mark.parametrize("collector", NAMES)
def test_reasons_reach_the_rendered_configuration(collector: str) -> None:
    text = template("helm4", "--values", str(ci("default")), "--set", f"metrics.collector={collector}")
    comments = " ".join(re.findall(r"(?m)^ *(?://|#) (.*)$", text))
    assert [reason for reason in reasons() if reason not in comments] == []


def test_jobs_are_rendered_in_the_order_of_their_files() -> None:
    files = [yaml.safe_load(file.read_text()) for file in (*JOBS, SELF)]
    in_order = [job["job_name"] for job in sorted(files, key=lambda job: job["order"])]
    apart = "metrics.targets.proxies.port=15090,metrics.targets.agents.enabled=true"
    text = template(
        "helm4", "--values", str(ci("default")), "--set", f"metrics.targets.agentgateway.enabled=true,{apart}"
    )
    assert [job["job_name"] for job in prometheus_config(text)["scrape_configs"]] == in_order
    assert in_order == ["proxies", "agents", "ztunnel", "istiod", "cni", "agentgateway", "self"]


TEST_SCRIPTS = sorted(CHART.glob("files/tests/*.sh"))


def test_every_collector_has_a_test_and_shells_understand_it() -> None:
    names = {file.stem for file in TEST_SCRIPTS}
    assert names == {*NAMES, "common", "metrics", "logs"}
    for file in TEST_SCRIPTS:
        subprocess.run(["sh", "-n", file], check=True)


@pytest.mark.parametrize("file", COLLECTORS, ids=lambda file: file.stem)
def test_a_collector_s_test_defines_what_all_have(file: Path) -> None:
    script = (CHART / f"files/tests/{file.stem.lstrip('_')}.sh").read_text()
    assert re.findall(r"(?m)^(\w+)=", script) == ["REFUSAL"]
    assert re.findall(r"(?m)^(\w+)\(\) \{", script) == ["ready", "targets", "pushes"]


def annotation(name: str) -> list[dict[str, str]]:
    """Return one of Artifact Hub's annotations that hold YAML."""
    annotations = yaml.safe_load((CHART / "Chart.yaml").read_text())["annotations"]
    found: list[dict[str, str]] = yaml.safe_load(annotations[f"artifacthub.io/{name}"])
    return found


def test_artifact_hub_is_told_the_images_of_the_values() -> None:
    images = {"logAgent", "tests", *(file.stem.lstrip("_") for file in COLLECTORS)}
    assert images == {
        name for name, block in VALUES.items() if isinstance(block, dict) and "repository" in block.get("image", {})
    }
    used = {"{registry}/{repository}:{tag}".format(**VALUES[name]["image"]) for name in images}
    assert {item["image"] for item in annotation("images")} == used


def test_artifact_hub_is_told_links_and_changes() -> None:
    home = "https://github.com/xscaler/xscaler-istio/"
    for link in annotation("links"):
        assert link.keys() == {"name", "url"}
        path = link["url"].removeprefix(home)
        assert path == "issues" or (ROOT / path.removeprefix("blob/main/")).is_file()
    kinds = {"added", "changed", "deprecated", "removed", "fixed", "security"}
    assert {item["kind"] for item in annotation("changes")} <= kinds
    assert all(item["description"] for item in annotation("changes"))


def test_the_chart_stays_small() -> None:
    assert sizes.values() < 350
    assert len(sizes.helpers()) == sum(file.read_text().count('- define "') for file in CHART.rglob("*.tpl"))
    assert max(sizes.helpers().values()) < 120
    assert max(sizes.templates().values()) < 300
