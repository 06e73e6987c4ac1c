"""What a rendered release does, in words: only from the manifests, whatever the values and the collector are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.summary import accounts, destinations, logs, metrics
from xscaler_istio.summary.model import Summary

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from xscaler_istio.rendered.release import Release
    from xscaler_istio.summary.metrics import SeriesFacts
    from xscaler_istio.summary.model import Section
    from xscaler_istio.summary.sample import Selection


def summarize(release: Release, series: SeriesFacts, known: Collection[Selection] = ()) -> Summary:
    """Say what a release does, but for what jobs with `known` selections keep.

    Jobs are those of the first shard: the others differ in their targets only.
    """
    return Summary(tuple(_sections(release, series, known)))


def overview(release: Release, profile: str) -> Summary:
    """Say what matters most of a release, on one screen; the profile is the only fact that no manifest has."""
    collector = "".join(config.collector for config in release.collectors[:1])
    return Summary(
        (
            destinations.overview_section(release.destinations),
            metrics.overview_section(release.scraping, collector, len(release.collectors), profile),
            logs.overview_section(release.log_reading),
            accounts.overview_section(release.manifests),
        )
    )


def _sections(release: Release, series: SeriesFacts, known: Collection[Selection]) -> Iterator[Section]:
    jobs = tuple(job for first in release.scraping[:1] for job in first.jobs)
    yield destinations.endpoints_section(release.destinations)
    yield metrics.jobs_section(jobs, known)
    form = "".join(first.histograms for first in release.scraping[:1])
    yield metrics.labels_section(jobs, series, form)
    yield metrics.histograms_section(release.scraping)
    yield logs.logs_section(release.log_reading)
    yield accounts.permissions_section(release.manifests)
    yield accounts.objects_section(release.manifests)
