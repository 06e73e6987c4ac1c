"""One rendered release, with what is needed to say what it does."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from xscaler_istio import helm, render
from xscaler_istio.summary import summarize
from xscaler_istio.summary.metrics import SeriesFacts, series_facts

if TYPE_CHECKING:
    from xscaler_istio.render import Manifest
    from xscaler_istio.summary.model import Summary


@dataclasses.dataclass(frozen=True)
class Rendered:
    """Manifests, and what is known of the series of Istio's metrics."""

    manifests: tuple[Manifest, ...]
    series: SeriesFacts

    @classmethod
    def of(cls, release: helm.Release, name: str = "") -> Rendered:
        """Render a release; raises ChartError where Helm or the chart refuses, which says it of `name`."""
        # Two starts of Helm beside each other take as long as one.
        with ThreadPoolExecutor(2) as pool:
            values = pool.submit(helm.effective_values, release.chart, release.values)
            try:
                manifests = render.manifests(pool.submit(helm.template, release).result())
            except helm.ChartError as error:
                message = f"{name}: {error.message}" if name else error.message
                raise helm.ChartError(
                    message, error.problems, error.warnings, flag=error.flag, fix=error.fix
                ) from error
            return cls(manifests, series_facts(release.chart, values.result()))

    def summary(self) -> Summary:
        """Say what it does."""
        return summarize(self.manifests, self.series)
