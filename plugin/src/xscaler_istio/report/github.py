"""Findings as workflow commands of GitHub Actions, which shows them beside the changed lines.

https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.findings.findings import Severity
from xscaler_istio.system.terminal import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xscaler_istio.findings.findings import Finding, Report
    from xscaler_istio.system.terminal import Terminal

_COMMANDS: Mapping[Severity, str] = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def report(found: Report, _: Terminal) -> str:
    """Return a command for each finding, and a notice for each check that was skipped."""
    lines = [_command(finding) for finding in found.findings]
    lines += [f"::notice title=skipped::{_data(str(skipped))}" for skipped in found.skipped]
    return "".join(f"{line}\n" for line in lines)


def _command(finding: Finding) -> str:
    place = finding.location
    where = {"file": place.file, "line": str(place.line), "col": str(place.column)} if place.in_file else {}
    properties = ",".join(f"{key}={_property(value)}" for key, value in {**where, "title": finding.rule}.items())
    message = finding.message if place.in_file else f"{place}: {finding.message}"
    text = f"{message}\nfix: {finding.fix}" if finding.fix else message
    return f"::{_COMMANDS[finding.severity]} {properties}::{_data(text)}"


def _data(text: str) -> str:
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
