"""All findings about values before an installation, without a cluster."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING

from xscaler_istio import helm
from xscaler_istio.checks import catalogue, registry
from xscaler_istio.checks.case import Case, Environment, case_of
from xscaler_istio.commands.project import Project
from xscaler_istio.findings import ignores
from xscaler_istio.findings.findings import Finding, Location, Report, Severity, Skipped
from xscaler_istio.helm.reading import reading
from xscaler_istio.values import foreign, places, renamed, schema
from xscaler_istio.values.excerpt import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xscaler_istio.helm import ChartProblem, Inputs, Warned
    from xscaler_istio.helm.answer import Answer
    from xscaler_istio.helm.reading import Reading
    from xscaler_istio.values.places import Origins
    from xscaler_istio.values.renamed import Json, Renamed


def validate(inputs: Inputs, project: Project | None = None, fail_on: Severity = Severity.ERROR) -> Report:
    """Return what is wrong with the values of a release; raise SetupError for an unreadable file or a missing Helm."""
    with reading(inputs) as read:
        return judge(read, project or Project(), fail_on)


def judge(read: Reading, project: Project, fail_on: Severity = Severity.ERROR) -> Report:
    """Return what is wrong with values that were read. Raises SetupError for a missing Helm."""
    files = read.files
    renames = renamed.listed(read.inputs.chart)
    origins = places.Origins(files, places.set_keys(read.inputs.values.sets), renamed.old_names(renames))
    judged = _judged(read, origins, renames, project.environment)
    inline = [ignore for file in files for ignore in ignores.inline(file.lines, file.name)]
    stay, ignored = ignores.apply(judged.findings, (*inline, *project.ignores), judged.rules)
    skipped = judged.skipped
    if read.inputs.values == helm.ValuesArguments():
        skipped = (Skipped(_NO_VALUES, "your values", optional=True), *skipped)
    ordered = sorted(stay, key=_weight_and_place)
    told = ordered[: schema.MOST_FINDINGS]
    if len(told) == schema.MOST_FINDINGS:
        beyond = f"findings beyond the first {len(told)}"
        skipped = (*skipped, Skipped("fix these, and validate again", beyond))
    return Report(
        command="validate",
        findings=tuple(_with_line(item, origins) for item in told),
        skipped=skipped,
        ignored=ignored,
        fail_on=fail_on,
    )


def _weight_and_place(finding: Finding) -> tuple[int, str, bool, int, str]:
    place = finding.location
    return -finding.severity, place.file, not place.line, place.line, finding.rule


_NO_VALUES = "none were given; use -f values.yaml, or write a file with `helm xscaler init`"
# A caret is not visible in a longer line.
_LONGEST_LINE = 2000


@dataclasses.dataclass(frozen=True)
class _Judged:
    """The findings of all layers that the values reach, what was not checked and why, and the rules XS2.. that were."""

    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...] = ()
    rules: frozenset[str] = frozenset()


def _judged(read: Reading, origins: Origins, renames: tuple[Renamed, ...], environment: Environment) -> _Judged:
    inputs = read.inputs
    broken = tuple(finding for file in read.files for finding in file.findings)
    if not read.helm:
        return _Judged(broken)
    loaded = schema.load(inputs.chart)
    if other := tuple(filter(None, (foreign.recognize(file, loaded) for file in read.files))):
        return _Judged(other)
    try:
        answer = read.helm.result()
    except helm.ChartError as error:
        return _Judged((*broken, _unreadable(error, origins, loaded)))
    # Helm has checked what it renders, and what the chart's own rules refuse.
    violations = schema.check(answer.effective.values, loaded, origins) if answer.failure else ()
    found = (*violations, *_old_names(answer.effective.values, renames, origins))
    refused = tuple(_chart_rules(answer, origins, schema_content=not violations))
    if violations:
        # Of a value of a wrong type the rules say less than the schema.
        said = {item.path for item in violations if item.path}
        refused = tuple(item for item in refused if item.rule != "XS100" or item.path not in said)
        return _Judged(_without_repetition((*broken, *found, *refused)))
    case = case_of(inputs, answer.effective, environment)
    missing = tuple(_not_checked(case))
    return _Judged(
        _without_repetition((*broken, *found, *refused, *_semantic(case, origins))),
        missing,
        frozenset(registry.VALUE_CHECKS) - {rule for item in missing for rule in item.rules} | {"XS280"},
    )


def _old_names(values: Json, renames: tuple[Renamed, ...], origins: Origins) -> Iterator[Finding]:
    """Yield what is set under an old name, with the new name and its value."""
    for move in renamed.moves(values, renames):
        old, new = move.renamed.old, move.renamed.new
        path = tuple(old.split("."))
        if not origins.sets(path):
            continue
        key, was = (False, f"{old}: {move.was}") if old == new else (True, old)
        now = f"{new}: {move.value}" if old == new else new
        fix = f"write {new}: {json.dumps(move.value, ensure_ascii=False)}"
        # Which of the two has an effect depends on what is the default.
        if old != new and origins.has(tuple(new.split("."))):
            now, fix = f"{now}, which is set too", f"remove {old}, and write the value that you want into {new}"
        yield Finding(
            rule="XS003",
            severity=Severity.WARNING,
            message=f"{was} is the old name of {now}; version 1.0 will refuse it",
            location=origins.locate(path, key=key),
            path=old,
            fix=fix,
        )


def _unreadable(error: helm.ChartError, origins: Origins, loaded: schema.Json) -> Finding:
    """Make a finding of what Helm cannot read: a file, or a flag, of which it names only keys of the chart."""
    if error.flag:
        known = frozenset(schema.paths(loaded))
        keys = [given.key for given in origins.set_keys if given.flag == error.flag and given.path in known]
        message = f"{error.message} (keys in it: {', '.join(keys)})" if keys else error.message
        return Finding(
            rule="XS010",
            severity=Severity.ERROR,
            message=message,
            location=Location(error.flag),
            path="",
            fix=error.fix,
        )
    fix = "check quotes, anchors and commas in the given values"
    return Finding(
        rule="XS010",
        severity=Severity.ERROR,
        message=f"Helm: {error.message}",
        location=origins.locate(()),
        path="",
        fix=fix,
    )


def _semantic(case: Case, origins: Origins) -> Iterator[Finding]:
    for rule, issue in catalogue.of_values(case):
        place = origins.locate(places.key_path(issue.path))
        yield Finding(
            rule=rule.id, severity=rule.severity, message=issue.message, location=place, path=issue.path, fix=issue.fix
        )


def _not_checked(case: Case) -> Iterator[Skipped]:
    """Yield what cannot be judged for lack of a fact that is not in the values."""
    if case.settings.collector and not case.environment.mesh:
        why = "give the size of the mesh: --mesh proxies=300,peers=10,codes=3, or `mesh` in .xscaler.yaml"
        planned = ("XS263", "XS264") if case.settings.xscaler.plan.active_series else ()
        what = "shards, memory and the plan" if planned else "shards and memory"
        yield Skipped(why, what, ("XS260", "XS261", "XS262", *planned), optional=True)
    if case.settings.logs.enabled and case.settings.logs.source != "api" and not case.environment.pod_security:
        why = "set podSecurity in .xscaler.yaml to the level that the namespace enforces"
        yield Skipped(why, "admission of the log agent", ("XS240",), optional=True)


def _with_line(finding: Finding, origins: Origins) -> Finding:
    """Add the finding's line: of an unknown key only the key, since anything may stand behind it."""
    line = origins.line(finding.location)
    if not line or not finding.location.column or len(line) > _LONGEST_LINE:
        return finding
    key_end = line.find(":", finding.location.column)
    cut_after = max(key_end, finding.location.column) if finding.rule in ("XS001", "XS004") else 0
    return dataclasses.replace(finding, excerpt=excerpt(line, finding.location.column, cut_after=cut_after))


