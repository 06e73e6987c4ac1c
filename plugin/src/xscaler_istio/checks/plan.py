"""What the account holds (`xscaler.plan`), compared with what the values send."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from xscaler_istio.checks import sizing
from xscaler_istio.checks.registry import Issue, check
from xscaler_istio.findings.findings import Severity
from xscaler_istio.rendered.scraping import NATIVE, OF_A_SCRAPE
from xscaler_istio.values.units import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xscaler_istio.checks.case import Case

_KEY = "xscaler.plan.activeSeries"
# xScaler warns by mail from here on, and so does the alert XScalerIstioPlanNearlyFull.
_NEARLY_FULL = 0.8
# Both proxies of a request write a line, which as TEXT has about so many bytes (docs/logs.md, Cost).
LINES_OF_A_REQUEST, _BYTES_A_LINE = 2, 430
# The names of sizes, which are panels only.
SIZES = "istio_(request|response)_bytes.*"
# What helps where no change of the values does.
OTHERWISE = "scrape fewer namespaces (metrics.namespaces), or take a larger plan"


@dataclasses.dataclass(frozen=True)
class _Choice:
    """A profile and a form of histograms, maybe without sizes, and the series that the stated mesh then has."""

    profile: str
    histograms: str
    series: int
    sizes: bool = True


@dataclasses.dataclass(frozen=True)
class LogBytes:
    """Bytes of access logs a second: those that proxies write, those that are sent, and the plan's; 0 is not stated."""

    written: float
    sent: float
    limit: int

    @property
    def over(self) -> bool:
        """Whether more is sent than the plan takes."""
        return bool(self.limit) and self.sent > self.limit

    @property
    def fitting_percent(self) -> int:
        """The largest logs.sampling.successPercent with which the lines fit; 0 where none does."""
        return math.floor(self.limit / self.written * 100)


def log_bytes(case: Case, lines: float) -> LogBytes | None:
    """Return what so many lines a second are, all of successful requests as TEXT; None without lines or their agent."""
    logs, written = case.settings.logs, lines * _BYTES_A_LINE
    if not logs.enabled or not written:
        return None
    limit = case.settings.xscaler.plan.log_bytes_per_second
    return LogBytes(written, written * logs.sampling.success_percent / 100, limit)


def series(case: Case) -> int:
    """Return the series of the stated mesh's proxies, with those of their scrapes; 0 where it has none."""
    metrics = case.settings.metrics
    return _choice(case, metrics.profile, metrics.histograms).series


def _choice(case: Case, profile: str, histograms: str, *, sizes: bool = True) -> _Choice:
    size = case.environment.mesh
    found = sizing.series_with(case, profile, histograms, () if sizes else (SIZES,))
    return _Choice(profile, histograms, found + OF_A_SCRAPE * size.proxies if size and found else 0, sizes)


def _smaller(case: Case, now: _Choice) -> tuple[_Choice, ...]:
    """Return what has fewer series, the least lossy first.

    Native histograms lose no percentile; then sizes go, then come smaller profiles, the one that shows most first.
    """
    known = case.facts.profiles
    profiles = sorted(known, key=lambda name: -known[name].rank)
    found = [_choice(case, now.profile, NATIVE)]
    for form in (now.histograms, NATIVE):
        found.append(_choice(case, now.profile, form, sizes=False))
        found += [_choice(case, profile, form, sizes=sizes) for sizes in (True, False) for profile in profiles]
    return tuple(dict.fromkeys(choice for choice in found if choice.series < now.series))


def _fix(case: Case, now: _Choice, limit: float) -> str:
    """Return the first change that fits; if none does, the smallest and what else there is."""
    smaller = _smaller(case, now)
    if not smaller:
        return OTHERWISE
    fits = next((choice for choice in smaller if choice.series <= limit), None)
    chosen = fits or min(smaller, key=lambda choice: choice.series)
    keys = {"profile": chosen.profile, "histograms": chosen.histograms}
    values = [f"metrics.{key}: {value}" for key, value in keys.items() if value != getattr(now, key)]
    changed = [f"set {' and '.join(values)}"] if values else []
    changed += [] if chosen.sizes else [f"add {SIZES} to metrics.excludeMetrics"]
    return f"{', and '.join(changed)}: about {chosen.series:,} series{'' if fits else f'; then {OTHERWISE}'}"


