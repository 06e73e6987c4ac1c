"""Findings for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from xscaler_istio import __version__
from xscaler_istio.findings import Finding, Severity, worst

if TYPE_CHECKING:
    from collections.abc import Sequence


def report(command: str, findings: Sequence[Finding], skipped: Sequence[str]) -> str:
    """Return one JSON object; `ok` is false when a finding is an error."""
    document = {
        "schemaVersion": 1,
        "tool": {"name": "xscaler-istio", "version": __version__},
        "command": command,
        "findings": [_finding(finding) for finding in findings],
        "skipped": list(skipped),
        "ok": (worst(tuple(findings)) or Severity.INFO) < Severity.ERROR,
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
    }