def _chart_rules(answer: Answer, origins: Origins, *, schema_content: bool) -> Iterator[Finding]:
    """Yield what Helm warns of, and what the chart's own rules say, which Helm runs."""
    yield from (from_warning(item, origins.locate(_keys(item.path))) for item in answer.warnings)
    yield from (_from_problem(problem, origins) for problem in answer.problems)
    # Templates fail at values of a wrong type; the schema has said so already.
    if answer.failure and schema_content and not answer.problems:
        fix = "if the values look right, report this as a bug of the chart"
        yield Finding(
            rule="XS199",
            severity=Severity.ERROR,
            message=answer.failure.message,
            location=origins.locate(()),
            path="",
            fix=fix,
        )


def _keys(path: str) -> tuple[str, ...]:
    return tuple(path.split(".")) if path else ()


def from_warning(warned: Warned, place: Location) -> Finding:
    """Make a finding of what Helm warns of."""
    fix = "use a value of the same type as the default" if warned.path else "read Helm's message"
    return Finding(
        rule="XS280",
        severity=Severity.WARNING,
        message=f"Helm warns: {warned.message}",
        location=place,
        path=warned.path,
        fix=fix,
    )


def _without_repetition(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Leave out findings that say less of a key than an error does."""
    listed = tuple(findings)
    errors = (finding for finding in listed if finding.rule not in _SAID_BY_ERRORS)
    refused = {finding.path for finding in errors if finding.severity is Severity.ERROR}
    # What an older chart refuses has its key only in the message.
    placeless = (item.message for item in listed if item.rule == "XS100" and not item.path)
    refused |= {word.rstrip(".") for message in placeless for word in re.findall(r"[\w.-]+", message)}
    return tuple(
        item for item in listed if item.rule not in _SAID_BY_ERRORS or not item.path or item.path not in refused
    )


# Old names, tokens, which the chart refuses by their form, persistence, which it refuses where there can be none, and
# what Helm warns of.
_SAID_BY_ERRORS = ("XS003", "XS206", "XS273", "XS280")


def _from_problem(problem: ChartProblem, origins: Origins) -> Finding:
    """Make a finding of what the chart refuses, at the first of the problem's keys that the user has set."""
    keys = [key for key in problem.keys if origins.sets(places.key_path(key))]
    path = next(iter((*keys, *problem.keys)), "")
    return Finding(
        rule="XS100",
        severity=Severity.ERROR,
        message=problem.text.removesuffix("."),
        location=_place(path, origins),
        path=path,
        fix=problem.fix,
    )


def _place(path: str, origins: Origins) -> Location:
    """Return where a value stands, or its key where the value begins on a later line."""
    steps = places.key_path(path)
    value, key = origins.locate(steps), origins.locate(steps, key=True)
    return value if value.line == key.line else key
