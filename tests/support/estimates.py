"""What `helm xscaler fit` estimates of generated pods, from what they answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.cluster import discovery, objects
from xscaler_istio.local import oracle
from xscaler_istio.rendered import collectors, responses, stored
from xscaler_istio.rendered.stored import TARGET_LABEL, SeriesCount

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xscaler_istio.local.mesh.placed import Member
    from xscaler_istio.rendered.manifests import CollectorConfig
    from xscaler_istio.wire.answers import Sample

# The labels by which the command counts stored series.
COUNTED_BY = ("__name__", "le", TARGET_LABEL)


def estimated(config: CollectorConfig, members: Iterable[Member]) -> int:
    """Return how many series a collector sends of all members."""
    scraping = collectors.COLLECTORS[config.collector].read(config.tree)
    total = 0
    for member in members:
        page = responses.parse(member.page.render(0).decode() if member.page else "")
        for target in discovery.targets(objects.pod(dict(member.pod.manifest)), scraping.jobs):
            total += responses.kept(target.job, target.labels, page, scraping.histograms)
    return total


def estimated_of_stored(config: CollectorConfig, counts: Iterable[Sample]) -> int:
    """Return how many series a collector sends, given those of a release that sends more, counted by COUNTED_BY."""
    scraping = collectors.COLLECTORS[config.collector].read(config.tree)
    each = []
    for item in counts:
        name, le, app = (item.labels.get(label, "") for label in COUNTED_BY)
        each.append(SeriesCount(name, le, app, int(item.value)))
    found = stored.kept(each, scraping.jobs, oracle.JOB_LABEL, scraping.histograms)
    return sum(item.series for _, item in found)
