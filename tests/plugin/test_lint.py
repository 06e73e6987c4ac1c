"""`lint`: the same from either Helm, the chart's own cases, and the rules on rendered objects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from tests.support.command import runner
from tests.support.paths import CHART, EXAMPLE
from tests.support.rendering import configs, template
from tests.support.tools import tool
from xscaler_istio.checks import catalogue
from xscaler_istio.cli import app
from xscaler_istio.rendered import manifests
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.rendered.manifests import Manifest

from .test_cli import broken_chart

if TYPE_CHECKING:
    from pathlib import Path

OFF = {f"XSCALER_{name}": "/nowhere" for name in ("KUBECONFORM", "PROMTOOL", "ALLOY", "OTELCOL")}

# Flags of `lint`: content, refused by the schema, by the chart, by YAML, by both majors' template engines.
BOTH = [
    ("-f", EXAMPLE),
    ("-f", EXAMPLE, "--set", "logs.enabled=true"),
    ("-f", EXAMPLE, "--set", "metrics.shards=many,metrics.profil=full"),
    ("-f", EXAMPLE, "--set", "cluster.name=,xscaler.auth.token=t"),
    ("-f", EXAMPLE, "--set-json", 'cluster.labels={"a":"1","b":"2","c":"3"}'),
    ("-f", EXAMPLE, "--set", "cluster.name"),
    (),
]


@pytest.mark.whole("test_helms.py lints with both majors, and has each kind of message")
@pytest.mark.parametrize("flags", BOTH, ids=lambda flags: " ".join(map(str, flags[2:])) or str(len(flags)))
@pytest.mark.parametrize("output", ["json"])
def test_both_helms_give_equal_findings(flags: tuple[str | Path, ...], output: str) -> None:
    three, four = (runner(tool(name))("lint", *flags, "-o", output, **OFF) for name in ("helm3", "helm4"))
    assert json.loads(three.out) == json.loads(four.out)
    assert three.code == four.code


def test_both_helms_word_a_template_that_stumbles_alike(tmp_path: Path) -> None:
    chart = broken_chart(tmp_path, "templates/secret.yaml", "{{", "{{ .Values.cluster.name.nothing }}{{")
    three, four = (runner(tool(name))("lint", "-f", EXAMPLE, "--chart", chart, **OFF) for name in ("helm3", "helm4"))
    assert three.out == four.out
    assert "can't evaluate field nothing in type interface {}" in three.out
    assert three.code == four.code == 1


def test_refused_values_are_told_with_file_and_line() -> None:
    ran = runner(tool("helm4"))("lint", "-f", "-", stdin=EXAMPLE.read_bytes() + b"metrics: {shards: 0}\n", **OFF)
    assert ": error: metrics.shards is out of range [XS002]" in ran.out
    assert "error: the values are refused [XS301]" in ran.out


def test_what_the_chart_refuses_is_reported_once() -> None:
    ran = runner(tool("helm4"))("lint", "-f", EXAMPLE, "--set", "cluster.name=", **OFF)
    assert "error: the values are refused [XS301]" in ran.out
    assert (ran.code, ran.out.count("cluster.name is empty"), "# at:" in ran.out) == (1, 1, False)


def test_without_values_the_cases_of_the_chart_are_linted() -> None:
    ran = runner(tool("helm4"))("lint", "-o", "json", **OFF)
    cases = sorted(CHART.glob("ci/*-values.yaml"))
    assert ran.err.splitlines() == [f"linting {file}" for file in cases]
    findings = json.loads(ran.out)["findings"]
    assert (ran.code, {finding["rule"] for finding in findings}) == (0, {"XS330"})
    assert {finding["file"] for finding in findings} <= {f"rendered from {file}" for file in cases}


def test_a_project_ignores_what_has_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELM_BIN", str(tool("helm4")))
    for name, value in OFF.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".xscaler.yaml").write_text("ignore: [{rule: XS330, reason: labelled}, {rule: XS213, reason: why}]\n")
    flags = ["lint", "--chart", str(CHART), "-f", str(EXAMPLE)]
    with_logs = CliRunner().invoke(app, [*flags, "--set", "logs.enabled=true"])
    assert with_logs.stdout.endswith("\nlint: not checked: Kubernetes schemas, collector configuration (1 ignored)\n")
    # Rules of validate are not its business.
    assert "XS213" not in with_logs.stdout
    without = CliRunner().invoke(app, flags)
    assert ".xscaler.yaml:1:10: warning: this ignore has no effect: XS330 has no finding here [XS290]" in without.stdout
    # Where nothing is rendered nothing is known of what would be left.
    refused = CliRunner().invoke(app, [*flags, "--set", "metrics.shards=many"])
    assert ("XS002" in refused.stdout, "XS290" in refused.stdout) == (True, False)


# -- rules on rendered objects --------------------------------------------------------------------------------------


def rules(document: dict[str, Any]) -> list[str]:
    manifest = Manifest(document["kind"], "x", {"metadata": {"name": "x"}, **document})
    return [rule.id for rule, _ in catalogue.of_object(manifest)]


OUTSIDE = {"labels": {"sidecar.istio.io/inject": "false", "istio.io/dataplane-mode": "none"}}


def pod(labels: dict[str, Any] = OUTSIDE, **container: Any) -> dict[str, Any]:
    return {"kind": "Pod", "metadata": labels, "spec": {"containers": [{"name": "c", **container}]}}


OBJECTS = [
    (pod(), []),
    (pod({"labels": {"sidecar.istio.io/inject": "true", "istio.io/dataplane-mode": "none"}}), ["XS340"]),
    (pod({}), ["XS340"]),
    ({"kind": "DaemonSet", "spec": {"template": {"metadata": {}, "spec": {"containers": []}}}}, ["XS340"]),
    (pod(args=["--config=/a", "--password-file=/b", "--token=/var/run/token"]), []),
    (pod(args=["--api-token=abc"]), ["XS342"]),
    (pod(env=[{"name": "REMOTE", "value": "https://u:p@x.example"}]), ["XS342"]),
    (pod(env=[{"name": "TOKEN", "valueFrom": {"secretKeyRef": {}}}]), []),
    ({"kind": "ClusterRole", "rules": [{"resources": ["pods", "secrets"]}]}, ["XS341"]),
    ({"kind": "ClusterRole", "rules": [{"resources": ["pods"]}]}, []),
    ({"kind": "Secret", "data": {"token": "x"}}, []),
    ({"kind": "ConfigMap", "data": {"a": "x" * 2**20}}, ["XS343"]),
    ({"kind": "ConfigMap", "data": {"a": "x" * 2**19}}, []),
    ({"kind": "ConfigMap"}, []),
    ({"kind": "ConfigMap", "data": {"a": "{{ .Release.Name }}"}}, ["XS344"]),
    ({"kind": "ConfigMap", "data": {"a": "{{- if ($.Values.b) }}"}}, ["XS344"]),
    ({"kind": "ConfigMap", "data": {"a": "{{ .token }} {{ $labels.Values }} {{ .Data.Release }} .Values.a"}}, []),
]
# What a configuration loses, by collector: each of these makes its native histograms vanish.
CARRIES = {
    "prometheus": ("  protobuf_message: io.prometheus.write.v2.Request\n", "  send_native_histograms: true\n"),
    "alloy": (
        '    protobuf_message = "io.prometheus.write.v2.Request"\n',
        "    send_native_histograms = true\n",
    ),
    "opentelemetry": ("    protobuf_message: io.prometheus.write.v2.Request\n",),
}


@pytest.mark.parametrize(
    ("document", "expected"), OBJECTS, ids=[f"{n}-{case[0]['kind']}" for n, case in enumerate(OBJECTS)]
)
def test_rules_on_objects(document: dict[str, Any], expected: list[str]) -> None:
    assert rules(document) == expected


def configuration(file: str, text: str) -> dict[str, Any]:
    """Return the ConfigMap of a metrics collector."""
    labels = {"app.kubernetes.io/component": "metrics"}
    return {"kind": "ConfigMap", "metadata": {"labels": labels}, "data": {file: text}}


@pytest.mark.parametrize("collector", COLLECTORS)
def test_native_histograms_that_a_remote_write_drops_are_found(collector: str) -> None:
    sets = ("--set", f"metrics.histograms=native,metrics.collector={collector}")
    (config,) = configs(template("helm4", "--values", str(EXAMPLE), *sets))
    assert rules(configuration(config.file, config.text)) == []
    for line in CARRIES[collector]:
        text = config.text.replace(line, "")
        assert text != config.text
        assert rules(configuration(config.file, text)) == ["XS345"]


def test_each_of_several_remote_writes_must_carry_native_histograms() -> None:
    (config,) = configs(template("helm4", "--values", str(EXAMPLE), "--set", "metrics.histograms=native"))
    second = f"{config.text}\n- name: second\n  url: https://x.example/api/v1/push\n"
    assert rules(configuration(config.file, second)) == ["XS345"]


def test_the_chart_keeps_every_rule_on_objects() -> None:
    rendered = manifests.manifests(template("helm4", "--values", str(EXAMPLE), "--set", "logs.enabled=true"))
    assert len(rendered) > 8
    assert [rule.id for manifest in rendered for rule, _ in catalogue.of_object(manifest)] == []


def test_a_credential_in_the_arguments_is_found() -> None:
    ran = runner(tool("helm4"))("lint", "-f", EXAMPLE, "--set", "prometheus.extraArgs={--web.token=abc}", **OFF)
    assert "Deployment xscaler-istio-metrics-0: container collector has a credential in its arguments" in ran.out
    assert "abc" not in ran.out
    assert ran.code == 1


_OUTPUTS = pytest.mark.whole("the name of a file is said by test_report.py in every output")


@pytest.mark.parametrize(
    "output", ["text", *(pytest.param(name, marks=_OUTPUTS) for name in ("json", "sarif", "junit", "github"))]
)
def test_standard_input_is_called_that_and_not_by_its_temporary_file(output: str) -> None:
    run = runner(tool("helm4"))
    for values in (b"metrics: {profile: none}\n", b"metrics: &m {profile: full}\n<<: 3\n"):
        for command in ("validate", "lint"):
            ran = run(command, "-f", EXAMPLE, "-f", "-", "-o", output, stdin=values, **OFF)
            # SARIF knows a key in its place, as it knows files alone.
            assert ("<stdin>" in ran.out or "&lt;stdin&gt;" in ran.out or output == "sarif", ran.code) == (True, 1)
            assert "/xscaler-" not in ran.out.replace("/xscaler-istio", "")
    ran = run("render", "-f", "-", stdin=b"<<: 3\n")
    assert (ran.code, ran.err.startswith("<stdin>: error: Helm: failed to parse <stdin>: ")) == (1, True)


def test_alloy_checks_the_stages_of_the_user(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    stages = 'stage.pack {\n  labels = ["a"]\n}\n// no such stage\nstage.foo { }'
    file.write_text(json.dumps({"metrics": {"collector": "none"}, "logs": {"enabled": True, "extraStages": stages}}))
    alloy = {"XSCALER_ALLOY": str(tool("alloy"))}
    ran = runner(tool("helm4"))("lint", "-f", EXAMPLE, "-f", file, "-o", "json", **{**OFF, **alloy})
    (found,) = [item for item in json.loads(ran.out)["findings"] if item["rule"] == "XS320"]
    assert 'unrecognized block name "stage.foo"' in found["message"]
    assert (found["path"], found["fix"]) == ("logs.extraStages", "correct line 5 of logs.extraStages")
