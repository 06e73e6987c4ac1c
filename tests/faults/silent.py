"""Cells with loss that no alert reports, each with the reason that docs/reliability.md gives. A defect each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SILENT: Mapping[str, str] = {
    "logs-html-page/log-agent": (
        "the agent takes any answer of 2xx for success, as Loki's clients do, and counts the lines as sent; no alert"
        " compares lines that were sent with lines that are stored"
    ),
    "logs-rotation-while-down/log-agent": (
        "the agent reads only the current file of a container: what was written to a file that is rotated away while no"
        " agent runs is never read, and nothing counts it; XScalerIstioCollectorAbsent fires after ten minutes"
    ),
}
