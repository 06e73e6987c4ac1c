"""How many labels a series has, and what xScaler admits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.checks.registry import Issue, check
from xscaler_istio.findings.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from xscaler_istio.checks.case import Case


@check("XS220", Severity.INFO)
def label_budget_is_used_up(case: Case) -> Iterator[Issue]:
    """No label is left for the mesh to add.

    Why: xScaler refuses a series with more than limits.labelsPerSeries labels, its name counted. The chart counts
    what the values tell it and refuses too many (XS100). A tag that somebody adds with a Telemetry object later is
    not in the values: the series with the most labels, latency first, would be refused.

    Fix: remove a label of metrics.extraLabels, or tell the teams that add tags.

    Example:
        metrics:
          extraLabels:
            environment: prod
    """
    most = max(counts(case), default=(0, ""))
    # The first of them that adds something; without any there are no counts.
    adding = {
        "metrics.extraLabels": case.settings.metrics.extra_labels,
        "istio.customTags": case.settings.istio.custom_tags,
        "metrics.extraMetricRelabelings": _added(case),
    }
    if most[0] == case.settings.limits.labels_per_series:
        key = next(key for key, value in adding.items() if value)
        yield Issue(
            key,
            f"{most[1]} has {most[0]} labels, as many as xScaler admits: one tag more in the mesh and it is refused",
            "remove one of metrics.extraLabels or istio.customTags, or know who adds tags",
        )


@check("XS221", Severity.WARNING)
def raised_limit(case: Case) -> Iterator[Issue]:
    """A limit is set above xScaler's.

    Why: `limits` tells the chart what xScaler refuses beyond; it does not change what xScaler refuses. A higher number
    turns refusals that the chart would have prevented into lost data.

    Fix: the default, unless xScaler told you that your plan differs.

    Example:
        limits:
          labelsPerSeries: 30
    """
    ours, usual = case.settings.limits, case.defaults.limits
    pairs = {
        "limits.labelsPerSeries": (ours.labels_per_series, usual.labels_per_series),
        "limits.samplesPerRequest": (ours.samples_per_request, usual.samples_per_request),
        "limits.logLineBytes": (ours.log_line_bytes, usual.log_line_bytes),
    }
    for key, (value, default) in pairs.items():
        if value > default:
            yield Issue(key, f"{key} is {value}, and xScaler admits {default}", "remove it, unless your plan differs")


def _added(case: Case) -> set[str]:
    """Return the labels that the values add to every series."""
    metrics = case.settings.metrics
    written = {rule.target_label for rule in metrics.extra_metric_relabelings if rule.target_label}
    return {*metrics.extra_labels, *written}


def counts(case: Case, more: AbstractSet[str] = frozenset()) -> Iterator[tuple[int, str]]:
    """Yield the number of labels of each family of series in the worst case, and its name, as the chart counts.

    Only of families to which the values, or `more` tags of the mesh, add something.
    """
    labels, added = case.facts.labels, _added(case)
    for job, families in labels.families.items():
        tags = {*case.settings.istio.custom_tags, *more} if job in labels.custom_tags else set()
        for family, groups in families.items():
            present = {name for group in groups if group != "regions" or not added for name in labels.groups[group]}
            if job in case.settings.scraped and (added | tags):
                yield len(present | added | tags), family
