"""Exit codes, streams and start-up of the command line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.support.command import runner, script
from tests.support.paths import CHART, CI_FILES, EXAMPLE, ROOT
from tests.support.tools import tool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.command import Ran


def test_render_is_byte_for_byte_what_helm_gives(helm_name: str) -> None:
    helm = tool(helm_name)
    command = [
        str(helm),
        "template",
        "rel",
        str(CHART),
        "-n",
        "ns",
        "-f",
        str(EXAMPLE),
        "--set",
        "metrics.shards=2",
        "--kube-version",
        "1.30.0",
    ]
    expected = subprocess.run(command, check=True, capture_output=True).stdout.decode()
    flags = ("-n", "ns", "-f", EXAMPLE, "--set", "metrics.shards=2", "--kube-version", "1.30.0")
    assert runner(helm)("render", "rel", *flags).out == expected


@pytest.mark.parametrize("name", ["validate", "lint", "render"])
def test_a_values_file_needs_no_flag(name: str) -> None:
    run = runner(tool("helm4"))
    ran = run(name, EXAMPLE)
    assert (ran.code, ran.out) == (0, run(name, "-f", EXAMPLE).out)


def test_render_takes_a_release_and_files_in_any_order(tmp_path: Path) -> None:
    later = tmp_path / "later.yml"
    later.write_text("metrics: {shards: 2}\n")
    run = runner(tool("helm4"))
    expected = run("render", "rel", "-f", EXAMPLE, "-f", later).out
    assert run("render", EXAMPLE, "rel", later).out == run("render", "rel", EXAMPLE, "-f", later).out == expected
    ran = run("render", "rel", "other", EXAMPLE)
    assert (ran.code, ran.err.splitlines()[0]) == (2, "error: rel and other cannot both be the release")


PASSED = (
    ("--skip-tests",),
    ("--no-hooks",),
    ("--include-crds",),
    ("--skip-crds",),
    ("--is-upgrade",),
    ("--enable-dns",),
    ("--dry-run",),
    ("--skip-schema-validation", "--set-string", "metrics.shards=1"),
    ("--skip-tests", "--is-upgrade", "-a", "monitoring.coreos.com/v1", "-s", "templates/metrics/deployment.yaml"),
)


@pytest.mark.parametrize("flags", PASSED, ids=" ".join)
def test_flags_of_helm_template_do_what_they_do_there(helm_name: str, flags: tuple[str, ...]) -> None:
    helm = tool(helm_name)
    values = ("-f", str(EXAMPLE), *flags)
    done = subprocess.run([str(helm), "template", "rel", str(CHART), *values], check=True, capture_output=True)
    assert done.stdout.startswith(b"---\n")
    assert runner(helm)("render", "rel", *values).out == done.stdout.decode()


def test_a_folder_of_the_release(helm_name: str, tmp_path: Path) -> None:
    ran = runner(tool(helm_name))("render", "rel", "-f", EXAMPLE, "--output-dir", tmp_path, "--release-name")
    assert (ran.code, [folder.name for folder in tmp_path.iterdir()]) == (0, ["rel"])


_TWIN = pytest.mark.whole("what Helm prints is passed on, and with Helm 4 the same tests show how")


@pytest.fixture(params=[pytest.param("helm3", marks=_TWIN), "helm4"])
def helm_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_render_config_is_the_collectors_file(cli: Callable[..., Ran]) -> None:
    loaded = yaml.safe_load(cli("render", "-f", EXAMPLE, "--config", "prometheus").out)
    assert [job["job_name"] for job in loaded["scrape_configs"]] == ["proxies", "ztunnel", "istiod", "cni", "self"]


def test_render_config_of_a_shard(cli4: Callable[..., Ran]) -> None:
    flags = ("-f", EXAMPLE, "--set", "metrics.shards=2", "--config", "prometheus", "--shard")
    assert "regex: '1'" in cli4("render", *flags, "1").out
    ran = cli4("render", *flags, "2")
    assert (ran.code, ran.err) == (2, "error: shard 2 does not exist: metrics.shards is 2\n  fix: use 0 to 1\n")


# What is wrong with values, and what shows them: an example of each layer that finds it, and each way to render.
WRONG = {
    "schema": "metrics: {profile: minimum, intervall: 30s}\n",
    "rule of the chart": "cluster: {name: ''}\n",
    "YAML": "cluster:\n\tname: prod-1\n",
    "another chart": "alertmanager: {enabled: true}\nprometheusOperator: {}\ngrafana: {}\nkubeStateMetrics: {}\n",
}
RENDERING = {
    ("render",): "schema",
    ("render", "--explain"): "rule of the chart",
    ("render", "--config", "alloy"): "YAML",
    ("render", "--show-only", "templates/metrics/deployment.yaml"): "rule of the chart",
    ("render", "--output-dir", "written"): "schema",
    ("diff", EXAMPLE): "another chart",
    ("test", "--local"): "schema",
}


@pytest.mark.parametrize(("words", "wrong"), RENDERING.items(), ids=[" ".join(map(str, words)) for words in RENDERING])
def test_wrong_values_get_the_findings_of_validate(words: tuple[str | Path, ...], wrong: str, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(WRONG[wrong])
    run = runner(tool("helm4"), tmp_path)
    expected = run("validate", EXAMPLE, file).out.splitlines()
    # OLD is the example of a difference itself.
    ran = run(*words, file, "-f", EXAMPLE) if words[0] == "diff" else run(*words, EXAMPLE, file)
    found = [line for line in ran.err.splitlines() if line != "rendering the chart"]
    assert (ran.code, ran.out, found[:-1]) == (1, "", expected[:-1])
    subject = {"diff": f"NEW ({file})", "test": "test --local"}.get(str(words[0]), str(words[0]))
    assert found[-1] == expected[-1].replace("validate:", f"{subject}:")
    assert list(tmp_path.iterdir()) == [file]


def test_each_side_of_a_difference_gets_its_findings(cli4: Callable[..., Ran], tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(WRONG["YAML"])
    ran = cli4("diff", file, "-", "-f", EXAMPLE, stdin=b"cluster: {name: ''}\n")
    assert (ran.code, ran.out) == (1, "")
    said = [line for line in ran.err.splitlines() if re.search(r"^\S+: error: |^(OLD|NEW)", line)]
    assert [line.partition(": error: ")[0] for line in said] == [
        f"{file}:2:1",
        f"OLD ({file}): 1 error",
        "<stdin>:1:17",
        "NEW (<stdin>): 1 error",
    ]


def test_what_is_not_wrong_with_the_values_is_helms_error(cli: Callable[..., Ran]) -> None:
    ran = cli("render", EXAMPLE, "--show-only", "templates/nothing.yaml")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "error: could not find template templates/nothing.yaml in chart\n"


# What lint says of the chart as it is: kinds whose schemas Kubernetes does not publish (tests/chart/test_objects.py has
# those of their owners), and what the log agent on nodes needs.
NOTICES = {
    "  telemetry:": "XS311",
    "\nprometheusRule:": "XS311",
    "\nserviceMonitor:": "XS311",
    "\nplatform: openshift": "XS311",
    "\nlogs:\n  enabled: true": "XS330",
}


_CASES = pytest.mark.whole("the largest case is linted, and tests/chart checks what all of them render to")


@pytest.mark.parametrize(
    "file",
    [pytest.param(file, marks=[] if file.stem == "full-values" else [_CASES], id=file.name) for file in CI_FILES],
)
def test_lint_finds_nothing_in_our_own_cases(cli4: Callable[..., Ran], file: Path) -> None:
    expected = {rule for text, rule in NOTICES.items() if text in file.read_text()}
    ran = cli4("lint", "-f", file, "-o", "json")
    findings = json.loads(ran.out)["findings"]
    assert (ran.code, {finding["rule"] for finding in findings}) == (0, expected)
    assert {finding["severity"] for finding in findings} <= {"info"}


def test_lint_names_the_level_that_the_namespace_must_have(cli4: Callable[..., Ran]) -> None:
    # Not what other programs say of it.
    off = {f"XSCALER_{name}": "/nowhere" for name in ("KUBECONFORM", "PROMTOOL", "ALLOY", "OTELCOL")}
    ran = cli4("lint", "-f", EXAMPLE, "--set", "logs.enabled=true", "--namespace", "mesh-logs", **off)
    assert (
        "DaemonSet xscaler-istio-logs needs a namespace with the pod-security level privileged: hostPath /var/"
        in ran.out
    )
    label = "kubectl label namespace mesh-logs pod-security.kubernetes.io/enforce=privileged, or"
    assert f"{label} install logs as a release in a separate namespace; with logs.source: api" in ran.out
    # Another source does not help what a user adds to a pod.
    volume = '[{"name": "a", "hostPath": {"path": "/a"}}]'
    ran = cli4("lint", EXAMPLE, "--set-json", f"pod.extraVolumes={volume}", "--namespace", "mesh-logs", **off)
    assert f"{label} change the values that the message names (docs/security.md)\n" in ran.out
    assert ran.code == 0


def test_lint_sees_what_helm_lint_swallows(cli: Callable[..., Ran]) -> None:
    ran = cli("lint", "-f", EXAMPLE, "--set", "cluster.name=")
    assert ran.code == 1
    assert "cluster.name is empty" in ran.out
    assert "[XS301]" in ran.out


def broken_chart(tmp_path: Path, file: str, old: str, new: str) -> Path:
    import shutil

    chart = tmp_path / "chart"
    shutil.copytree(CHART, chart)
    text = (chart / file).read_text()
    assert old in text
    (chart / file).write_text(text.replace(old, new))
    return chart


def test_lint_reports_what_kubernetes_would_refuse(cli: Callable[..., Ran], tmp_path: Path) -> None:
    chart = broken_chart(tmp_path, "templates/metrics/deployment.yaml", "replicas: 1", "replicaz: 1")
    ran = cli("lint", "-f", EXAMPLE, "--chart", chart)
    assert ran.code == 1
    assert (
        "Deployment xscaler-istio-metrics-0: at '/spec': additional properties 'replicaz' not allowed [XS310]"
        in ran.out
    )


def test_lint_reports_what_prometheus_would_refuse(cli: Callable[..., Ran], tmp_path: Path) -> None:
    chart = broken_chart(tmp_path, "files/rules/targets.yaml", "action: keep", "action: keeep")
    ran = cli("lint", "-f", EXAMPLE, "--chart", chart)
    assert ran.code == 1
    assert "[XS320]" in ran.out
    assert "keeep" in ran.out


def test_lint_says_what_it_skipped() -> None:
    run = runner(tool("helm4"))
    ran = run("lint", "-f", EXAMPLE, "-o", "json", XSCALER_PROMTOOL="/nowhere", XSCALER_KUBECONFORM="/nowhere")
    assert ran.code == 0
    skipped = json.loads(ran.out)["skipped"]
    assert [reason.split(":")[0] for reason in skipped] == ["Kubernetes schemas", "collector configuration"]


BAD = [
    # (arguments, exit code, what stderr or stdout says)
    (("validate", "-f", "/nowhere.yaml"), 3, "error: cannot read /nowhere.yaml: No such file or directory\n"),
    (("validate", "-f", EXAMPLE, "--chart", "/nowhere"), 3, "error: /nowhere is not a folder of this chart"),
    (("validate", "-f", "-", "-f", "-"), 2, "error: -f - is given twice"),
    (
        ("validate", "-f", EXAMPLE, "-o", "xml"),
        2,
        "error: --output xml is unknown\n  fix: use one of: text, json, sarif, junit, github\n",
    ),
    (("validate", "-f", EXAMPLE, "--fail-on", "fatal"), 2, "use one of: error, warning, info\n"),
    (("validate", "-f", EXAMPLE, "--mesh", "proxies=3"), 2, "error: --mesh proxies=3 lacks peers and codes\n"),
    (("rules", "XS231x"), 2, "error: unknown rule XS231x\n  fix: did you mean XS231?"),
    (("vaildate",), 2, "Did you mean 'validate'?"),
    (("diff", "-", "-"), 2, "error: -f - is given twice"),
    (("diff", EXAMPLE, "/nowhere.yaml"), 3, "error: cannot read /nowhere.yaml: No such file or directory"),
    (("diff", EXAMPLE, "--against-chart", "/nowhere"), 3, "error: /nowhere is not a folder of this chart"),
    (("explain", "metrics.profil"), 2, "did you mean metrics.profile?"),
    (
        ("render", "-f", EXAMPLE, "--explain", "--config", "alloy"),
        2,
        "error: --config and --explain exclude each other",
    ),
    (("render", "-f", EXAMPLE, "--all"), 2, "error: --all works only with --explain"),
    (("schema", "--path", "--check"), 2, "error: --path and --check exclude each other"),
    (("validate", "--valeus", "x"), 2, "No such option"),
    (("test",), 2, "error: nothing to test\n  fix: name a release, or use --local (no cluster needed)\n"),
    (("test", "-n", "ns"), 2, "error: nothing to test\n"),
    (("test", "-f", EXAMPLE), 2, "error: -f works only with --local\n  fix: use test --local, or leave -f out\n"),
    (("test", "--local", "-f", EXAMPLE, "--backend", "cortex"), 2, "error: --backend cortex is unknown"),
    (
        ("test", "rel", "-f", EXAMPLE),
        2,
        "error: -f works only with --local\n  fix: use test --local, or leave -f out\n",
    ),
    (("test", "rel", "--local"), 2, "error: RELEASE and --local exclude each other\n  fix: leave --local or rel out\n"),
    (("test", "own/values.yaml"), 2, "\n  fix: to test the values without a cluster: test --local own/values.yaml\n"),
    (("test", "rel", "--keep"), 2, "error: --keep works only with --local\n"),
    (("test", "rel", "--output-dir=x"), 2, "error: --output-dir works only with --local\n"),
    (("test", "rel", "--backend", "mimir"), 2, "error: --backend works only with --local\n"),
    (
        ("test", "--local", "-f", EXAMPLE, "-o", "junit"),
        2,
        "--output junit is unknown\n  fix: use one of: text, json, html\n",
    ),
    (("test", "rel", "another"), 2, "unexpected extra argument"),
    (
        ("test", "--local", "-f", EXAMPLE, "--read-token-file", "/t"),
        2,
        "error: --read-token-file works only with RELEASE\n"
        "  fix: name a release instead of --local, or leave --read-token-file out\n",
    ),
    (("render", "-f", EXAMPLE, "--wait"), 2, "error: render accepts none of: --wait, --wait-for-jobs, --atomic, "),
    (
        ("render", "-f", EXAMPLE, "--post-renderer", "x"),
        2,
        "\n  fix: leave it out: it matters only to an installation, a cluster or",
    ),
    (
        ("render", "-f", EXAMPLE, "--shard", "3"),
        2,
        "error: --shard works only with --config\n  fix: add --config, or leave --sh",
    ),
    (("test", "--local", "-f", EXAMPLE, "--collector", "fluentd"), 2, "use one of: prometheus, alloy, opentelemetry\n"),
    (("test", "--local", "-f", EXAMPLE, "--only", "dns"), 2, "use one of: scraping, pushing, logs\n"),
    (("test", "--local", "-f", EXAMPLE, "--only", "logs"), 2, "fix: add --set logs.enabled=true"),
    (("test", "--local", "-f", EXAMPLE, "--program", "thanos=/bin/true"), 2, "NAME is one of: prometheus, alloy"),
    (("test", "--local", "-f", EXAMPLE, "--program", "alloy=/nowhere"), 3, "alloy=/nowhere: not a program"),
    (("test", "--local", EXAMPLE, "--set", "cluster.name="), 1, "cluster.name is empty"),
    (("test", "--local", "-f", EXAMPLE, "--proxies", "3", "--series", "10"), 2, "a proxy has at least"),
]


@pytest.mark.parametrize(("arguments", "code", "says"), BAD, ids=[" ".join(map(str, case[0])) for case in BAD])
def test_bad_input_gets_a_message_and_its_code(
    cli4: Callable[..., Ran], arguments: tuple[str, ...], code: int, says: str
) -> None:
    ran = cli4(*arguments)
    assert ran.code == code
    assert says in ran.err
    assert "Traceback" not in ran.err


PROCESSES: tuple[tuple[str | Path, ...], ...] = (
    ("validate", "-f", "-", "-f", EXAMPLE, "--set", "metrics.shards=many"),
    ("render", "-f", EXAMPLE, "--explain"),
    ("diff", EXAMPLE, "-", "--detailed-exitcode"),
    ("explain", "metrics.shards", "-o", "json"),
    ("init", "--print", "--region", "euw1-01", "--tenant-id", "acme", "--cluster", "prod-1"),
    ("schema",),
    ("lint", "-f", "-", "-f", EXAMPLE, "--set", "cluster.name="),
    ("doctor", "--kubeconfig-that-is-no-option"),
    ("test",),
    ("rules", "xs310"),
    (),
)


@pytest.mark.parametrize("words", PROCESSES, ids=lambda words: (words or ("none",))[0])
def test_a_process_of_its_own_does_what_the_tests_run(words: tuple[str | Path, ...]) -> None:
    given = {"stdin": "cluster: {name: prod-\u00fc}\n".encode(), "XSCALER_KUBECTL": "/nowhere"}
    helm = tool("helm4")
    environment = dict(os.environ)
    assert runner(helm)(*words, **given) == script(helm)(*words, **given)
    assert dict(os.environ) == environment


def test_a_missing_helm() -> None:
    ran = runner("/nowhere/helm")("validate", "-f", EXAMPLE)
    assert ran.code == 3
    assert ran.err == "error: HELM_BIN is /nowhere/helm, which is not a program\n  fix: fix or unset the variable\n"


def test_a_missing_collector() -> None:
    ran = runner(tool("helm4"))("test", "--local", "-f", EXAMPLE, XSCALER_PROMETHEUS="/nowhere")
    assert ran.code == 3
    assert "XSCALER_PROMETHEUS is /nowhere" in ran.err


def test_help_teaches_and_is_cheap(cli4: Callable[..., Ran]) -> None:
    ran = cli4("--help")
    assert ran.code == 0
    for command in (
        "validate",
        "render",
        "diff",
        "explain",
        "init",
        "schema",
        "lint",
        "doctor",
        "fit",
        "test",
        "rules",
    ):
        assert command in ran.out
        assert "Example:" in cli4(command, "--help").out
    heavy = "('pyhelm3', 'jsonschema', 'aiohttp', 'yaml', 'rich', 'xscaler_istio.checks')"
    # Not only what an import takes: the whole of `--help` is run.
    for words in (["--help"], ["validate", "--help"], ["lint", "--help"], ["rules", "--help"]):
        probe = f"""
