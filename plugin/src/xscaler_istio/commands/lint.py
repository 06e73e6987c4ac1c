"""Everything that can be wrong with what the chart renders: Helm's lint, a full render, Kubernetes' schemas, the
collector's own check of its configuration, what its pods ask of their namespace, and our rules on rendered objects."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
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
        first = _error("XS301", message, place, "`validate` says the same with file and line")
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
        return Skipped(f"no schemas of Kubernetes {version} (pip install kubernetes-validate==1.37.0)")
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
        message = f"{name} was not checked: it is no kind of Kubernetes' own, and its schema is not at hand"
        return Finding(
            rule="XS311", severity=Severity.INFO, message=message, location=Location("rendered"), path="", fix=""
        )
    return _error("XS310", f"{name}: {_reason(item['msg'])}", "rendered", "fix the template")


def _reason(text: str) -> str:
    """Return what kubeconform says without its wrapping, which names a file in the cache."""
    return " ".join(text.rpartition("json#'")[2].split()).removeprefix("- ")


def kubernetes_schemas(version: str) -> Path | None:
    """Return a folder of strict offline schemas of a Kubernetes version, or None when there are none.

    The schemas of the package kubernetes-validate name themselves by web addresses, which kubeconform would fetch: a
    copy without those is kept in the user's cache.
    """
    spec = importlib.util.find_spec("kubernetes_validate")
    if not spec or not spec.origin:
        return None
    source = Path(spec.origin).parent / "kubernetes-json-schema" / f"v{version}-local-strict"
    if not source.is_dir():
        return None
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xscaler-istio" / "schemas"
    target = cache / source.name
    if not target.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        _copy_schemas(source, target)
    return target


def _copy_schemas(source: Path, target: Path) -> None:
    folder = Path(tempfile.mkdtemp(dir=target.parent))
    for file in source.glob("*.json"):
        text = re.sub(r'"\$id": "[^"]*",?', "", file.read_text(encoding="utf-8"))
        text = re.sub(r",(\s*})", r"\1", text.replace('"/api/_definitions.json#', '"_definitions.json#'))
        (folder / file.name).write_text(text, encoding="utf-8")
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
        # The programs open the files that the configuration names; on this machine there are none.
        for name in ("auth/token", "auth/tenant-id", "auth/username", "ca/ca.crt"):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text("x", encoding="utf-8")
        file = folder / config.file
        file.write_text(config.text.replace("/etc/xscaler/", f"{folder}/"), encoding="utf-8")
        flags = [word for word in config.arguments if word.startswith(_DECIDING_FLAGS)]
        command = [str(program), *validator.arguments, *flags, f"{validator.prefix}{file}"]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS)
    if done.returncode == 0:
        return []
    said = (done.stdout + done.stderr).replace(str(file), config.file).replace(f"{folder}/", "/etc/xscaler/")
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("Checking")]
    return [_error("XS320", " ".join(lines), config.file, "`render --config NAME` shows the file")]


# -- what the namespace has to admit ------------------------------------------------------------------------------


def _pod_security(release: Release, version: str) -> list[Finding] | Skipped:  # noqa: ARG001 - one shape
    return [
        Finding(
            rule="XS330",
            severity=Severity.INFO,
            message=f"{need.workload} needs a namespace with the pod-security level {need.level}: "
            + "; ".join(need.reasons),
            location=Location("rendered"),
            path="",
            fix=f"kubectl label namespace {need.namespace} pod-security.kubernetes.io/enforce={need.level}; metrics and"
            " logs may be two releases in two namespaces, and logs.source: api needs no such label (docs/security.md)",
        )
        for need in release.needs
    ]


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
