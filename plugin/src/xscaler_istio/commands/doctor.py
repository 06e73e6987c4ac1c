"""`doctor` as a function: from a cluster and values to a report."""

from __future__ import annotations

import dataclasses
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
from xscaler_istio.rendered.relabeling import evaluated
from xscaler_istio.rendered.release import METRICS, Release
from xscaler_istio.system.errors import extra_explained
from xscaler_istio.values import places, renamed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from xscaler_istio.checks.case import Case
    from xscaler_istio.checks.registry import Issue
    from xscaler_istio.cluster.access import Access
    from xscaler_istio.helm import Inputs
    from xscaler_istio.rendered.destination import Destination
    from xscaler_istio.rendered.mounts import ObjectName
    from xscaler_istio.values.places import Origins
    from xscaler_istio.wire.probe import Outcome
    from xscaler_istio.wire.query_api import QueryApi, ReadAccess


@dataclasses.dataclass(frozen=True)
class Ask:
    """The functions of a probe, whose encoders take packages that nothing else here does."""

    one: Callable[[str, Destination, str, MountedFiles], Outcome]
    native: Callable[[Destination, str, MountedFiles, QueryApi | None], Outcome]


# What the chart cannot be rendered without, for a look at a cluster before there are values.
_PLACEHOLDERS = (
    ("--set", "xscaler.region=region,xscaler.tenantId=tenant,cluster.name=cluster"),
    ("--set", "xscaler.auth.existingSecret.name=xscaler-token"),
)
_NO_VALUES = "no values were given (-f values.yaml)"
_NOT_ASKED = "only --probe asks xScaler"


def doctor(
    access: Access,
    inputs: Inputs,
    project: Project | None = None,
    fail_on: Severity = Severity.ERROR,
    *,
    probe: bool = False,
    token: str = "",
    reader: ReadAccess | None = None,
) -> Report:
    """Judge a cluster, and what a release would do in it.

    With `probe` a sample, a native histogram and a line are sent to xScaler, with `token` or else the one in the
    release's Secret; `reader` reads the histogram back.

    Raises UnreachableError where no cluster answers, SetupError for an unreadable file or a missing program.
    """
    project = project or Project()
    given = inputs.values != helm.ValuesArguments()
    if not given:
        inputs = dataclasses.replace(inputs, values=helm.ValuesArguments(sets=_PLACEHOLDERS))
    ask = _ask() if probe and given else None
    names = renamed.old_names(renamed.listed(inputs.chart))
    origins = places.Origins(files_of(inputs.values), places.set_keys(inputs.values.sets) if given else (), names)
    try:
        answer = helm.answered(inputs)
    except helm.ChartError:
        said = validate(inputs, project).findings
        refused = tuple(item for item in said if item.severity >= Severity.ERROR)
        reason = "the chart refuses the values"
        all_of_it = (Skipped(reason, "the cluster"),)
        return Report(command="doctor", findings=refused, skipped=all_of_it, cluster=access.cluster, fail_on=fail_on)
    release = Release.of(answer.text)
    case = case_of(inputs, answer.effective, project.environment)
    namespace = case.settings.namespace_override or inputs.namespace
    read = inventory.read(access, _wanted(case, namespace))
    unknown = {"probes": _NO_VALUES if probe else _NOT_ASKED, **({} if given else {"values": _NO_VALUES})}
    examined = examine(case, namespace, read, release, unknown)
    if ask:
        examined = _probed(ask, access, examined, token, reader)
    found, missing = judge(examined, origins)
    skipped = tuple(
        Skipped(reason, _area(reason, rules), tuple(rules), optional=reason in (_NO_VALUES, _NOT_ASKED))
        for reason, rules in missing.items()
    )
    judged = CLUSTER_CHECKS.keys() - {rule for rules in missing.values() for rule in rules}
    stay, ignored = ignores.apply(found, project.ignores, judged)
    return Report(
        command="doctor",
        findings=tuple(sorted(stay, key=_weight)),
        skipped=skipped,
        ignored=ignored,
        cluster=access.cluster,
        fail_on=fail_on,
    )


def _area(reason: str, rules: Iterable[str]) -> str:
    """Return in words what rules judge that are not judged, where the reason does not say it."""
    if all("probes" in CLUSTER_CHECKS[rule].needs for rule in rules):
        return "what xScaler answers"
    return "how the values fit this cluster" if reason == _NO_VALUES else ""


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
    with evaluated():
        outcomes = discovery.outcomes(read.pods.items, release.jobs)
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
    return Ask(probe.ask, probe.ask_native)


def _probed(ask: Ask, access: Access, examined: Examination, token: str, reader: ReadAccess | None) -> Examination:
    """Send a sample, a native histogram, and with logs a line; where the credentials cannot be read say why not."""
    destinations = examined.release.destinations
    if unreadable := _out_of_reach(examined.release, token):
        why = f"no Secret has {', '.join(unreadable)}: name a copy of the token with --token-file"
        return dataclasses.replace(examined, unknown={**examined.unknown, "probes": why})
    try:
        files = _mounted_files(access, examined.release, token)
    except AnsweredError as error:
        return dataclasses.replace(examined, unknown={**examined.unknown, "probes": inventory.why(error)})
    name = examined.case.settings.cluster.name
    probes = tuple(ask.one(what, where, name, files) for what, where in destinations.items())
    native = None
    # Where the sample was not accepted a histogram is not either, for the same reason.
    if any(probed.what == METRICS and not probed.stage for probed in probes):
        where = destinations[METRICS]
        region = examined.case.settings.xscaler.region
        read = reader.metrics(region, files.text(where.tenant)) if reader else None
        native = ask.native(where, name, files, read)
    unknown = {part: reason for part, reason in examined.unknown.items() if part != "probes"}
    return dataclasses.replace(examined, probes=probes, native=native, unknown=unknown)


def _out_of_reach(release: Release, token: str) -> tuple[str, ...]:
    """Return the files of a push that no Secret or ConfigMap contains: with auth.tokenFile that of the token."""
    known = {path for config in release.configs for path in config.mounts}
    given = {where.authentication.token for where in release.destinations.values()} if token else set()
    needed = {path for where in release.destinations.values() for path in where.files}
    return tuple(sorted(needed - known - {file.path for file in given if isinstance(file, File)}))


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
