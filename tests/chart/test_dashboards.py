"""The dashboards that the chart ships: as Grafana reads them, on metrics that the default profile keeps."""

from __future__ import annotations

import gzip
import itertools
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from dashboards import draw, grafana
from tests.support.paths import CHART, ROOT, ci
from tests.support.rendering import of_kind, template
from tests.support.tools import tool

from .profile import known_labels, read_by, served

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dashboards.grafana import Dashboard

FILES = {file.stem: file for file in sorted(CHART.glob("files/dashboards/*.json"))}
DASHBOARDS: Mapping[str, Dashboard] = {name: grafana.read(file) for name, file in FILES.items()}
NAMES = ("access-logs", "ambient", "control-plane", "mesh", "pipeline", "service", "workload")
BUILT_IN = {"__rate_interval", "__range", "__auto"}
# A selector and its label matchers; PromQL's and LogQL's look alike.
SELECTOR = re.compile(r"(\w*)(?<!\$)\{([^{}]*)\}")
# Made by label_replace.
OWN_LABELS = {"class", "workload"}
MIB = 2**20
WITH_DASHBOARDS = ("--values", str(ci("default")), "--set", "dashboards.enabled=true")


def expressions(dashboard: Dashboard) -> list[str]:
    return [target.expr for panel in dashboard.panels for target in panel.targets]


def asked(dashboard: Dashboard) -> list[str]:
    """Return every query, those of variables too."""
    return [*expressions(dashboard), *(variable.of[0] for variable in dashboard.variables if variable.is_query)]


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
    given = {variable.name for variable in dashboard.variables}
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
def test_each_series_has_a_name(name: str) -> None:
    for panel in DASHBOARDS[name].panels:
        if panel.type in ("timeseries", "bargauge"):
            assert all(target.legend for target in panel.targets), panel.title
            assert len({target.legend for target in panel.targets}) == len(panel.targets)
        if panel.type == "table":
            assert len(panel.columns) > len(panel.targets)


def test_the_parser_of_prometheus_reads_every_query_and_the_profile_keeps_every_metric() -> None:
    found = {item["file"]: item for item in read_by(CHART / "files/dashboards")}
    assert found.keys() == {f"{name}.json" for name in NAMES} - {"access-logs.json"}
    for file, item in found.items():
        assert [metric for metric in item["metrics"] if not served(metric)] == [], file
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
