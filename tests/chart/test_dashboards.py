"""The dashboards that the chart ships: as Grafana reads them, on metrics that the default profile keeps."""

from __future__ import annotations

import gzip
import itertools
import json
import math
import re
import subprocess
import sys
import urllib.parse
from typing import TYPE_CHECKING

import pytest
import yaml

from dashboards import build, draw, grafana
from tests.support.paths import CHART, ROOT, ci
from tests.support.rendering import of_kind, template
from tests.support.tools import tool
from tests.support.words import foreign_words

from .profile import known_labels, read_by, served

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dashboards.grafana import Dashboard

FILES = {file.stem: file for file in sorted(CHART.glob("files/dashboards/*.json"))}
DASHBOARDS: Mapping[str, Dashboard] = {name: grafana.read(file) for name, file in FILES.items()}
NAMES = ("access-logs", "ambient", "control-plane", "mesh", "pipeline", "service", "workload")
BUILT_IN = {"__rate_interval", "__range", "__auto", "__url_time_range", "__data", "__field"}
# A selector and its label matchers; PromQL's and LogQL's look alike.
SELECTOR = re.compile(r"(\w*)(?<!\$)\{([^{}]*)\}")
# Made by label_replace.
OWN_LABELS = {"class", "workload"}
TABLES = {"ambient": 1, "mesh": 2, "pipeline": 1, "service": 1, "workload": 1}
# Words of a title that keep their case.
LOWER_NAMES = {"istiod", "ztunnel", "ztunnels"}
PROPER_NAMES = {"CPU", "DNS", "Envoy", "TCP", "TLS"}
MIB = 2**20
WITH_DASHBOARDS = ("--values", str(ci("default")), "--set", "dashboards.enabled=true")


def expressions(dashboard: Dashboard) -> list[str]:
    return [target.expr for panel in dashboard.panels for target in panel.targets]


def asked(dashboard: Dashboard) -> list[str]:
    """Return every query, those of variables and thresholds too."""
    limits = [panel.limits for panel in dashboard.panels]
    return [*expressions(dashboard), *limits, *(each.of[0] for each in dashboard.variables if each.is_query)]


def names_of_variables(dashboard: Dashboard) -> set[str]:
    return {variable.name for variable in dashboard.variables}


