"""Whether shards and memory carry the mesh, whose size is stated with `--mesh` or in .xscaler.yaml."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from xscaler_istio.checks.registry import Issue, check
from xscaler_istio.findings.findings import Severity
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.values.units import bytes_of, everything, matches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xscaler_istio.checks.case import Case
    from xscaler_istio.checks.facts import Profile

# The comment on metrics.shards.
SERIES_PER_SHARD = 500_000
_BYTES_AT_REST = 100 * 2**20
# Series of a proxy that do not grow with its peers: the agent's and Envoy's, as far as the profile keeps them.
_FIXED: Mapping[str, int] = {"minimal": 1, "dashboards": 40, "full": 375}
# Envoy's bounds, which Istio leaves as they are.
_BOUNDS = "0.5 1 5 10 25 50 100 250 500 1000 2500 5000 10000 30000 60000 300000 600000 1800000 3600000 +Inf".split()
_HISTOGRAMS = ("istio_request_duration_milliseconds", "istio_request_bytes", "istio_response_bytes")


def series_per_combination(profile: Profile, include: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> int:
    """Return how many series of one peer and one response code are sent: of 67, those that are kept.

    One counter and three histograms of 20 buckets, _sum and _count.
    """
    buckets = [(f"{name}_bucket", bound) for name in _HISTOGRAMS for bound in _BOUNDS]
    plain = [(f"{name}_{suffix}", "") for name in _HISTOGRAMS for suffix in ("sum", "count")]
    kept = "|".join((*profile.keep.get("proxies", ()), *include))
    dropped = "|".join((*profile.drop.get("proxies", ()), *exclude))
    thinned = profile.thinned.get("proxies", ())
    return sum(
        bool(matches(kept, [name]))
        and not (dropped and matches(dropped, [name]))
        and all(not matches(rule.metric, [name]) or bound in rule.le for rule in thinned)
        for name, bound in (("istio_requests_total", ""), *buckets, *plain)
    )


def series(case: Case) -> int:
    """Return how many series the proxies of the stated mesh give; 0 where its size is not stated.

    Each proxy has some that are fixed, and those of every combination of peer and response code.
    """
    size, metrics = case.environment.mesh, case.settings.metrics
    if not size or "proxies" not in case.settings.scraped:
        return 0
    each = series_per_combination(case.facts.profile, metrics.include_metrics, metrics.exclude_metrics)
    profile = "full" if any(map(everything, metrics.include_metrics)) else metrics.profile
    return size.proxies * (_FIXED.get(profile, _FIXED["full"]) + each * size.peers * size.codes)


@check("XS260", Severity.WARNING)
def too_few_shards(case: Case) -> Iterator[Issue]:
    """The mesh has more series than the shards carry.

    Why: one collector carries about 500,000 series. Beyond, scrapes take longer than their interval and samples are
    late or missing. The number of series follows from the mesh's size, which `--mesh proxies=,peers=,codes=` or
    `mesh:` in .xscaler.yaml states: each proxy has a fixed number and up to 67 for each peer and response code.
    Without it this is reported as not checked.

    Fix: more shards, or a smaller profile.

    Example:
        metrics:
          shards: 3
    """
    total, shards = series(case), case.settings.metrics.shards
    needed = math.ceil(total / SERIES_PER_SHARD)
    if needed > shards:
        yield Issue(
            "metrics.shards",
            f"metrics.shards is {shards}, and about {total:,} series need {needed}",
            f"set metrics.shards: {needed}, or take a smaller metrics.profile",
        )


@check("XS261", Severity.INFO)
def too_many_shards(case: Case) -> Iterator[Issue]:
    """There are more shards than the mesh needs.

    Why: each shard is a Deployment that watches all pods and holds memory of its own; one carries about 500,000 series.

    Fix: fewer shards. Changing their number moves targets from one to another, which costs nothing but new series
    in their memory.

    Example:
        metrics:
          shards: 1
    """
    total, shards = series(case), case.settings.metrics.shards
    needed = max(1, math.ceil(total / SERIES_PER_SHARD))
    if total and shards > needed:
        yield Issue(
            "metrics.shards",
            f"metrics.shards is {shards}, and about {total:,} series need {needed}",
            f"set metrics.shards: {needed}",
        )


@check("XS262", Severity.WARNING)
def too_little_memory(case: Case) -> Iterator[Issue]:
    """The memory limit is below what the series need.

    Why: memory follows the active series, about 9 KB each in Prometheus and 11 KB in the others. A collector that
    reaches its limit is killed, loses what was not yet sent, and is killed again. The OpenTelemetry Collector refuses
    scrapes before that. Checked with the mesh's size, as XS260.

    Fix: a higher limit, more shards, or a smaller profile.

    Example:
        prometheus:
          resources:
            limits:
              memory: 4Gi
    """
    collector, name = case.settings.collector, case.settings.metrics.collector
    if not collector:
        return
    limit, total = bytes_of(collector.resources.limits.get("memory", "")), series(case)
    if not limit or not total:
        return
    needed = total / case.settings.metrics.shards * COLLECTORS[name].bytes_per_series
    if needed + _BYTES_AT_REST > limit:
        amount = math.ceil((needed + _BYTES_AT_REST) / 2**20)
        key = f"{name}.resources.limits.memory"
        yield Issue(
            key,
            f"{key} is {limit / 2**20:,.0f} MiB, and about {total:,} series in {case.settings.metrics.shards} shard"
            f"{'s' if case.settings.metrics.shards > 1 else ''} need {amount:,} MiB each",
            f"set {key}: {amount}Mi, or raise metrics.shards",
        )
