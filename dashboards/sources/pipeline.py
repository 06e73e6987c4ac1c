"""Istio telemetry pipeline: what the release scrapes, sends and loses."""

from collections.abc import Iterator
from pathlib import Path

import yaml

from dashboards import variables
from dashboards.board import Board, row
from dashboards.datasources import Query
from dashboards.panels import ONE, Column, Levels, Opens, Over, bars, lines, number, rows
from dashboards.queries import MESH, rate, sums

OWN = 'job="xscaler-istio", cluster=~"$cluster"'
TARGET = "cluster, namespace, pod"
SELF = Path(__file__).resolve().parents[2] / "chart/files/self"


def counters(name: str) -> Iterator[tuple[str, ...]]:
    """Return what each collector calls a counter, by its entry in chart/files/self: the parts of a sum."""
    entries = {file.stem: yaml.safe_load(file.read_text("utf-8")) for file in sorted(SELF.glob("*.yaml"))}
    for collector, entry in entries.items():
        yield tuple(entries[entry.get("sameAs", collector)]["counters"][name])


def of_each_collector(name: str) -> str:
    """Return the rate of a counter, whichever collector runs."""
    return " or ".join(sums(_together(parts), "cluster") for parts in dict.fromkeys(counters(name)))


def _together(counters: tuple[str, ...]) -> str:
    """Return the rates of counters as one vector: their labels are alike, and `or` keeps only one of each set."""
    if len(counters) == 1:
        return rate(counters[0], OWN)
    return " or ".join(f'label_replace({rate(one, OWN)}, "counter", "{one}", "", "")' for one in counters)


def lost(name: str) -> str:
    """Return the rate of a counter that does not exist before its first event."""
    return sums(f"{of_each_collector(name)} or 0 * ({of_each_collector('sent')})")


LINES_SENT = sums(rate("loki_write_sent_entries_total", OWN))
# Without a number, which is 0, there is nothing to divide by.
PLAN_IN_USE = f"count({{{MESH}}} or {{{OWN}}}) / (vector(1) * {variables.ACTIVE_SERIES} > 0)"
NOW = row(
    4,
    number("Targets", "Pods that the release scrapes.", f"count(up{{{MESH}}})", Over.LOWEST),
    number(
        "Targets down",
        "Targets whose scrape fails.",
        f"count(up{{{MESH}}} == 0) or vector(0)",
        Over.HIGHEST,
        levels=Levels("green", (("red", ONE),)),
    ),
    number(
        "Slowest scrape",
        "A scrape fails if it takes longer than metrics.scrapeTimeout.",
        f"max(scrape_duration_seconds{{{MESH}}})",
        Over.HIGHEST,
        unit="s",
        levels=Levels("green", (("orange", variables.SCRAPE_WARNING), ("red", variables.SCRAPE_CRITICAL))),
    ),
)
SENDING = row(
    8,
    lines(
        "Samples sent",
        "Samples a second that collectors send to xScaler.",
        Query(of_each_collector("sent"), "{{cluster}}"),
        unit="suffix:samples/s",
    ),
    lines(
        "Samples lost",
        "Samples a second that xScaler rejects permanently, or that a collector drops before it sends them (too old, "
        "or the queue is full). docs/alerts.md has alerts for both; docs/runbooks.md describes what to do.",
        Query(lost("refused"), "rejected"),
        Query(lost("dropped"), "dropped"),
        unit="suffix:samples/s",
    ),
    lines(
        "Log lines",
        "Lines a second that log agents send, lose, and leave out as the values say (docs/alerts.md has the reasons). "
        "Empty unless logs.enabled.",
        Query(LINES_SENT, "sent"),
        Query(sums(rate("loki_write_dropped_entries_total", OWN)), "lost"),
        # Its series appear with the first line that is left out.
        Query(f"{sums(rate('loki_process_dropped_lines_total', OWN))} or 0 * {LINES_SENT}", "left out"),
        unit="suffix:lines/s",
    ),
)
SCRAPING = row(
    8,
    lines(
        "Scrape duration",
        "Time that scrapes take, over all targets.",
        Query(f"quantile(0.5, scrape_duration_seconds{{{MESH}}})", "p50"),
        Query(f"quantile(0.99, scrape_duration_seconds{{{MESH}}})", "p99"),
        Query(f"max(scrape_duration_seconds{{{MESH}}})", "max"),
        unit="s",
    ),
    lines(
        "Samples scraped and kept",
        "Samples of all targets. The profile drops the difference. With Alloy both numbers include dropped samples.",
        Query(f"sum(scrape_samples_scraped{{{MESH}}})", "scraped"),
        Query(f"sum(scrape_samples_post_metric_relabeling{{{MESH}}})", "kept"),
    ),
    lines(
        "New series",
        "Series that a target had not at its last scrape. A steady number above 0 points to a label whose values keep "
        "changing.",
        Query(f"sum by (cluster) (scrape_series_added{{{MESH}}})", "{{cluster}}"),
    ),
    lines(
        "Share of the plan",
        "Active series of this chart as a share of the plan's, which xscaler.plan.activeSeries states. Choose all "
        "clusters: they share the plan, and other senders of the account come on top. Without a number there is no "
        "line.",
        Query(PLAN_IN_USE, "series"),
        unit="percentunit",
    ),
)
TARGETS = row(
    9,
    rows(
        "All targets",
        "Last scrape of each target, failed ones first. A click opens the workloads of its namespace.",
        {"cluster": "Cluster", "namespace": "Namespace", "pod": "Pod"},
        Column("Up", f"min by ({TARGET}) (up{{{MESH}}})"),
        Column("Duration", f"max by ({TARGET}) (scrape_duration_seconds{{{MESH}}})", "s"),
        Column("Samples", f"max by ({TARGET}) (scrape_samples_scraped{{{MESH}}})"),
        sort="Up",
        descending=False,
        opens=Opens("workload", "Open Istio workload", {"cluster": "cluster", "namespace": "namespace"}),
    ),
    bars(
        "Series by metric",
        "Metrics with the most series. Add those that you do not need to metrics.excludeMetrics.",
        Query(f"topk(8, count by (__name__) ({{{MESH}}}))", "{{__name__}}"),
    ),
    widths=(15, 9),
)

BOARD = Board(
    name="pipeline",
    title="Istio telemetry pipeline",
    description=(
        "Does the release scrape everything, and does it arrive? Targets, scrapes and their samples; what collectors "
        "and log agents report that they send and lose (selfMonitoring)."
    ),
    variables=(variables.CLUSTER, variables.ACTIVE_SERIES, variables.SCRAPE_WARNING, variables.SCRAPE_CRITICAL),
    rows=(NOW, SENDING, SCRAPING, TARGETS),
)
