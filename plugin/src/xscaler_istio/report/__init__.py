"""Findings as text or JSON: pure siblings, chosen by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.report import json_report, text_report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from xscaler_istio.findings import Finding

    Reporter = Callable[[str, Sequence[Finding], Sequence[str]], str]

# Each takes the command's name, the findings and the skipped checks.
REPORTERS: Mapping[str, Reporter] = {"text": text_report.report, "json": json_report.report}
