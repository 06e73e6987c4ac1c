"""What becomes of a line: lines from public reports, with the kind, level and fields that they must get."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.alloy_stages import Pipeline
from tests.support.log_environment import log_config
from tests.support.paths import ROOT

LINES = json.loads(Path(__file__).with_name("field_lines.json").read_text(encoding="utf-8"))
# What an agent adds of its own to the fields that a report expects.
ADDED = {"Q01": {"ambiguous": "quotes"}, "R01": {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}}


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    # By default old lines are left out, which takes the agent's state.
    return Pipeline(log_config("logs.startAt=beginning").text)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line["id"])
def test_a_line_of_the_field(pipeline: Pipeline, line: dict[str, Any]) -> None:
    entry = pipeline.run(line["line"], stream=line["stream"], container=line["container"])
    assert (entry.labels["log_type"], entry.labels.get("level", "")) == (line["log_type"], line["level"])
    assert line["fields"] is None or entry.fields == {**line["fields"], **ADDED.get(line["id"], {})}
    assert not [secret for secret in line["must_not_appear"] if secret in entry.line + "".join(entry.metadata.values())]


def request(path: str = "/a", user_agent: str = "curl/8") -> tuple[str, str]:
    """Return a line as TEXT and as JSON."""
    text = (
        f'[2026-11-25T10:00:00.123Z] "GET {path} HTTP/1.1" 503 - x - "-" 0 1 2 2 "-" "{user_agent}" "1-2" "shop"'
        ' "10.0.0.7:80" outbound|80||shop 10.0.0.1:4000 10.0.0.2:80 10.0.0.1:4001 - default'
    )
    fields = {"path": path, "user_agent": user_agent, "response_code": 503, "response_flags": "-"}
    return text, json.dumps(fields, separators=(",", ":"))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        *((line, "drop_path") for line in request("/healthz")),
        *((line, "drop_path") for line in request("/healthz?verbose=1")),
        *((line, "drop_path") for line in request("/health/a/ready")),
        *((line, "drop_user_agent") for line in request(user_agent="kube-probe/1.34")),
        *((line, "") for line in request("/healthz/x")),
        *((line, "") for line in request("/a/healthz")),
        *((line, "") for line in request("/healthXz.y")),
        *((line, "") for line in request(user_agent="my kube-probe/1")),
        # What has no path: a connection, another format, a program's own line.
        (
            '[2026-11-25T10:00:00.1Z] "- - -" 0 - - - "-" 1 2 3 - "-" "-" "-" "-" "-" P - 10.0.0.2:80 10.0.0.1:4 - -',
            "",
        ),
        ("GET /healthz kube-probe/1.34", ""),
        ("2026-11-25T10:00:00.1Z\tinfo\t/healthz kube-probe/1.34", ""),
    ],
)
def test_requests_are_left_out_by_path_and_user_agent(line: str, reason: str) -> None:
    drop = {"paths": ["/healthz", "/health/*/ready", "/health.z.y"], "userAgents": ["kube-probe/*"]}
    pipeline = Pipeline(log_config("logs.startAt=beginning", json=f"logs.drop={json.dumps(drop)}").text)
    assert pipeline.run(line).dropped == reason


def example() -> str:
    """Return the stages in docs/logs.md."""
    section = (ROOT / "docs/logs.md").read_text(encoding="utf-8").partition("## Your own stages")[2]
    stages: str = yaml.safe_load(section.partition("```yaml\n")[2].partition("```")[0])["logs"]["extraStages"]
    return stages


def test_stages_of_the_user_see_fields_and_labels() -> None:
    stages = f'{example()}stage.match {{\n  selector = `{{log_type="access",namespace="shop"}}`\n'
    stages += '  stage.labels {\n    values = {route = "route_name"}\n  }\n}\n'
    pipeline = Pipeline(log_config("logs.startAt=beginning", json=f"logs.extraStages={json.dumps(stages)}").text)
    line, _ = request()
    entry = pipeline.run(line)
    assert entry.labels["route"] == "default"
    assert "upstream_cluster" in entry.fields
    assert "upstream_local_address" not in entry.fields
    assert pipeline.run(line.replace("outbound|80||shop", "BlackHoleCluster")).dropped == "black_hole"
    assert "route" not in pipeline.run("2026-11-25T10:00:00.1Z\tinfo\ta").labels
