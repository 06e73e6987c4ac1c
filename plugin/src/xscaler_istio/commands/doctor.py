"""`doctor` as a function: from a cluster and values to a report."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from xscaler_istio import helm
from xscaler_istio.checks import catalogue
from xscaler_istio.checks.case import case_of
from xscaler_istio.checks.examination import Examination
from xscaler_istio.checks.registry import CLUSTER_CHECKS
from xscaler_istio.cluster import discovery, inventory, objects
from xscaler_istio.cluster.access import AnsweredError
from xscaler_istio.commands.project import Project
from xscaler_istio.commands.validate import validate
from xscaler_istio.findings import ignores
from xscaler_istio.findings.findings import Finding, Location, Report, Severity, Skipped
from xscaler_istio.helm.reading import files_of
from xscaler_istio.rendered.destination import File, MountedFiles
from xscaler_istio.rendered.release import Release
from xscaler_istio.system.errors import SetupError, extra_explained
from xscaler_istio.values import places

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xscaler_istio.checks.case import Case
    from xscaler_istio.checks.registry import Issue
    from xscaler_istio.cluster.access import Access
    from xscaler_istio.helm import Inputs
    from xscaler_istio.rendered.destination import Destination
    from xscaler_istio.rendered.mounts import ObjectName
    from xscaler_istio.values.places import Origins
    from xscaler_istio.wire.probe import Outcome

    Ask = Callable[[str, Destination, str, MountedFiles], Outcome]

# What the chart cannot be rendered without, for a look at a cluster before there are values.
_PLACEHOLDERS = (
    ("--set", "xscaler.region=region,xscaler.tenantId=tenant,cluster.name=cluster"),
    ("--set", "xscaler.auth.existingSecret.name=xscaler-token"),
)
_NO_VALUES = "no values were given (-f values.yaml)"
_NOT_ASKED = "xScaler is asked with --probe only"


def doctor(
    access: Access,
    inputs: Inputs,
    project: Project | None = None,
    fail_on: Severity = Severity.ERROR,
    *,
    probe: bool = False,
    token: str = "",
) -> Report:
    """Judge a cluster, and what a release would do in it.

    With `probe` a sample and a line are sent to xScaler, with `token` or else the one in the release's Secret.

    Raises UnreachableError where no cluster answers, SetupError for an unreadable file or a missing program.
    """
    project = project or Project()
    given = inputs.values != helm.ValuesArguments()
    if not given:
        inputs = dataclasses.replace(inputs, values=helm.ValuesArguments(sets=_PLACEHOLDERS))
    ask = _ask() if probe and given else None
    origins = places.Origins(files_of(inputs.values), places.set_keys(inputs.values.sets) if given else ())
    try:
        answer = helm.answered(inputs)
    except helm.ChartError:
        said = validate(inputs, project).findings
        refused = tuple(item for item in said if item.severity >= Severity.ERROR)
        reason = "not checked: the values are refused, and what a release would do is not known"
        return Report(command="doctor", findings=refused, skipped=(Skipped(reason, "the cluster"),), fail_on=fail_on)
    release = Release.of(answer.text)
    case = case_of(inputs, answer.effective, project.environment)
    read = inventory.read(access, _wanted(case, inputs.namespace))
    unknown = {"probes": _NO_VALUES if probe else _NOT_ASKED, **({} if given else {"values": _NO_VALUES})}
    examined = examine(case, inputs.namespace, read, release, unknown)
    if ask:
        examined = _probed(ask, access, examined, token)
    found, missing = judge(examined, origins)
    skipped = tuple(Skipped(f"not checked: {reason}", "", tuple(rules)) for reason, rules in missing.items())
    judged = CLUSTER_CHECKS.keys() - {rule for rules in missing.values() for rule in rules}
    stay, ignored = ignores.apply(found, project.ignores, judged)
    return Report(
        command="doctor", findings=tuple(sorted(stay, key=_weight)), skipped=skipped, ignored=ignored, fail_on=fail_on
    )


def _weight(finding: Finding) -> tuple[int, str, str, str]:
    return -finding.severity, finding.rule, finding.location.file, finding.message


def _wanted(case: Case, namespace: str) -> inventory.Wanted:
    settings = case.settings
    secret, authority = settings.xscaler.auth.existing_secret.name, settings.xscaler.tls.ca
    base = f"/api/v1/namespaces/{namespace}"
    kind = "secrets" if authority.kind == "Secret" else "configmaps"
    return inventory.Wanted(
        namespace,
        settings.istio.root_namespace,
        f"{base}/secrets/{secret}" if secret else "",
        f"{base}/{kind}/{authority.name}" if authority.name else "",
    )


def examine(
    case: Case, namespace: str, read: inventory.Inventory, release: Release, unknown: Mapping[str, str]
) -> Examination:
    """Put together what the rules are given."""
    try:
        outcomes = discovery.outcomes(read.pods.items, release.jobs)
    except re.error as error:
        message = f"an expression of the values cannot be evaluated here: {error}"
        raise SetupError(message, "write it without what only RE2 knows, such as [[:alpha:]]") from error
    return Examination(
        case=case,
        namespace=namespace,
        inventory=read,
        release=release,
        outcomes=outcomes,
        unknown=unknown,
    )


def _ask() -> Ask:
    """Return what asks xScaler, whose encoders take packages that nothing else here does; raise SetupError without."""
    with extra_explained("doctor --probe"):
        from xscaler_istio.wire import probe
    return probe.ask


def _probed(ask: Ask, access: Access, examined: Examination, token: str) -> Examination:
    """Send a sample, and with logs a line; where the release's credentials cannot be read say why not."""
    destinations = examined.release.destinations
    try:
        files = _mounted_files(access, examined.release, token)
    except AnsweredError as error:
        return dataclasses.replace(examined, unknown={**examined.unknown, "probes": inventory.why(error)})
    name = examined.case.settings.cluster.name
    probes = tuple(ask(what, where, name, files) for what, where in destinations.items())
    unknown = {part: reason for part, reason in examined.unknown.items() if part != "probes"}
    return dataclasses.replace(examined, probes=probes, unknown=unknown)


