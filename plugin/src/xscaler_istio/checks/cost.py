"""Scrape intervals and the profile: what they cost, and what queries expect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.checks.registry import Issue, check
from xscaler_istio.findings.findings import Severity
from xscaler_istio.values.units import everything, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xscaler_istio.checks.case import Case

CHEAP_SECONDS = 15
# Four scrapes at Grafana's default interval for a data source, 15 s.
RATE_WINDOW_SECONDS = 60


@check("XS210", Severity.WARNING)
def short_interval(case: Case) -> Iterator[Issue]:
    """A scrape interval is shorter than 15 s.

    Why: the number of samples grows as the interval shrinks, and with it the bill and the collector's work: 5 s sends
    six times as many samples as 30 s. Istio's dashboards show rates over a minute and more and gain nothing.

    Fix: use 15s or longer; 30s is the default.

    Example:
        metrics:
          scrapeInterval: 30s
    """
    for key, interval in case.settings.intervals.items():
        if seconds(interval) < CHEAP_SECONDS:
            usual = seconds(case.defaults.metrics.scrape_interval) / seconds(interval)
            yield Issue(
                key,
                f"{key} is {interval}, which sends {usual:.0f} times as many samples as"
                f" {case.defaults.metrics.scrape_interval}",
                f"use {CHEAP_SECONDS}s or longer",
            )


@check("XS211", Severity.WARNING)
def timeout_as_long_as_interval(case: Case) -> Iterator[Issue]:
    """The scrape timeout is as long as a scrape interval.

    Why: the collector gives up on a target that hangs only when its next scrape is due, so its scrapes follow each
    other without a pause. The chart refuses a timeout longer than metrics.scrapeInterval (XS100); for a kind of target
    with a shorter interval it shortens the timeout to that interval.

    Fix: make metrics.scrapeTimeout shorter than the interval.

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
                f"{key} ({interval}) is not longer than metrics.scrapeTimeout ({timeout})",
                f"set metrics.scrapeTimeout below {interval}",
            )


@check("XS212", Severity.WARNING)
def rate_interval_trap(case: Case) -> Iterator[Issue]:
    """A scrape interval is longer than a minute.

    Why: `rate()` needs two samples in its window. Grafana's `$__rate_interval` is four times the scrape interval *in
    the settings of the data source*, which is 15 s by default. A window of one minute has at most one sample of a
    target that is scraped every two minutes, and panels stay empty although the data is there.

    Fix: use 1m or less, or set "Scrape interval" in Grafana's data source to the longest interval in use.

    Example:
        metrics:
          scrapeInterval: 1m
    """
    for key, interval in case.settings.intervals.items():
        if RATE_WINDOW_SECONDS < seconds(interval) <= 300:
            yield Issue(
                key,
                f"{key} is {interval}: graphs with $__rate_interval stay empty if Grafana's data source has a shorter"
                " scrape interval",
                f'use 1m or less, or set "Scrape interval" of Grafana\'s data source to {interval}',
            )


@check("XS213", Severity.INFO)
def full_profile(case: Case) -> Iterator[Issue]:
    """The profile `full` keeps metrics that no dashboard reads.

    Why: `full` has about twice as many series as `dashboards`, and costs as much more. Each peer and response code of a
    proxy adds 67 series with `full` and 39 with `dashboards`. Istio's dashboards, Kiali and Grafana's mixins read
    nothing beyond `dashboards` and metrics.proxyDetails.

    An expression in metrics.includeMetrics that matches everything, such as `.+`, turns any profile into `full`.

    Fix: use `dashboards`, and add what you miss with metrics.includeMetrics.

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
                    f"metrics.includeMetrics[{number}] matches every metric and costs as much as the profile full",
                    "name the metrics that you miss, or set metrics.profile: full",
                )
    else:
        yield Issue(
            "metrics.profile",
            "metrics.profile full sends about twice as many series as the profile dashboards, and no published"
            " dashboard reads the additional ones",
            "set metrics.profile: dashboards, and add what you miss with metrics.includeMetrics",
        )
