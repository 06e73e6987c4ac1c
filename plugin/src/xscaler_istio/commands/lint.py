"""Everything that can be wrong with what the chart renders: Helm's lint, a full render, Kubernetes' schemas, the
collector's own check of its configuration, what its pods ask of their namespace, and our rules on rendered objects."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import lzma
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from xscaler_istio import helm
from xscaler_istio.checks import catalogue, registry
from xscaler_istio.commands.project import Project
from xscaler_istio.commands.validate import from_warning, validate
from xscaler_istio.findings import ignores
from xscaler_istio.findings.findings import Finding, Location, Report, Severity, Skipped
from xscaler_istio.rendered.release import Release
from xscaler_istio.system import programs, scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Set

    from xscaler_istio.helm import Inputs
    from xscaler_istio.rendered.manifests import CollectorConfig

NEWEST_KUBERNETES = "1.37.0"
_TIMEOUT_SECONDS = 120
# Written by tests/support/kubernetes_schemas.py.
SCHEMAS = Path(__file__).with_name("kubernetes-schemas.json.xz")


def lint(
    inputs: Inputs,
    kubernetes_version: str = "",
    project: Project | None = None,
    fail_on: Severity = Severity.ERROR,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Run all checks on one release; without any values, on each case of the chart's own `ci` folder."""
    cases = () if inputs.values != helm.ValuesArguments() else tuple(sorted(inputs.chart.glob("ci/*-values.yaml")))
    linted: list[_Linted] = []
    for file in cases:
        progress(f"linting {file}")
        with_values = dataclasses.replace(inputs, values=helm.ValuesArguments((str(file),)))
        linted.append(_linted(with_values, kubernetes_version, f"rendered from {file}"))
    if not cases:
        linted = [_linted(inputs, kubernetes_version, "rendered")]
    findings = dict.fromkeys(finding for one in linted for finding in one.findings)
    skipped = dict.fromkeys(item for one in linted for item in one.skipped)
    judged = frozenset.intersection(*(one.rules for one in linted))
    stay, ignored = ignores.apply(findings, (project or Project()).ignores, judged)
    return Report(command="lint", findings=stay, skipped=tuple(skipped), ignored=ignored, fail_on=fail_on)


@dataclasses.dataclass(frozen=True)
class _Linted:
    """What is wrong with one release, which checks were skipped and why, and the rules XS3.. that were judged."""

    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...] = ()
    rules: frozenset[str] = frozenset()


def _linted(inputs: Inputs, kubernetes_version: str, place: str) -> _Linted:
    try:
        text, warnings = helm.template_and_warnings(inputs)
    except helm.ChartError as error:
        # In lint mode Helm swallows `fail`, and each major words the schema's refusals in its own way.
        said = validate(inputs).findings
        refused = [item for item in said if item.severity >= Severity.ERROR]
        warned = [item for item in said if item.rule == "XS280"]
        message = "the values are refused" if refused else error.message
        first = _error("XS301", message, place, "`validate` shows file and line")
        return _Linted((first, *refused, *warned))
    release = Release.of(text)
    findings = [*(from_warning(item, Location(place)) for item in warnings), *_helm_lint(inputs)]
    skipped: list[Skipped] = []
    judged = {"XS300", "XS301"}
    for name, check in _CHECKS.items():
        found = check.run(release, kubernetes_version or NEWEST_KUBERNETES)
        if isinstance(found, Skipped):
            skipped.append(dataclasses.replace(found, what=name))
        else:
            findings += (_at(place, item) for item in found)
            judged |= check.rules
    return _Linted(tuple(findings), tuple(skipped), frozenset(judged))


def _at(place: str, finding: Finding) -> Finding:
    return dataclasses.replace(finding, location=Location(place)) if finding.location.file == "rendered" else finding


def _error(rule: str, message: str, file: str, fix: str) -> Finding:
    return Finding(rule=rule, severity=Severity.ERROR, message=message, location=Location(file), path="", fix=fix)


