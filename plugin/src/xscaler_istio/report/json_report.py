"""Findings for programs: docs/findings.schema.json describes them."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from xscaler_istio import __version__
from xscaler_istio.findings.findings import Severity
from xscaler_istio.findings.rules import RULES

if TYPE_CHECKING:
    from xscaler_istio.findings.findings import Finding, Report
    from xscaler_istio.system.terminal import Terminal


def report(found: Report, _: Terminal) -> str:
    """Return one JSON object; `ok` is false when a finding is as severe as --fail-on."""
    document = {
        "schemaVersion": 1,
        "tool": {"name": "xscaler-istio", "version": __version__},
        "command": found.command,
        **({"cluster": dataclasses.asdict(found.cluster)} if found.cluster else {}),
        "findings": [_finding(finding) for finding in found.findings],
        "ignored": [{**_finding(finding), "reason": finding.ignored} for finding in found.ignored],
        "skipped": [str(skipped) for skipped in found.skipped],
        "summary": {severity.label: found.count(severity) for severity in sorted(Severity, reverse=True)},
        "ok": found.ok,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "rule": finding.rule,
        "severity": finding.severity.label,
        "message": finding.message,
        "path": finding.path,
        "file": finding.location.file,
        "line": finding.location.line,
        "column": finding.location.column,
        "fix": finding.fix,
        "docsUrl": RULES[finding.rule].url,
    }
