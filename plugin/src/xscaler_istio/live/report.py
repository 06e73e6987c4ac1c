"""Reports of `test RELEASE` for people, programs and continuous integration."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from xscaler_istio.charts import page
from xscaler_istio.report import junit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from xscaler_istio.live.about import AboutRelease
    from xscaler_istio.live.steps import Step


def as_text(subject: AboutRelease, steps: Sequence[Step]) -> str:
    """Return the cluster, and a verdict for each step, with its facts, reasons and fixes."""
    lines = [f"{'cluster':<18} {subject.cluster}"]
    for step in steps:
        verdict = "skipped" if step.skipped else "ok" if step.ok else "FAILED"
        lines.append(f"{step.name:<18} {verdict}{f': {step.skipped}' if step.skipped else ''}")
        lines += [f"  {fact}" for fact in step.facts]
        for problem in step.problems:
            lines += [f"  {problem.what}", f"    fix: {problem.fix}"]
    failed = sum(not step.ok for step in steps)
    lines.append(f"{subject.release}: {f'{failed} of {len(steps)} steps failed' if failed else 'ok'}")
    return "\n".join(lines) + "\n"


def as_json(subject: AboutRelease, steps: Sequence[Step]) -> str:
    """Return the documented JSON object (docs/plugin.md)."""
    listed = [{**dataclasses.asdict(step), "ok": step.ok} for step in steps]
    document = {
        "schemaVersion": 1,
        "release": subject.release,
        "ok": all(step.ok for step in steps),
        "about": {
            "date": subject.date.isoformat(timespec="seconds"),
            "namespace": subject.namespace,
            "cluster": dataclasses.asdict(subject.cluster),
            "chart": subject.chart_version,
            "plugin": subject.plugin_version,
            "collector": subject.collector,
            "changed": dict(subject.changed),
        },
        "steps": listed,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_junit(subject: AboutRelease, steps: Sequence[Step]) -> str:
    """Return JUnit's XML, with a test case for each step."""
    cases = [
        junit.TestCase(
            name=step.name,
            failures=tuple((problem.what, problem.fix) for problem in step.problems),
            skipped=step.skipped,
            output="\n".join(step.facts),
            seconds=step.seconds,
        )
        for step in steps
    ]
    return junit.suite(f"helm xscaler test {subject.release}", cases)


def as_html(subject: AboutRelease, steps: Sequence[Step]) -> str:
    """Return one HTML file: what it is about, a card for each step, and the values of the release."""
    failed = sum(not step.ok for step in steps)
    verdict = f"{failed} of {len(steps)} steps failed" if failed else "All steps passed"
    return page.page(
        f"helm xscaler test {subject.release}", ok=not failed, verdict=verdict, parts=_parts(subject, steps)
    )


def _parts(subject: AboutRelease, steps: Sequence[Step]) -> Iterator[str]:
    details = {
        "date": f"{subject.date:%Y-%m-%d %H:%M:%S} UTC",
        "release": f"{subject.release} in namespace {subject.namespace}",
        "cluster": str(subject.cluster),
        "collector": subject.collector,
        "chart": subject.chart_version,
        "plugin": subject.plugin_version,
    }
    yield page.details(details.items())
    yield from map(_card, steps)
    if subject.changed:
        yield page.section("Values of the release", page.table(subject.changed, ("key", "value")))


def _card(step: Step) -> str:
    verdict = f"skipped: {step.skipped}" if step.skipped else "ok" if step.ok else "FAILED"
    kind = "muted" if step.skipped else "ok" if step.ok else "not"
    problems = [
        page.paragraph(words, kind)
        for problem in step.problems
        for words, kind in ((problem.what, "not"), (f"fix: {problem.fix}", ""))
    ]
    facts = [page.paragraph(fact, "muted") for fact in step.facts]
    heading = page.paragraph(f"{verdict}, {step.seconds:.0f} s", kind)
    return page.section(step.name, page.card(heading, *facts, *problems))


REPORTERS: Mapping[str, Callable[[AboutRelease, Sequence[Step]], str]] = {
    "text": as_text,
    "json": as_json,
    "junit": as_junit,
    "html": as_html,
}
