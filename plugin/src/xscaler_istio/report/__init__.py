"""Reports for people, programs and continuous integration: pure siblings, chosen by name."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from xscaler_istio.report import github, json_report, junit_report, sarif, text_report
from xscaler_istio.system.masks import hidden

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xscaler_istio.findings.findings import Finding, Report
    from xscaler_istio.system.terminal import Terminal

    Reporter = Callable[[Report, Terminal], str]

REPORTERS: Mapping[str, Reporter] = {
    "text": text_report.report,
    "json": json_report.report,
    "sarif": sarif.report,
    "junit": junit_report.report,
    "github": github.report,
}


def without_tokens(found: Report) -> Report:
    """Return a report in which what looks like a token is hidden, be it a value, a key or a part of a message."""
    return dataclasses.replace(
        found,
        findings=tuple(map(_without_tokens, found.findings)),
        ignored=tuple(map(_without_tokens, found.ignored)),
        skipped=tuple(dataclasses.replace(item, reason=hidden(item.reason)) for item in found.skipped),
    )


def _without_tokens(finding: Finding) -> Finding:
    return dataclasses.replace(
        finding,
        message=hidden(finding.message),
        fix=hidden(finding.fix),
        path=hidden(finding.path),
        location=dataclasses.replace(finding.location, file=hidden(finding.location.file)),
    )
