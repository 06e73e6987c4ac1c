"""Whether shards and memory are enough for the mesh, whose size is set with `--mesh` or in .xscaler.yaml."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from xscaler_istio.checks.registry import Issue, check
from xscaler_istio.findings.findings import Severity
from xscaler_istio.rendered.scraping import BOTH, CLASSIC, NATIVE
from xscaler_istio.values.units import bytes_of, everything, matches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xscaler_istio.checks.case import Case
    from xscaler_istio.checks.facts import Profile

# Envoy's bounds, which a pod may replace (sidecar.istio.io/statsHistogramBuckets).
BOUNDS = "0.5 1 5 10 25 50 100 250 500 1000 2500 5000 10000 30000 60000 300000 600000 1800000 3600000 +Inf".split()
_HISTOGRAMS = ("istio_request_duration_milliseconds", "istio_request_bytes", "istio_response_bytes")


def series_per_combination(
    profile: Profile, include: tuple[str, ...] = (), exclude: tuple[str, ...] = (), histograms: str = CLASSIC
) -> int:
    """Return how many series of one peer and one response code are sent: of 67, or of 4 native ones, those kept.

    One counter and three histograms: of 20 buckets, _sum and _count each, or of one native series.
    """
    buckets = [(f"{name}_bucket", bound) for name in _HISTOGRAMS for bound in BOUNDS]
    plain = [(f"{name}_{suffix}", "") for name in _HISTOGRAMS for suffix in ("sum", "count")]
    kept = "|".join((*profile.keep.get("proxies", ()), *include))
    dropped = "|".join((*profile.drop.get("proxies", ()), *exclude))
    thinned = profile.thinned.get("proxies", ())
    stay = [
        name
        for name, bound in (("istio_requests_total", ""), *buckets, *plain)
        if matches(kept, [name])
        and not (dropped and matches(dropped, [name]))
        and not any(matches(rule.metric, [name]) and bound in rule.without for rule in thinned)
    ]
    native = sum(name.endswith("_count") for name in stay)
    counters = stay.count("istio_requests_total")
    return {CLASSIC: len(stay), NATIVE: native + counters, BOTH: native + len(stay)}[histograms]


def series(case: Case) -> int:
    """Return how many series the proxies of the stated mesh give; 0 where its size is not stated.

    Each proxy has some that are fixed, and those of every combination of peer and response code.
    """
    metrics = case.settings.metrics
    return series_with(case, metrics.profile, metrics.histograms)


def series_with(case: Case, profile: str, histograms: str, exclude: tuple[str, ...] = ()) -> int:
    """Return what `series` does, with another profile and form of histograms, and without some more metrics."""
    size, metrics = case.environment.mesh, case.settings.metrics
    if not size or "proxies" not in case.settings.scraped:
        return 0
    profiles = case.facts.profiles
    excluded = (*metrics.exclude_metrics, *exclude)
    each = series_per_combination(profiles[profile], metrics.include_metrics, excluded, histograms)
    largest = max(known.fixed for known in profiles.values())
    fixed = profiles[profile].fixed + sum(case.facts.details[name].fixed for name in metrics.proxy_details)
    fixed = largest if any(map(everything, metrics.include_metrics)) else min(fixed, largest)
    return size.proxies * (fixed + each * size.peers * size.codes)


@check("XS260", Severity.WARNING)
def too_few_shards(case: Case) -> Iterator[Issue]:
    """A shard has more series than a shard was planned for.

    Why: docs/scale.md plans with 500,000 series a shard at most. With more, scrapes may take longer than their
    interval, and samples are late or missing. The number of series follows from the mesh's size, which
    `--mesh proxies=,peers=,codes=` or `mesh:` in .xscaler.yaml states: each proxy has a fixed number and up to 67 for
    each peer and response code. Without the size this rule is not checked. XS262 checks the memory.

    Fix: more shards, or a smaller profile.

    Example:
        metrics:
          shards: 3
    """
    total, shards = series(case), case.settings.metrics.shards
    needed = math.ceil(total / case.facts.capacity.most_series)
    if needed > shards:
        yield _shards(shards, total, needed, ", or take a smaller metrics.profile")


@check("XS261", Severity.INFO)
def too_many_shards(case: Case) -> Iterator[Issue]:
    """There are more shards than the mesh needs.

    Why: each shard is a Deployment that watches all pods, and it needs memory for that. A shard carries as many series
    as its memory limit holds (docs/scale.md).

    Fix: fewer shards. When their number changes, targets move between shards, which costs memory for their series only.

    Example:
        metrics:
          shards: 1
    """
    total, shards = series(case), case.settings.metrics.shards
    if not total or not case.settings.collector:
        return
    limit = bytes_of(case.settings.collector.resources.limits.get("memory", ""))
    capacity, name = case.facts.capacity, case.settings.metrics.collector
    carried = capacity.most_series if limit is None else capacity.carried(name, int(limit))
    needed = max(1, math.ceil(total / carried)) if carried else shards
    if shards > needed:
        yield _shards(shards, total, needed)


def _memory(quantity: object, limit: float) -> str:
    """Return a limit in MiB; one that is too small for that as it is written."""
    if limit >= 2**20:
        return f"{limit / 2**20:,.0f} MiB"
    return f"{quantity} (less than a {'byte' if limit < 1 else 'MiB'})"


def _shards(shards: int, total: int, needed: int, otherwise: str = "") -> Issue:
    message = f"metrics.shards is {shards}, and about {total:,} series need {needed}"
    return Issue("metrics.shards", message, f"set metrics.shards: {needed}{otherwise}")


@check("XS262", Severity.WARNING)
def too_little_memory(case: Case) -> Iterator[Issue]:
    """The memory limit is below what the series need.

    Why: memory follows the active series: plan with 13 KB for each in Prometheus, 20 KB in Alloy and 11 KB in the
    OpenTelemetry Collector, so that a rollout of all pods fits too. Kubernetes kills a collector that reaches its
    limit. It loses its unsent samples, and reaches the limit again. The OpenTelemetry Collector stops scraping before
    that. This needs the mesh's size, as XS260 does.

    Fix: a higher limit, with the request as high; more shards; or a smaller profile.

    Example:
        prometheus:
          resources:
            requests:
              memory: 4Gi
            limits:
              memory: 4Gi
    """
    collector, name = case.settings.collector, case.settings.metrics.collector
    if not collector:
        return
    limit, total = bytes_of(collector.resources.limits.get("memory", "")), series(case)
    if not limit or not total:
        return
    capacity, shards = case.facts.capacity, case.settings.metrics.shards
    needed = capacity.needed(name, total / shards)
    if needed > limit:
        amount, less = (math.ceil(capacity.needed(name, total / count) / 2**20) for count in (shards, shards + 1))
        where = "the one shard" if shards == 1 else f"each of the {shards} shards"
        key = f"{name}.resources.limits.memory"
        yield Issue(
            key,
            f"{key} is {_memory(collector.resources.limits['memory'], limit)}, and about {total:,} series need"
            f" {amount:,} MiB of memory in {where}",
            f"set {key} and its request to {amount}Mi, or raise metrics.shards ({shards + 1} shards need {less}Mi"
            " each)",
        )
