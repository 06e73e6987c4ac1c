"""One rendered release, with what is needed to say what it does."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from xscaler_istio import helm
from xscaler_istio.rendered import manifests
from xscaler_istio.summary import summarize
from xscaler_istio.summary.metrics import SeriesFacts, series_facts

if TYPE_CHECKING:
    from xscaler_istio.rendered.manifests import Manifest
    from xscaler_istio.summary.model import Summary


@dataclasses.dataclass(frozen=True)
class Rendered:
    """Manifests, and what is known of the series of Istio's metrics."""

    manifests: tuple[Manifest, ...]
    series: SeriesFacts

    @classmethod
    def of(cls, release: helm.Release, name: str = "") -> Rendered:
        """Render a release; raises ChartError where Helm or the chart refuses, which says it of `name`."""
        with helm.Beside() as beside:
            values = beside.start(helm.merged(release.chart, release.values))
            try:
                text, _ = beside.start(helm.rendered(release)).result()
                found = manifests.manifests(text)
            except helm.ChartError as error:
                message = f"{name}: {error.message}" if name else error.message
                raise helm.ChartError(
                    message, error.problems, error.warnings, flag=error.flag, fix=error.fix
                ) from error
            return cls(found, series_facts(release.chart, values.result()[0]))

    def summary(self) -> Summary:
        """Say what it does."""
        return summarize(self.manifests, self.series)