import contextlib, io, sys
from xscaler_istio.cli import app
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    app({words})
print([name for name in {heavy} if name in sys.modules])
"""
        loaded = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True)
        assert loaded.stdout.strip() == "[]", words


def test_each_form_of_test_has_a_help_of_its_own(cli4: Callable[..., Ran]) -> None:
    release, local = cli4("test", "--help").out, cli4("test", "--local", "--help").out
    assert "Usage: xscaler-istio test [OPTIONS] {RELEASE}\n" in release
    assert "Usage: xscaler-istio test --local [OPTIONS] [FILE]...\n" in local
    # Each says how to see the other's options.
    assert "`test --local --help` shows its options" in " ".join(release.split())
    assert "`test --help` shows its options" in " ".join(local.split())
    options = [set(re.findall(r"^ {2}(?:-\w, )?(--[\w-]+)", text, re.MULTILINE)) for text in (release, local)]
    assert options[0] & options[1] == {"--namespace", "--timeout", "--output", "--debug", "--help"}
    assert {"--tenant", "--read-token-file", "--query-url", "--logs-query-url"} <= options[0]
    assert {"--values", "--set", "--chart", "--collector", "--keep", "--proxies"} <= options[1]
    timeouts = [re.findall(r"--timeout.*?default: (\d+)", text, re.DOTALL) for text in (release, local)]
    assert timeouts == [["300"], ["60"]]


def test_the_form_is_chosen_by_a_flag_and_not_by_a_value(cli4: Callable[..., Ran]) -> None:
    # Wherever the flag stands.
    ran = cli4("test", "-f", EXAMPLE, "--only", "dns", "--local")
    assert (ran.code, "error: --only dns is unknown" in ran.err) == (2, True)
    # As the value of an option it chooses nothing.
    assert cli4("test", "--tenant", "--local").err.startswith("error: nothing to test\n")


@pytest.mark.parametrize("command", ["validate", "render"])
def test_no_command_that_people_wait_for_loads_pydantic(command: str) -> None:
    probe = f"""
