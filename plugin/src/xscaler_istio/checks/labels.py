"""The number of labels of a series, and xScaler's limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.checks.registry import Issue, check
from xscaler_istio.findings.findings import Severity
from xscaler_istio.rendered.scraping import NATIVE, sent_as

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from xscaler_istio.checks.case import Case


@check("XS220", Severity.INFO)
def label_budget_is_used_up(case: Case) -> Iterator[Issue]:
    """The mesh cannot add another label.

    Why: xScaler rejects a series with more than xscaler.limits.labelsPerSeries labels, its name included. The chart
    counts the labels in the values and refuses too many (XS100). It does not know a tag that somebody adds later with a
    Telemetry object: xScaler would reject the series with the most labels, latency first.

    Fix: remove a label from cluster.labels, or inform the teams that add tags.

    Example:
        cluster:
          labels:
            environment: prod
    """
    most = max(counts(case), default=(0, ""))
    # Without any of these there are no counts.
    adding = {
        "cluster.labels": case.settings.cluster.labels,
        "istio.customTags": case.settings.istio.custom_tags,
        "metrics.extraMetricRelabelConfigs": _added(case),
    }
    if most[0] == case.settings.xscaler.limits.labels_per_series:
        key = next(key for key, value in adding.items() if value)
        yield Issue(
            key,
            f"{most[1]} has {most[0]} labels, xScaler's limit: one more tag in the mesh, and xScaler rejects its"
            " series",
            "remove a label from cluster.labels or a tag from istio.customTags, or make sure that no team adds tags",
        )


@check("XS221", Severity.WARNING)
def raised_limit(case: Case) -> Iterator[Issue]:
    """A limit is above xScaler's.

    Why: `xscaler.limits` describes xScaler's limits and does not change them. With a higher number the chart allows
    data that xScaler then rejects, and this data is lost.

    Fix: use the default, unless your plan has another limit.

    Example:
        xscaler:
          limits:
            labelsPerSeries: 30
    """
    ours, usual = case.settings.xscaler.limits, case.defaults.xscaler.limits
    pairs = {
        "xscaler.limits.labelsPerSeries": (ours.labels_per_series, usual.labels_per_series),
        "xscaler.limits.labelsPerStream": (ours.labels_per_stream, usual.labels_per_stream),
        "xscaler.limits.samplesPerRequest": (ours.samples_per_request, usual.samples_per_request),
        "xscaler.limits.logLineBytes": (ours.log_line_bytes, usual.log_line_bytes),
    }
    for key, (value, default) in pairs.items():
        if value > default:
            yield Issue(key, f"{key} is {value}; xScaler's limit is {default}", "remove it, unless your plan differs")


def _added(case: Case) -> set[str]:
    """Return the labels that the values add to every series."""
    metrics = case.settings.metrics
    written = {rule.target_label for rule in metrics.extra_metric_relabel_configs if rule.target_label}
    return {*case.settings.cluster.labels, *written}


def counts(case: Case, more: AbstractSet[str] = frozenset()) -> Iterator[tuple[int, str]]:
    """Yield the highest number of labels of each family of series, and its name, as the chart counts.

    Families to which neither the values nor `more` tags of the mesh add a label are left out.
    """
    labels, added = case.facts.labels, _added(case)
    histograms = case.settings.metrics.histograms
    for job, families in labels.families.items():
        tags = {*case.settings.istio.custom_tags, *more} if job in labels.custom_tags else set()
        for family, groups in families.items():
            left_out = {*(("regions",) if added else ()), *(("bucket",) if histograms == NATIVE else ())}
            present = {name for group in groups if group not in left_out for name in labels.groups[group]}
            if job in case.settings.scraped and (added | tags):
                yield len(present | added | tags), sent_as(family, histograms)