def _helm_lint(inputs: Inputs) -> list[Finding]:
    content, text = helm.lint(inputs)
    if content:
        return []
    said = [line for line in text.splitlines() if line.startswith(("[ERROR]", "[WARNING]"))]
    found = []
    for line in dict.fromkeys(said):
        level, _, message = line.partition("] ")
        severity = Severity.ERROR if level == "[ERROR" else Severity.WARNING
        found.append(
            Finding(
                rule="XS300",
                severity=severity,
                message=message,
                location=Location(str(inputs.chart)),
                path="",
                fix="see `helm lint --strict`",
            )
        )
    return found or [_error("XS300", text.strip(), str(inputs.chart), "see `helm lint --strict`")]


# -- Kubernetes' schemas ------------------------------------------------------------------------------------------


def _kubernetes(release: Release, version: str) -> list[Finding] | Skipped:
    program = programs.find("kubeconform")
    if not program:
        return Skipped(f"kubeconform is not on PATH ({programs.WHERE_TO_GET['kubeconform']})")
    schemas = kubernetes_schemas(version)
    if not schemas:
        return Skipped(f"no schemas of Kubernetes {version} (the newest is {NEWEST_KUBERNETES})")
    stream = "\n---\n".join(json.dumps(item.document) for item in release.manifests)
    location = f"{schemas}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"
    command = [str(program), "-strict", "-ignore-missing-schemas", "-verbose", "-output", "json"]
    command += ["-schema-location", location, "-"]
    done = subprocess.run(command, check=False, input=stream, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS)
    if not done.stdout.strip():
        return [_error("XS310", f"kubeconform: {done.stderr.strip()}", "rendered", "run kubeconform by hand")]
    return [_judged(item) for item in json.loads(done.stdout)["resources"] if item["status"] != "statusValid"]


def _judged(item: Mapping[str, str]) -> Finding:
    """Make a finding of what kubeconform says of one object that is not valid."""
    name = f"{item['kind']} {item['name']}"
    if item["status"] == "statusSkipped":
        message = f"{name} was not checked: it is not a built-in Kubernetes kind, and its schema is not available"
        return Finding(
            rule="XS311", severity=Severity.INFO, message=message, location=Location("rendered"), path="", fix=""
        )
    return _error("XS310", f"{name}: {_reason(item['msg'])}", "rendered", "fix the template")


def _reason(text: str) -> str:
    """Return what kubeconform says without its wrapping, which names a file in the cache."""
    return " ".join(text.rpartition("json#'")[2].split()).removeprefix("- ")


def kubernetes_schemas(version: str) -> Path | None:
    """Return a folder with the strict schemas of a Kubernetes version, or None for a version that the plugin lacks.

    The plugin has the schemas of all versions in one packed file; those of a version are unpacked once, into the
    user's cache, where kubeconform reads them.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xscaler-istio" / "schemas"
    packed = SCHEMAS.read_bytes()
    # Another version of the plugin may have other ones.
    target = cache / f"{version}-{hashlib.sha256(packed).hexdigest()[:16]}"
    if not target.is_dir():
        schemas = json.loads(lzma.decompress(packed)).get(version)
        if not schemas:
            return None
        cache.mkdir(parents=True, exist_ok=True)
        _unpack(schemas, target)
    return target


def _unpack(schemas: Mapping[str, object], target: Path) -> None:
    folder = Path(tempfile.mkdtemp(dir=target.parent))
    for name, schema in schemas.items():
        (folder / name).write_text(json.dumps(schema), encoding="utf-8")
    try:
        folder.rename(target)
    except OSError:
        # Another process was faster; its copy is as good.
        shutil.rmtree(folder)


# -- the collectors' own checks -----------------------------------------------------------------------------------


def _collectors(release: Release, version: str) -> list[Finding] | Skipped:  # noqa: ARG001 - one shape
    findings: list[Finding] = []
    for config in release.configs:
        found = check_config(config)
        if isinstance(found, Skipped):
            return found
        findings += found
    return findings


# Flags of the container that change what a configuration may say.
_DECIDING_FLAGS = ("--feature-gates", "--stability.level")


def check_config(config: CollectorConfig) -> list[Finding] | Skipped:
    """Have a collector judge its configuration; return findings, or why it could not be asked."""
    validator = config.shipper.validator
    program = programs.find(validator.program)
    if not program:
        return Skipped(f"{validator.program} is not on PATH ({config.shipper.where_to_get[validator.program]})")
    with scratch.folder() as folder:
        file = folder / config.file
        file.write_text(_with_stand_ins(config, folder), encoding="utf-8")
        flags = [word for word in config.arguments if word.startswith(_DECIDING_FLAGS)]
        command = [str(program), *validator.arguments, *flags, f"{validator.prefix}{file}"]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS)
    if done.returncode == 0:
        return []
    said = (done.stdout + done.stderr).replace(str(file), config.file).replace(f"{folder}/", "/")
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("Checking")]
    finding = _error("XS320", " ".join(lines), config.file, "`render --config NAME` shows the file")
    line = _line_of_own_stages(config.text, said)
    if line is None:
        return [finding]
    return [dataclasses.replace(finding, path="logs.extraStages", fix=f"correct line {line} of logs.extraStages")]


def _line_of_own_stages(config: str, said: str) -> int | None:
    """Return the line of logs.extraStages that a program's message means, from 1; None if it means another place."""
    place = re.search(r":(\d+):\d+: ", said)
    heading = re.search(r"(?m)^ *// ==== Your stages: .*\n", config)
    if not (place and heading):
        return None
    first = config.count("\n", 0, heading.end())
    count = config[heading.end() :].partition("// ====")[0].count("\n")
    line = int(place[1]) - first
    return line if 1 <= line <= count else None


