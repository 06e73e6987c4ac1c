"""Verdicts for people, programs and continuous integration."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from xscaler_istio.charts import page
from xscaler_istio.report import junit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from xscaler_istio.live.steps import Step


def as_text(release: str, steps: Sequence[Step]) -> str:
    """Return a verdict a step, with its facts, reasons and fixes."""
    lines = []
    for step in steps:
        verdict = "skipped" if step.skipped else "ok" if step.ok else "FAILED"
        lines.append(f"{step.name:<18} {verdict}{f': {step.skipped}' if step.skipped else ''}")
        lines += [f"  {fact}" for fact in step.facts]
        for problem in step.problems:
            lines += [f"  {problem.what}", f"    fix: {problem.fix}"]
    failed = sum(not step.ok for step in steps)
    lines.append(f"{release}: {f'{failed} of {len(steps)} steps failed' if failed else 'all is well'}")
    return "\n".join(lines) + "\n"


def as_json(release: str, steps: Sequence[Step]) -> str:
    """Return the documented JSON object (docs/plugin.md)."""
    listed = [{**dataclasses.asdict(step), "ok": step.ok} for step in steps]
    document = {"schemaVersion": 1, "release": release, "ok": all(step.ok for step in steps), "steps": listed}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_junit(release: str, steps: Sequence[Step]) -> str:
    """Return JUnit's XML, a test case a step."""
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
    return junit.suite(f"helm xscaler test {release}", cases)


def as_html(release: str, steps: Sequence[Step]) -> str:
    """Return one HTML file, a card a step."""
    failed = sum(not step.ok for step in steps)
    said = f"{failed} of {len(steps)} steps failed" if failed else "all is well"
    return page.page(f"helm xscaler test {release}", ok=not failed, said=said, parts=map(_card, steps))


def _card(step: Step) -> str:
    verdict = f"skipped: {step.skipped}" if step.skipped else "ok" if step.ok else "FAILED"
    kind = "muted" if step.skipped else "ok" if step.ok else "not"
    problems = [
        page.paragraph(words, kind)
        for problem in step.problems
        for words, kind in ((problem.what, "not"), (f"fix: {problem.fix}", ""))
    ]
    facts = [page.paragraph(fact, "muted") for fact in step.facts]
    said = page.paragraph(f"{verdict}, {step.seconds:.0f} s", kind)
    return page.section(step.name, page.card(said, *facts, *problems))


REPORTERS: Mapping[str, Callable[[str, Sequence[Step]], str]] = {
    "text": as_text,
    "json": as_json,
    "junit": as_junit,
    "html": as_html,
}
