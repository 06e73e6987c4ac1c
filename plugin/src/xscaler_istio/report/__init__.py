"""Reports for people, programs and continuous integration: pure siblings, chosen by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.report import github, json_report, junit_report, sarif, text_report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xscaler_istio.findings.findings import Report
    from xscaler_istio.system.terminal import Terminal

    Reporter = Callable[[Report, Terminal], str]

REPORTERS: Mapping[str, Reporter] = {
    "text": text_report.report,
    "json": json_report.report,
    "sarif": sarif.report,
    "junit": junit_report.report,
    "github": github.report,
}