def _with_stand_ins(config: CollectorConfig, folder: Path) -> str:
    """Return the text with files in `folder` in place of the mounted ones, which the programs open."""
    files = config.shipper.read(config.tree).destination.files
    stand_ins = {path: folder / path.removeprefix("/") for path in files}
    for stand_in in stand_ins.values():
        stand_in.parent.mkdir(parents=True, exist_ok=True)
        stand_in.write_text("x", encoding="utf-8")
    names = "|".join(re.escape(path) for path in files)
    return re.sub(rf"(?<![\w./-])(?:{names})(?![\w./-])", lambda found: str(stand_ins[found[0]]), config.text)


# -- what the namespace has to admit ------------------------------------------------------------------------------


def _pod_security(release: Release, version: str) -> list[Finding] | Skipped:  # noqa: ARG001 - one shape
    on_nodes = {f"DaemonSet {config.name}" for config in release.log_agents if config.workload["kind"] == "DaemonSet"}
    return [
        Finding(
            rule="XS330",
            severity=Severity.INFO,
            message=f"{need.workload} needs a namespace with the pod-security level {need.level}: "
            + "; ".join(need.reasons),
            location=Location("rendered"),
            path="",
            fix=f"kubectl label namespace {need.namespace} pod-security.kubernetes.io/enforce={need.level}, or"
            f" {_OF_THE_NODE_AGENT if need.workload in on_nodes else _OF_OTHERS} (docs/security.md)",
        )
        for need in release.needs
    ]


_OF_THE_NODE_AGENT = (
    "install logs as a release in a separate namespace; with logs.source: api the agent reads no files of the node"
)
_OF_OTHERS = "change the values that the message names"


def _rules(release: Release, version: str) -> list[Finding] | Skipped:  # noqa: ARG001 - one shape
    return [
        Finding(
            rule=rule.id,
            severity=rule.severity,
            message=f"{manifest.kind} {manifest.name}: {issue.message}",
            location=Location("rendered"),
            path=issue.path,
            fix=issue.fix,
        )
        for manifest in release.manifests
        for rule, issue in catalogue.of_object(manifest)
    ]


@dataclasses.dataclass(frozen=True)
class _Check:
    """One check of what is rendered, for a Kubernetes version: findings or why it cannot be made, and its rules."""

    run: Callable[[Release, str], list[Finding] | Skipped]
    rules: Set[str]


_CHECKS: Mapping[str, _Check] = {
    "Kubernetes schemas": _Check(_kubernetes, {"XS310", "XS311"}),
    "collector configuration": _Check(_collectors, {"XS320"}),
    "pod security": _Check(_pod_security, {"XS330"}),
    "rules": _Check(_rules, registry.OBJECT_CHECKS.keys()),
}
