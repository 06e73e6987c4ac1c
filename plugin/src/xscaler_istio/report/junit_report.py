"""Findings as JUnit's XML: a test case for each finding and for each check that was skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.report import junit

if TYPE_CHECKING:
    from xscaler_istio.findings.findings import Finding, Report
    from xscaler_istio.system.terminal import Terminal


def report(found: Report, _: Terminal) -> str:
    """Return a suite in which findings as severe as --fail-on fail; the others are passed cases that say something."""
    cases = [_case(finding, failed=finding.severity >= found.fail_on) for finding in found.findings]
    cases += [junit.TestCase(name=skipped.subject, skipped=str(skipped)) for skipped in found.skipped]
    if not found.findings:
        cases.insert(0, junit.TestCase(name="no findings"))
    return junit.suite(f"helm xscaler {found.command}", cases)


def _case(finding: Finding, *, failed: bool) -> junit.TestCase:
    message = f"{finding.severity.label}: {finding.message}"
    details = f"{finding.location}\n{finding.fix}"
    return junit.TestCase(
        name=f"{finding.rule} {finding.location}",
        failures=((message, details),) if failed else (),
        output="" if failed else f"{message}\n{details}",
        classname=finding.rule,
    )