@pytest.mark.skipif(sys.version_info < build.PYTHON, reason="grafana-foundation-sdk needs Python 3.11")
def test_the_dashboards_are_fresh() -> None:
    command = [sys.executable, "-m", "dashboards.build", "--check"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_grafana_s_own_types_take_them_with_nothing_left_over() -> None:
    done = subprocess.run([tool("grafana-schema"), *FILES.values()], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_grafana_does_not_know_is_found(tmp_path: Path) -> None:
    # The check above would pass a reader that reads nothing.
    board = json.loads(FILES["mesh"].read_text())
    board["panels"][0]["gridPos"]["width"] = 4
    del board["templating"]
    file = tmp_path / "board.json"
    file.write_text(json.dumps(board))
    done = subprocess.run([tool("grafana-schema"), file], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "gridPos" in done.stdout
    assert "templating" in done.stdout


def test_names_and_titles_are_unique() -> None:
    assert tuple(DASHBOARDS) == NAMES
    assert len({dashboard.title for dashboard in DASHBOARDS.values()}) == len(NAMES)
    # Grafana takes 40 characters.
    assert {dashboard.uid for dashboard in DASHBOARDS.values()} == {f"xscaler-istio-{name}" for name in NAMES}
    for dashboard in DASHBOARDS.values():
        assert len(dashboard.uid) <= 40
        assert len({panel.id for panel in dashboard.panels}) == len(dashboard.panels)
        assert len({panel.title for panel in dashboard.panels}) == len(dashboard.panels)
        assert len({variable.name for variable in dashboard.variables}) == len(dashboard.variables)


@pytest.mark.parametrize("name", NAMES)
def test_panels_fill_the_grid_and_do_not_overlap(name: str) -> None:
    panels = DASHBOARDS[name].panels
    assert 6 <= len(panels) <= 12
    cells = [
        cell
        for panel in panels
        for cell in itertools.product(
            range(panel.place.x, panel.place.x + panel.place.w), range(panel.place.y, panel.place.y + panel.place.h)
        )
    ]
    bottom = max(panel.place.y + panel.place.h for panel in panels)
    assert sorted(cells) == sorted(itertools.product(range(24), range(bottom)))


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_is_used_and_every_reference_known(name: str) -> None:
    dashboard = DASHBOARDS[name]
    used = {found for text in asked(dashboard) for found in re.findall(r"\$\{?([A-Za-z_]\w*)", text)}
    given = names_of_variables(dashboard)
    assert used - BUILT_IN <= given
    datasources = {variable.name for variable in dashboard.variables if variable.type == "datasource"}
    assert given - used == datasources
    content = FILES[name].read_text()
    assert set(re.findall(r'"uid": "\$\{(\w+)\}"', content)) == datasources


@pytest.mark.parametrize("name", NAMES)
def test_every_selector_is_of_the_mesh_and_of_the_chosen_clusters(name: str) -> None:
    for text in expressions(DASHBOARDS[name]):
        selectors = SELECTOR.findall(re.sub(r"`[^`]*`", "", text))
        assert selectors, text
        for _, matchers in selectors:
            assert re.search('job="(integrations/istio|xscaler-istio)"', matchers), text
            assert 'cluster=~"$cluster"' in matchers, text


@pytest.mark.parametrize("name", NAMES)
def test_no_request_is_summed_over_both_its_sides(name: str) -> None:
    for text in expressions(DASHBOARDS[name]):
        for metric, matchers in SELECTOR.findall(text):
            if re.match("istio_(requests_total|request_|response_|tcp_)", metric):
                assert "reporter=" in matchers or "by (reporter," in text, text


@pytest.mark.parametrize("name", NAMES)
def test_each_panel_has_a_description_a_unit_and_a_title_in_sentence_case(name: str) -> None:
    for panel in DASHBOARDS[name].panels:
        assert panel.description.endswith("."), panel.title
        assert panel.type in ("table", "logs") or panel.unit, panel.title
        assert all(column.unit for column in panel.values), panel.title
        first, *rest = panel.title.split()
        assert first[0].isupper() or first in LOWER_NAMES, panel.title
        assert [word for word in rest if word[0].isupper() and word not in PROPER_NAMES] == [], panel.title


@pytest.mark.parametrize("name", NAMES)
def test_readers_meet_no_foreign_word(name: str) -> None:
    board = DASHBOARDS[name]
    panels = [text for panel in board.panels for text in (panel.title, panel.description)]
    for text in (board.title, board.description, *panels, *(variable.label for variable in board.variables)):
        assert foreign_words(text) == [], text


@pytest.mark.parametrize("name", NAMES)
def test_a_stat_panel_shows_the_time_range_and_says_how(name: str) -> None:
    says = {"mean": "Mean over", "max": "Highest value in", "min": "Lowest value in"}
    for panel in DASHBOARDS[name].panels:
        if panel.type == "stat":
            assert panel.description.endswith(f"{says[panel.calculation]} the time range."), panel.title
            assert [target.instant for target in panel.targets] == [False], panel.title


@pytest.mark.parametrize("name", NAMES)
def test_bars_and_rows_of_rates_are_of_the_time_range(name: str) -> None:
    for panel in DASHBOARDS[name].panels:
        if panel.type in ("bargauge", "table"):
            assert all(target.instant for target in panel.targets), panel.title
            windows = {found for target in panel.targets for found in re.findall(r"\[(\$\w+)\]", target.expr)}
            assert windows <= {"$__range"}, panel.title


@pytest.mark.parametrize("name", NAMES)
def test_a_row_or_bar_opens_a_dashboard_with_variables_that_are_there(name: str) -> None:
    here, tables = DASHBOARDS[name], 0
    for panel in here.panels:
        tables += panel.type == "table"
        assert panel.links or panel.type != "table", panel.title
        for link in panel.links:
            address = urllib.parse.urlsplit(link)
            (there,) = (board for board in DASHBOARDS.values() if address.path == f"/d/{board.uid}")
            query = address.query.split("&")
            assert query.pop() == "${__url_time_range}"
            kept = {found[1] for item in query if (found := re.fullmatch(r"\$\{(\w+):queryparam\}", item))}
            given = dict(re.findall(r"var-(\w+)=\$\{__(?:data\.fields|field\.labels)\.(\w+)\}", address.query))
            assert len(kept) + len(given) == len(query), link
            assert kept <= names_of_variables(here)
            assert "datasource" in kept
            assert kept | given.keys() <= names_of_variables(there), link
            assert "cluster" in given
            for target in panel.targets:
                assert all(re.search(rf"by \([^)]*\b{label}\b", target.expr) for label in given.values()), link
    assert tables == TABLES.get(name, 0)


def test_a_service_opens_its_dashboard_with_cluster_namespace_and_service() -> None:
    (panel,) = (panel for panel in DASHBOARDS["mesh"].panels if panel.title == "Services")
    (link,) = panel.links
    assert link.startswith("/d/xscaler-istio-service?")
    for variable, label in {
        "cluster": "cluster",
        "namespace": "destination_service_namespace",
        "service": "destination_service_name",
    }.items():
        assert f"var-{variable}=${{__data.fields.{label}}}" in link


@pytest.mark.parametrize("name", NAMES)
def test_a_threshold_is_a_variable_or_none_or_all(name: str) -> None:
    options = {variable.name: variable.options for variable in DASHBOARDS[name].variables}
    for panel in DASHBOARDS[name].panels:
        limits = re.findall(r'"step_\d+", "([^"]+)", "", ""', panel.limits)
        values = [value for _, value in panel.thresholds]
        assert limits == [] or len(limits) == len(values), panel.title
        # Until the query has an answer, the defaults hold.
        for limit, value in zip(limits or [str(value) for value in values], values, strict=True):
            default = options[limit[1:]][0][1] if limit.startswith("$") else limit
            assert float(default) == value, panel.title
            assert limit.startswith("$") or value in (-math.inf, 1e-6, 1.0), panel.title
        assert values == sorted(values), panel.title


@pytest.mark.parametrize("name", NAMES)
def test_no_share_divides_by_zero_and_a_number_or_bar_needs_traffic(name: str) -> None:
    shares = 0
    for panel in DASHBOARDS[name].panels:
        divisions = [expr for expr in (target.expr for target in panel.targets) if " / " in expr]
        shares += len(divisions)
        for expr in divisions:
            divisor = re.search(r" / \((.+) > (\$floor|0)\)\)?$", expr)
            assert divisor, expr
            needs_traffic = panel.type in ("stat", "bargauge")
            assert (divisor[2] == "$floor") == needs_traffic, expr
    assert shares or name in ("control-plane", "pipeline")


def test_the_services_that_fail_most_are_those_of_the_largest_share() -> None:
    (panel,) = (panel for panel in DASHBOARDS["mesh"].panels if panel.title == "Services that fail most")
    assert panel.unit == "percentunit"
    assert panel.targets[0].expr.startswith("topk(8, (")


@pytest.mark.parametrize("name", NAMES)
def test_each_series_has_a_name(name: str) -> None:
    for panel in DASHBOARDS[name].panels:
        if panel.type in ("timeseries", "bargauge"):
            assert all(target.legend for target in panel.targets), panel.title
            assert len({target.legend for target in panel.targets}) == len(panel.targets)
        if panel.type == "table":
            assert len(panel.columns) > len(panel.values) == len(panel.targets)


def test_the_parser_of_prometheus_reads_every_query_and_the_profile_keeps_every_metric() -> None:
    found = {item["file"]: item for item in read_by(CHART / "files/dashboards")}
    assert found.keys() == {f"{name}.json" for name in NAMES} - {"access-logs.json"}
    for file, item in found.items():
        # tools/evidence reads a number that a variable holds as a metric of this name.
        assert [metric for metric in item["metrics"] if metric != "variable" and not served(metric)] == [], file
        assert set(item["labels"]) - known_labels() - OWN_LABELS == set(), file
        assert len(item["metrics"]) >= 4, file


def test_log_queries_read_fields_that_the_agent_sends() -> None:
    formats = yaml.safe_load((CHART / "files/logs/formats.yaml").read_text())
    sent = {field["name"] for field in formats["text"]} | {*formats["request"], *formats["ztunnel"], "level"}
    text = " ".join(expressions(DASHBOARDS["access-logs"]))
    read = {name for name, _ in re.findall(r'(\w+)(=~|!=|=)"', SELECTOR.sub("", text))}
    read |= set(re.findall(r"unwrap (\w+)", text))
    assert {"response_code", "upstream_cluster", "duration", "direction"} <= read <= sent


def test_no_config_map_unless_asked_for(helm: str) -> None:
    names = [item["metadata"]["name"] for item in of_kind(template(helm, "--values", str(ci("default"))), "ConfigMap")]
    assert [name for name in names if "dashboard" in name] == []


def test_a_config_map_for_each_dashboard(helm: str) -> None:
    maps = shipped(template(helm, *WITH_DASHBOARDS))
    assert maps.keys() == {f"{name}.json" for name in NAMES}
    for name, (metadata, text) in maps.items():
        assert metadata["labels"]["grafana_dashboard"] == "1"
        assert "annotations" not in metadata
        assert json.loads(text) == json.loads((CHART / "files/dashboards" / name).read_text())
        assert len(text.encode()) < MIB / 4


def test_the_series_of_the_plan_are_in_the_dashboard_of_the_pipeline(helm: str) -> None:
    _, text = shipped(template(helm, *WITH_DASHBOARDS, "--set", "xscaler.plan.activeSeries=1000000"))["pipeline.json"]
    (before, after) = (
        {variable["name"]: variable.get("query") for variable in json.loads(board)["templating"]["list"]}
        for board in (FILES["pipeline"].read_text(), text)
    )
    assert before["active_series"] == "0"
    assert after == {**before, "active_series": "1000000"}


def test_labels_and_annotations_for_the_sidecar(helm: str) -> None:
    more = ("--set", "dashboards.labels.dash=on,dashboards.annotations.grafana_folder=Istio,commonAnnotations.a=b")
    for metadata, _ in shipped(template(helm, *WITH_DASHBOARDS, *more)).values():
        assert metadata["labels"]["dash"] == "on"
        assert "grafana_dashboard" not in metadata["labels"]
        assert metadata["annotations"] == {"grafana_folder": "Istio", "a": "b"}


def shipped(text: str) -> dict[str, tuple[Mapping[str, Mapping[str, str]], str]]:
    """Return metadata and content of the ConfigMaps with dashboards, by file."""
    maps = [item for item in of_kind(text, "ConfigMap") if "-dashboard-" in item["metadata"]["name"]]
    return {file: (item["metadata"], content) for item in maps for file, content in item["data"].items()}


def test_dashboards_of_two_releases_fit_into_one_namespace(helm: str) -> None:
    def placed(namespace: str) -> set[tuple[str, str]]:
        there = ("--set", "dashboards.namespace=monitoring", "--namespace", namespace)
        listed = [item["metadata"] for item in of_kind(template(helm, *WITH_DASHBOARDS, *there), "ConfigMap")]
        return {(item["namespace"], item["name"]) for item in listed if "-dashboard-" in item["name"]}

    one, other = placed("telemetry"), placed("elsewhere")
    assert {namespace for namespace, _ in one | other} == {"monitoring"}
    assert len(one) == len(other) == len(NAMES)
    assert not one & other


def test_a_release_fits_into_its_secret(tmp_path: Path) -> None:
    # Helm keeps chart and manifests in one Secret, packed and then twice in base64; Kubernetes takes 1 MiB.
    subprocess.run([tool("helm4"), "package", CHART, "-d", tmp_path], check=True, capture_output=True)
    (package,) = tmp_path.glob("*.tgz")
    manifests = gzip.compress(template("helm4", *WITH_DASHBOARDS).encode())
    files = gzip.compress(b"".join(file.read_bytes() for file in sorted(CHART.rglob("*")) if file.is_file()))
    assert package.stat().st_size < MIB / 4
    assert (len(manifests) + len(files)) * (4 / 3) ** 2 < MIB / 2


@pytest.mark.parametrize("name", NAMES)
def test_the_picture_is_of_this_dashboard(name: str) -> None:
    picture = (ROOT / f"docs/dashboards/{name}.svg").read_text()
    assert f"<!-- dashboard {draw.digest(FILES[name].read_bytes())} -->" in picture, "run: make dashboards"
