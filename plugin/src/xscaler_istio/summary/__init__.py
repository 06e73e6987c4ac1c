"""What a rendered release does, in words: from the manifests alone, whatever the values and the collector are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.rendered import manifests, scraping
from xscaler_istio.summary import logs, metrics, objects
from xscaler_istio.summary.model import Section, Summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xscaler_istio.rendered.manifests import Manifest
    from xscaler_istio.summary.metrics import SeriesFacts


def summarize(rendered: tuple[Manifest, ...], series: SeriesFacts) -> Summary:
    """Say what these manifests do. Jobs are those of the first shard: the others differ in their targets alone."""
    return Summary(tuple(_sections(rendered, series)))


def _sections(rendered: tuple[Manifest, ...], series: SeriesFacts) -> Iterator[Section]:
    agents = manifests.log_configs(rendered)
    collectors = [scraping.read(config.collector, config.text) for config in manifests.collector_configs(rendered)[:1]]
    jobs = tuple(job for collector in collectors for job in collector.jobs)
    yield metrics.jobs_section(jobs)
    yield metrics.labels_section(jobs, series)
    yield logs.logs_section(agents)
    metrics_go = [metrics.destination_subject("metrics", collector.destination) for collector in collectors]
    logs_go = [metrics.destination_subject("logs", scraping.destination(agent)) for agent in agents[:1]]
    yield Section("endpoints", (*metrics_go, *logs_go))
    yield objects.permissions_section(rendered)
    yield objects.objects_section(rendered)