def _mounted_files(access: Access, release: Release, token: str) -> MountedFiles:
    """Return what the release's pods would find in the files that a push needs, `token` in place of their token.

    Raises AnsweredError where an object may not be read or is not there.
    """
    destinations = release.destinations.values()
    tokens = {file.path for where in destinations for file in (where.authentication.token,) if isinstance(file, File)}
    given = dict.fromkeys(tokens, token) if token else {}
    mounts = {path: source for config in release.configs for path, source in config.mounts.items()}
    needed = {path: mounts[path] for where in destinations for path in sorted(where.files - given.keys())}
    read = {name: _contents(access, release, name) for name in {source.object: None for source in needed.values()}}
    return MountedFiles({**given, **{path: read[source.object].get(source.key, "") for path, source in needed.items()}})


def _contents(access: Access, release: Release, wanted: ObjectName) -> Mapping[str, str]:
    """Return the values of a Secret or ConfigMap: of the release's own, or of the one in the cluster."""
    for item in release.of_kind(wanted.kind):
        if (item.namespace, item.name) == (wanted.namespace, wanted.name):
            return objects.contents(item.document)
    resource = f"{wanted.kind.lower()}s"
    return inventory.contents(access, f"/api/v1/namespaces/{wanted.namespace}/{resource}/{wanted.name}")


def judge(examined: Examination, origins: Origins) -> tuple[list[Finding], dict[str, list[str]]]:
    """Return the findings, and for each reason why rules could not be judged those rules."""
    findings: list[Finding] = []
    skipped: dict[str, list[str]] = {}
    for rule, issue in catalogue.of_cluster(examined):
        if isinstance(issue, Skipped):
            skipped.setdefault(issue.reason, []).append(rule.id)
        else:
            findings.append(_finding(rule.id, rule.severity, issue, origins))
    return findings, skipped


def _finding(rule: str, severity: Severity, issue: Issue, origins: Origins) -> Finding:
    place = origins.locate(tuple(issue.path.split("."))) if issue.path else Location(issue.place or "cluster")
    return Finding(
        rule=rule,
        severity=severity,
        message=issue.message,
        location=place,
        path=issue.path or issue.place,
        fix=issue.fix,
    )
