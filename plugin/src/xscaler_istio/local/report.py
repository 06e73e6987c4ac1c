"""The result of a local test, for people and for programs."""

from __future__ import annotations

import collections
import dataclasses
import json
from typing import TYPE_CHECKING

from xscaler_istio.local import html_report, questions
from xscaler_istio.local.verdict import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xscaler_istio.local.about import About
    from xscaler_istio.local.run import RunResult


def as_text(result: RunResult, about: About) -> str:  # noqa: ARG001 - one shape
    """Return targets, samples, answers, problems and fixes."""
    lines = [
        *(line for part in result.parts for line in _OF_PART[part](result)),
        "",
        *(
            line
            for answer in result.answers
            for line in (answer.title, *_indented(questions.said(answer, result.verdict)), "")
        ),
    ]
    for problem in result.problems:
        lines += [f"problem: {problem.what}", f"  fix: {problem.fix}"]
    lines.append(f"{'ok' if result.ok else 'NOT OK'} after {result.seconds:.0f} s")
    return "\n".join(lines) + "\n"


def _of_scraping(result: RunResult) -> list[str]:
    verdict = result.verdict
    found = ", ".join(f"{count} {KINDS[kind]}" for kind, count in sorted(verdict.by_kind.items()))
    return [
        f"Targets   {len(verdict.found)} of {len(verdict.expected)} found: {found or 'none'}",
        f"          {len(verdict.duplicate)} scraped twice, {len(verdict.unexpected)} not part of the mesh",
        f"Metrics   {len(verdict.required) - len(verdict.missing_metrics)} of {len(verdict.required)} required found",
    ]


def _of_pushing(result: RunResult) -> list[str]:
    account, refused = result.account, sum(result.verdict.rejected_by_reason.values())
    native = f" ({account.native} of them native histograms)" if account.native else ""
    counts = f"{account.accepted} accepted{native}, {refused} rejected; largest request {account.largest_request}"
    return [f"Samples   {counts}"]


def _of_logs(result: RunResult) -> list[str]:
    if not result.logs:
        return []
    count = result.logs.count
    return [
        f"Logs      {count.once} of {count.written} lines arrived once; {count.more} more than once, {count.lost} lost",
        f"          {count.with_fields} access lines with their fields, {result.logs.secrets_seen} with query strings",
    ]


_OF_PART: Mapping[str, Callable[[RunResult], list[str]]] = {
    "scraping": _of_scraping,
    "pushing": _of_pushing,
    "logs": _of_logs,
}


def _indented(lines: tuple[str, ...]) -> list[str]:
    return [f"  {line}" for line in lines]


def as_json(result: RunResult, about: About) -> str:
    """Return the documented JSON object (docs/plugin.md)."""
    verdict, account = result.verdict, result.account
    document = {
        "schemaVersion": 1,
        "ok": result.ok,
        "about": {
            "date": about.date.isoformat(timespec="seconds"),
            "programs": [dataclasses.asdict(program) for program in about.programs],
            "chart": about.chart_version,
            "plugin": about.plugin_version,
            "values": about.values,
            "changed": dict(about.changed),
        },
        "parts": result.parts,
        "targets": {
            "expected": len(verdict.expected),
            "found": len(verdict.found),
            "duplicate": len(verdict.duplicate),
            "missing": len(verdict.missing),
            "unexpected": len(verdict.unexpected),
            "down": len(verdict.down),
            "byKind": verdict.by_kind,
            "names": {
                "duplicate": verdict.duplicate,
                "missing": verdict.missing,
                "unexpected": verdict.unexpected,
                "down": verdict.down,
            },
        },
        "samples": {
            "accepted": account.accepted,
            "rejected": sum(verdict.rejected_by_reason.values()),
            "rejectedByReason": verdict.rejected_by_reason,
            "deferred": sum(account.deferred.values()),
            "largestRequest": account.largest_request,
            "requestsByStatus": {str(status): count for status, count in account.requests.items()},
        },
        "metrics": {"required": verdict.required, "missing": verdict.missing_metrics},
        "logs": _logs(result),
        "answers": [{"title": a.title, "promql": a.promql, "lines": a.lines} for a in result.answers],
        "problems": [{"what": problem.what, "fix": problem.fix} for problem in result.problems],
        "overrides": [str(change) for change in result.overrides],
        "seconds": round(result.seconds, 1),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _logs(result: RunResult) -> dict[str, object] | None:
    if not result.logs:
        return None
    count = result.logs.count
    return {
        "written": count.written,
        "once": count.once,
        "more": count.more,
        "lost": count.lost,
        "foreign": count.foreign,
        "withFields": count.with_fields,
        "secretsSeen": result.logs.secrets_seen,
        "rejectedByReason": result.logs.rejected_by_reason,
    }


def overrides_as_text(result: RunResult) -> str:
    """Return the changes to the rendered configuration, equal changes of several jobs in one line."""
    places = collections.Counter(
        (".".join("*" if isinstance(step, int) else step for step in change.path), change.local, change.reason)
        for change in result.overrides
    )
    lines = [
        f"  {path} = {local or 'removed'} ({reason}{f', {count} times' if count > 1 else ''})"
        for (path, local, reason), count in places.items()
    ]
    return (
        "\n".join(["Only these settings of the rendered configuration were changed to run without a cluster:", *lines])
        + "\n"
    )


REPORTERS: Mapping[str, Callable[[RunResult, About], str]] = {
    "text": as_text,
    "json": as_json,
    "html": html_report.as_html,
}
