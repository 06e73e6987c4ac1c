"""What a report about a release is about: the release, its cluster and values, with nothing secret."""

from __future__ import annotations

import dataclasses
import datetime
from typing import TYPE_CHECKING

from xscaler_istio import __version__
from xscaler_istio.values import excerpt

if TYPE_CHECKING:
    from xscaler_istio.findings.findings import KubeContext
    from xscaler_istio.live.installation import Installation
    from xscaler_istio.values.settings import Settings


@dataclasses.dataclass(frozen=True, kw_only=True)
class AboutRelease:
    """The subject of a report: `changed` are the values set for the release, masked, by key; dates are in UTC.

    `collector` is its name and the version in its image's tag.
    """

    date: datetime.datetime
    release: str
    namespace: str
    cluster: KubeContext
    chart_version: str
    plugin_version: str
    collector: str
    changed: tuple[tuple[str, str], ...]


def about(installation: Installation, settings: Settings) -> AboutRelease:
    """Return the subject of a test now, of a release with these settings; raise as Installation does."""
    tag = settings.collector.image.tag if settings.collector else ""
    return AboutRelease(
        date=datetime.datetime.now(datetime.timezone.utc),
        release=installation.release,
        namespace=installation.namespace,
        cluster=installation.access.cluster,
        chart_version=installation.chart_version(),
        plugin_version=__version__,
        collector=f"{settings.metrics.collector} {tag}".strip(),
        changed=tuple((key, excerpt.shown(key, value)) for key, value in installation.given().changed().items()),
    )
