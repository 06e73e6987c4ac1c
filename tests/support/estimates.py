"""What `helm xscaler fit` estimates of generated pods, from what they answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.cluster import discovery, objects
from xscaler_istio.rendered import collectors, responses

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xscaler_istio.local.mesh.placed import Member
    from xscaler_istio.rendered.manifests import CollectorConfig


def estimated(config: CollectorConfig, members: Iterable[Member]) -> int:
    """Return how many series a collector sends of all members."""
    scraping = collectors.COLLECTORS[config.collector].read(config.tree)
    total = 0
    for member in members:
        page = responses.parse(member.page.render(0).decode() if member.page else "")
        for target in discovery.targets(objects.pod(dict(member.pod.manifest)), scraping.jobs):
            total += responses.kept(target.job, target.labels, page, scraping.histograms)
    return total
