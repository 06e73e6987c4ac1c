"""Findings as SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/), which code scanning reads."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from xscaler_istio import __version__
from xscaler_istio.findings.findings import Severity
from xscaler_istio.findings.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xscaler_istio.findings.findings import Finding, Report
    from xscaler_istio.system.terminal import Terminal

# SARIF is JSON by nature.
Json = dict[str, Any]
_LEVELS: Mapping[Severity, str] = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def report(found: Report, _: Terminal) -> str:
    """Return a log of one run: the rules that have findings, and the findings, ignored ones as suppressed."""
    findings = (*found.findings, *found.ignored)
    rules = sorted({finding.rule for finding in findings})
    driver = {
        "name": "xscaler-istio",
        "version": __version__,
        "informationUri": "https://github.com/xscaler/xscaler-istio",
        "rules": [_rule(name) for name in rules],
    }
    run = {
        "tool": {"driver": driver},
        "results": [_result(finding, rules) for finding in findings],
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [
                    {"level": "note", "message": {"text": f"skipped: {skipped}"}} for skipped in found.skipped
                ],
            }
        ],
    }
    document = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _rule(name: str) -> Json:
    rule = RULES[name]
    return {
        "id": name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.text},
        "helpUri": rule.url,
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(finding: Finding, rules: Sequence[str]) -> Json:
    place = finding.location
    message = f"{finding.message}\nfix: {finding.fix}" if finding.fix else finding.message
    # Lines move; rule, file and key stay.
    print_of = hashlib.sha256(f"{finding.rule}\0{place.file}\0{finding.path}\0{finding.message}".encode()).hexdigest()
    result: Json = {
        "ruleId": finding.rule,
        "ruleIndex": rules.index(finding.rule),
        "level": _LEVELS[finding.severity],
        "message": {"text": message},
        "locations": [_location(finding)],
        "partialFingerprints": {"ruleFileKey/v1": print_of},
    }
    if finding.ignored:
        kind = "inSource" if finding.ignored_inline else "external"
        result["suppressions"] = [{"kind": kind, "justification": finding.ignored}]
    return result


def _location(finding: Finding) -> Json:
    place = finding.location
    logical = [{"fullyQualifiedName": finding.path or str(place)}]
    if not place.in_file:
        return {"logicalLocations": logical}
    region = {"startLine": place.line, **({"startColumn": place.column} if place.column else {})}
    artifact = {"uri": quote(place.file)}
    return {"physicalLocation": {"artifactLocation": artifact, "region": region}, "logicalLocations": logical}
