"""xScaler's limits, as its public documentation states them, and the verdict on one series.

Reasons are spelled as Grafana Mimir spells them in `cortex_discarded_samples_total`.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class AccountLimits:
    """The limits of one request and one series; `__name__` counts as a label. Lengths in bytes of UTF-8."""

    labels_per_series: int = 30
    samples_per_request: int = 2000
    label_name_length: int = 1024
    label_value_length: int = 2048


XSCALER = AccountLimits()
# For a test of scraping only: everything that is scraped arrives.
NONE = AccountLimits(*[10**6] * 4)


def refusal(labels: Sequence[tuple[str, str]], limits: AccountLimits) -> str:
    """Return the reason why a series is refused, or an empty string. The first reason in Mimir's order wins."""
    if not any(name == "__name__" for name, _ in labels):
        return "missing_metric_name"
    if len(labels) > limits.labels_per_series:
        return "max_label_names_per_series"
    for name, value in labels:
        if len(name.encode()) > limits.label_name_length:
            return "label_name_too_long"
        if len(value.encode()) > limits.label_value_length:
            return "label_value_too_long"
    return ""