def _judged(case: Case) -> tuple[int, _Choice] | None:
    """Return the plan and what the stated mesh has; None where one of them is not stated."""
    metrics, plan = case.settings.metrics, case.settings.xscaler.plan.active_series
    now = _choice(case, metrics.profile, metrics.histograms)
    return (plan, now) if plan and now.series else None


@check("XS216", Severity.ERROR)
def shorter_than_the_plan(case: Case) -> Iterator[Issue]:
    """A scrape interval is shorter than the plan admits.

    Why: a plan of xScaler has a shortest scrape interval, and xScaler's gateway knows it. What it does with samples
    that come more often is not public; its usage pages show the interval as a weighted mean. This needs
    xscaler.plan.minScrapeInterval.

    Fix: use the interval of the plan or a longer one.

    Example:
        xscaler:
          plan:
            minScrapeInterval: 30s
        metrics:
          scrapeInterval: 30s
    """
    shortest = case.settings.xscaler.plan.min_scrape_interval
    for key, interval in case.settings.intervals.items() if shortest else ():
        if seconds(interval) < seconds(shortest):
            message = f"{key} is {interval}, and the shortest interval of the plan is {shortest}"
            yield Issue(key, f"{message} (xscaler.plan.minScrapeInterval)", f"set {key}: {shortest}")


@check("XS263", Severity.ERROR)
def over_the_plan(case: Case) -> Iterator[Issue]:
    """The mesh has more series than the plan holds.

    Why: when a plan is full, xScaler rejects series. Either all pushes get 429 until the plan has room, or known series
    go on and new ones get 400 (per_user_series_limit): new pods then have no metrics. This needs
    xscaler.plan.activeSeries and the mesh's size (`--mesh`, as XS260). It counts the proxies and the five series of
    each scrape. Control plane, other clusters and other senders of the account come on top.

    Fix: the least lossy change that fits: native histograms keep every percentile; without sizes their panels are
    empty; a smaller profile keeps fewer metrics.

    Example:
        metrics:
          histograms: native
    """
    if judged := _judged(case):
        plan, now = judged
        if now.series > plan:
            over = f"about {now.series:,} series are {now.series - plan:,} more than the plan holds ({_KEY}: {plan:,})"
            yield Issue(_KEY, over, _fix(case, now, plan))


@check("XS264", Severity.WARNING)
def plan_nearly_full(case: Case) -> Iterator[Issue]:
    """The mesh uses more than 80 % of the plan's series.

    Why: pods that are replaced leave series behind that stay active for a while, so a rollout needs room. The control
    plane and other senders of the account count too. xScaler warns by mail at 80 %, and the alert
    XScalerIstioPlanNearlyFull fires.

    Fix: as XS263.

    Example:
        metrics:
          histograms: native
    """
    if judged := _judged(case):
        plan, now = judged
        if plan * _NEARLY_FULL < now.series <= plan:
            share = f"about {now.series:,} series are {now.series / plan:.0%} of the plan ({_KEY}: {plan:,})"
            yield Issue(_KEY, share, _fix(case, now, plan * _NEARLY_FULL))


@check("XS246", Severity.WARNING)
def logs_over_the_plan(case: Case) -> Iterator[Issue]:
    """The access logs have more bytes than the plan takes.

    Why: xScaler rejects lines above the plan with 429. The agent retries, its queue fills, and lines are lost when
    their files are rotated away. This needs xscaler.plan.logBytesPerSecond and the mesh's requests a second (`--mesh
    proxies=,peers=,codes=,requests=`). It counts two lines of TEXT for a request, all of them of successful requests;
    lines of gateways and lines as JSON come on top.

    Fix: sample successful requests, or collect the logs of fewer namespaces.

    Example:
        logs:
          sampling:
            successPercent: 10
    """
    size = case.environment.mesh
    logs = log_bytes(case, size.requests * LINES_OF_A_REQUEST) if size else None
    if not size or not logs or not logs.over:
        return
    more = "collect the logs of fewer namespaces (logs.namespaces)"
    yield Issue(
        "xscaler.plan.logBytesPerSecond",
        f"{size.requests:,} requests a second write about {logs.sent:,.0f} bytes of lines a second,"
        f" {logs.sent - logs.limit:,.0f} more than the plan takes (xscaler.plan.logBytesPerSecond: {logs.limit:,})",
        f"set logs.sampling.successPercent: {logs.fitting_percent}, or {more}" if logs.fitting_percent else more,
    )
