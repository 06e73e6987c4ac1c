"""How often and how much: what it costs, and what queries expect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.checks.registry import Issue, check
from xscaler_istio.findings.findings import Severity
from xscaler_istio.values.units import everything, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xscaler_istio.checks.case import Case

CHEAP_SECONDS = 15
# Four scrapes at the 15 s that Grafana assumes of a data source.
RATE_WINDOW_SECONDS = 60


@check("XS210", Severity.WARNING)
def short_interval(case: Case) -> Iterator[Issue]:
    """A scrape interval is shorter than 15 s.

    Why: samples, and with them what you pay and what the collector works, grow as the interval shrinks: 5 s sends six
    times as many as 30 s. Istio's dashboards read rates over a minute and more, which gain nothing.

    Fix: 15s or longer; 30s is the default.

    Example:
        metrics:
          scrapeInterval: 30s
    """
    for key, interval in case.settings.intervals.items():
        if seconds(interval) < CHEAP_SECONDS:
            usual = seconds(case.defaults.metrics.scrape_interval) / seconds(interval)
            yield Issue(
                key,
                f"{key} is {interval}: {usual:.0f} times the samples of {case.defaults.metrics.scrape_interval}",
                f"use {CHEAP_SECONDS}s or longer",
            )


@check("XS211", Severity.WARNING)
def timeout_as_long_as_interval(case: Case) -> Iterator[Issue]:
    """A scrape may take as long as the time between two.

    Why: a target that hangs is given up when the next scrape is due, so its scrapes follow each other without a
    pause. A timeout longer than the interval is refused by the chart (XS100); for a kind with an interval of its own
    the timeout is cut to it.

    Fix: an interval longer than metrics.scrapeTimeout.

    Example:
        metrics:
          scrapeInterval: 30s
          scrapeTimeout: 10s
    """
    timeout = case.settings.metrics.scrape_timeout
    for key, interval in case.settings.intervals.items():
        common = key == "metrics.scrapeInterval"
        if seconds(interval) == seconds(timeout) or (seconds(interval) < seconds(timeout) and not common):
            yield Issue(
                key,
                f"{key} ({interval}) is not above metrics.scrapeTimeout ({timeout})",
                "shorten metrics.scrapeTimeout",
            )


@check("XS212", Severity.WARNING)
def rate_interval_trap(case: Case) -> Iterator[Issue]:
    """A scrape interval is longer than a minute.

    Why: `rate()` needs two samples in its window. Grafana's `$__rate_interval` is at least four times the scrape
    interval *that the data source states*, 15 s unless it is set: a window of a minute, in which a target that is
    scraped every two has one sample or none. Panels are empty although everything is there.

    Fix: 1m or less, or set "Scrape interval" in Grafana's data source to the longest interval in use.

    Example:
        metrics:
          scrapeInterval: 1m
    """
    for key, interval in case.settings.intervals.items():
        if RATE_WINDOW_SECONDS < seconds(interval) <= 300:
            yield Issue(
                key,
                f"{key} is {interval}: graphs with $__rate_interval stay empty while Grafana's data source states less",
                f'use 1m or less, or set "Scrape interval" of the data source to {interval}',
            )


@check("XS213", Severity.INFO)
def full_profile(case: Case) -> Iterator[Issue]:
    """The profile `full` keeps what no dashboard reads.

    Why: all of Envoy and Istio is about 1.7 times the series of `dashboards` and 2.3 times those of `minimal`, at
    the same ratio of cost. Each peer and response code of a proxy gives 67 series, with the other two 39. Istio's
    dashboards, Kiali and Grafana's mixins read nothing beyond `dashboards`.

    An expression of metrics.includeMetrics that matches everything, such as `.+`, makes any profile that one.

    Fix: `dashboards`, with what you miss in metrics.includeMetrics.

    Example:
        metrics:
          profile: dashboards
          includeMetrics:
            - envoy_cluster_upstream_rq_.*
    """
    metrics = case.settings.metrics
    if not case.settings.collector:
        return
    if metrics.profile != "full":
        for number, expression in enumerate(metrics.include_metrics):
            if everything(expression):
                yield Issue(
                    f"metrics.includeMetrics.{number}",
                    f"metrics.includeMetrics[{number}] matches everything, as the profile full does and at its cost",
                    "name what you miss, or set metrics.profile: full",
                )
    else:
        yield Issue(
            "metrics.profile",
            "metrics.profile is full: 1.7 times the series of dashboards, and no published dashboard reads the rest",
            "use dashboards, and add what you miss with metrics.includeMetrics",
        )
