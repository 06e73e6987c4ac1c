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
from xscaler_istio.findings.findings import Finding, Location, Report, Severity
from xscaler_istio.helm.reading import files_of
from xscaler_istio.rendered import manifests, pod_security, scraping
from xscaler_istio.system.errors import SetupError
from xscaler_istio.values import places

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xscaler_istio.checks.case import Case
    from xscaler_istio.checks.registry import Issue
    from xscaler_istio.cluster.access import Access
    from xscaler_istio.helm import Release
    from xscaler_istio.rendered.manifests import Manifest
    from xscaler_istio.values.places import Origins
    from xscaler_istio.wire.probe import Credentials

# What the chart cannot be rendered without, for a look at a cluster before there are values.
_PLACEHOLDERS = (
    ("--set", "xscaler.region=region,xscaler.tenantId=tenant,cluster.name=cluster"),
    ("--set", "xscaler.auth.existingSecret.name=xscaler-token"),
)
_NO_VALUES = "no values were given (-f values.yaml)"
_NOT_ASKED = "xScaler is asked with --probe only"


def doctor(
    access: Access,
    release: Release,
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
    given = release.values != helm.ValuesArguments()
    if not given:
        release = dataclasses.replace(release, values=helm.ValuesArguments(sets=_PLACEHOLDERS))
    origins = places.Origins(files_of(release.values), places.set_keys(release.values.sets) if given else ())
    try:
        merged, defaults = helm.values_and_defaults(release.chart, release.values)
        rendered = manifests.manifests(helm.template(release))
    except helm.ChartError:
        said = validate(release, project).findings
        refused = tuple(item for item in said if item.severity >= Severity.ERROR)
        reason = "the cluster: not checked: the values are refused, and what a release would do is not known"
        return Report("doctor", refused, (reason,), fail_on=fail_on)
    case = case_of(release, merged, defaults, project.surroundings)
    read = inventory.read(access, _wanted(case, release.namespace))
    unknown = {"probes": _NOT_ASKED, **({} if given else {"values": _NO_VALUES})}
    examined = examine(case, release.namespace, read, rendered, unknown)
    if probe and given:
        examined = _probed(access, examined, rendered, token)
    found, missing = judge(examined, origins)
    skipped = tuple(f"{', '.join(rules)}: not checked: {reason}" for reason, rules in missing.items())
    judged = CLUSTER_CHECKS.keys() - {rule for rules in missing.values() for rule in rules}
    stay, ignored = ignores.apply(found, project.ignores, judged)
    return Report("doctor", tuple(sorted(stay, key=_weight)), skipped, ignored, fail_on)


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
    case: Case,
    namespace: str,
    read: inventory.Inventory,
    rendered: tuple[Manifest, ...],
    unknown: Mapping[str, str],
) -> Examination:
    """Put together what the rules are given."""
    jobs = [
        job
        for config in manifests.collector_configs(rendered)
        for job in scraping.read(config.collector, config.text).jobs
    ]
    try:
        outcomes = discovery.outcomes(read.pods.items, jobs)
    except re.error as error:
        message = f"an expression of the values cannot be evaluated here: {error}"
        raise SetupError(message, "write it without what only RE2 knows, such as [[:alpha:]]") from error
    ours = tuple(objects.telemetry(item.document) for item in rendered if item.kind == "Telemetry")
    # Objects of now are older than one that is still to come.
    ours = tuple(dataclasses.replace(item, created="9999") for item in ours)
    return Examination(
        case,
        namespace,
        read,
        outcomes,
        pod_security.needs(rendered),
        telemetries=ours,
        collectors=tuple(
            config.workload["spec"]["template"]["metadata"]["labels"]
            for config in manifests.collector_configs(rendered)
        ),
        policies=tuple(objects.policy(item.document) for item in rendered if item.kind == "NetworkPolicy"),
        unknown=unknown,
    )


def _probed(access: Access, examined: Examination, rendered: tuple[Manifest, ...], token: str) -> Examination:
    """Send a sample, and with logs a line; where the release's credentials cannot be read say why not."""
    # The encoders take protobuf and snappy, which nobody else here needs.
    from xscaler_istio.wire import probe

    try:
        credentials = _credentials(access, examined.case, examined.namespace, token)
    except AnsweredError as error:
        return dataclasses.replace(examined, unknown={**examined.unknown, "probes": inventory.why(error)})
    # Every shard sends to the same place, as do the log agents.
    metrics = [scraping.read(item.collector, item.text).destination for item in manifests.collector_configs(rendered)]
    lines = [scraping.destination(item) for item in manifests.log_configs(rendered)]
    destinations = [("metrics", where) for where in metrics[:1]] + [("logs", where) for where in lines[:1]]
    name = examined.case.settings.cluster.name
    probes = tuple(probe.ask(what, where, name, credentials) for what, where in destinations)
    unknown = {part: reason for part, reason in examined.unknown.items() if part != "probes"}
    return dataclasses.replace(examined, probes=probes, unknown=unknown)


def _credentials(access: Access, case: Case, namespace: str, token: str) -> Credentials:
    """Return what the release would send, `token` in the place of the Secret's where one is given.

    Raises AnsweredError where something may not be read or is not there.
    """
    from xscaler_istio.wire.probe import Credentials

    xscaler, wanted = case.settings.xscaler, _wanted(case, namespace)
    keys, authority = xscaler.auth.existing_secret, xscaler.tls.ca
    needed = wanted.secret and not (token and not keys.tenant_id_key)
    secret = inventory.contents(access, wanted.secret) if needed else {}
    authorities = inventory.contents(access, wanted.authority) if wanted.authority else {}
    return Credentials(
        # As the collectors do, without the line break that a file may end with.
        (token or (secret.get(keys.token_key, "") if wanted.secret else xscaler.auth.token)).strip(),
        (secret.get(keys.tenant_id_key, "") if keys.tenant_id_key else xscaler.tenant_id).strip(),
        authorities.get(authority.key, ""),
    )


def judge(examined: Examination, origins: Origins) -> tuple[list[Finding], dict[str, list[str]]]:
    """Return the findings, and for each reason why rules could not be judged those rules."""
    findings: list[Finding] = []
    skipped: dict[str, list[str]] = {}
    for rule, issue in catalogue.of_cluster(examined):
        if isinstance(issue, str):
            skipped.setdefault(issue, []).append(rule.id)
        else:
            findings.append(_finding(rule.id, rule.severity, issue, origins))
    return findings, skipped


def _finding(rule: str, severity: Severity, issue: Issue, origins: Origins) -> Finding:
    place = origins.locate(tuple(issue.path.split("."))) if issue.path else Location(issue.place or "cluster")
    return Finding(rule, severity, issue.message, place, issue.path or issue.place, issue.fix)