import contextlib, io, sys
from xscaler_istio.cli import app
from xscaler_istio.helm import HelmError
from xscaler_istio.helm.run import HelmCommand
with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())), contextlib.suppress(SystemExit):
    app(["{command}", "-f", {str(EXAMPLE)!r}])
print("pydantic" in sys.modules)
# The whole of pyhelm3 is there for whoever wants it, with the same command in it.
import pyhelm3
print(issubclass(HelmCommand, pyhelm3.Command), HelmError is pyhelm3.errors.Error)
"""
    environment = dict(os.environ, HELM_BIN=str(tool("helm4")))
    done = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True, env=environment)
    assert done.stdout.splitlines() == ["False", "True True"]


def test_versions_agree() -> None:
    import re

    from xscaler_istio import __version__

    project = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert project
    assert project[1] == __version__
    for manifest in ("plugin.yaml", "plugin/plugin.yaml"):
        assert yaml.safe_load((ROOT / manifest).read_text())["version"] == __version__
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["version"] == __version__


def test_both_manifests_are_equal_but_for_their_paths() -> None:
    inner = (ROOT / "plugin/plugin.yaml").read_text()
    assert (ROOT / "plugin.yaml").read_text() == inner.replace("$HELM_PLUGIN_DIR/bin", "$HELM_PLUGIN_DIR/plugin/bin")


def test_set_families_are_applied_in_helms_order_whatever_their_place(cli4: Callable[..., Ran]) -> None:
    given = ("--set-literal", "cluster.name=last", "--set-json", 'cluster.name="first"', "--set", "cluster.name=middle")
    ran = cli4("render", "-f", EXAMPLE, *given, "--config", "prometheus")
    assert ran.code == 0, ran.err
    assert re.search(r"""replacement: ["']?last["']?$""", ran.out, re.MULTILINE)
    assert "middle" not in ran.out
