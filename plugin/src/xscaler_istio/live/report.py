"""Verdicts for people, programs and continuous integration."""

from __future__ import annotations

import dataclasses
import json
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

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
    failures, skipped = sum(not step.ok for step in steps), sum(bool(step.skipped) for step in steps)
    counts = {"tests": str(len(steps)), "failures": str(failures), "skipped": str(skipped)}
    suite = ET.Element("testsuite", {"name": f"helm xscaler test {release}", **counts})
    for step in steps:
        case = ET.SubElement(suite, "testcase", {"name": step.name, "time": f"{step.seconds:.3f}"})
        if step.skipped:
            ET.SubElement(case, "skipped", {"message": step.skipped})
        for problem in step.problems:
            ET.SubElement(case, "failure", {"message": problem.what}).text = problem.fix
        if step.facts:
            ET.SubElement(case, "system-out").text = "\n".join(step.facts)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


REPORTERS: Mapping[str, Callable[[str, Sequence[Step]], str]] = {"text": as_text, "json": as_json, "junit": as_junit}
