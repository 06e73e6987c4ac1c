"""A release as it is rendered, with what is needed to say what it does."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from xscaler_istio import helm
from xscaler_istio.rendered.release import Release
from xscaler_istio.summary import summarize
from xscaler_istio.summary.metrics import SeriesFacts, series_facts

if TYPE_CHECKING:
    from xscaler_istio.summary.model import Summary


@dataclasses.dataclass(frozen=True)
class Rendering:
    """A release, and what is known of the series of Istio's metrics."""

    release: Release
    series: SeriesFacts

    @classmethod
    def of(cls, inputs: helm.Inputs, name: str = "") -> Rendering:
        """Render a release; raises ChartError where Helm or the chart refuses, which says it of `name`."""
        with helm.Beside() as beside:
            values = beside.start(helm.merged(inputs.chart, inputs.values))
            try:
                text, _ = beside.start(helm.rendered(inputs)).result()
                release = Release.of(text)
            except helm.ChartError as error:
                message = f"{name}: {error.message}" if name else error.message
                raise helm.ChartError(
                    message, error.problems, error.warnings, flag=error.flag, fix=error.fix
                ) from error
            return cls(release, series_facts(inputs.chart, values.result()[0]))

    def summary(self) -> Summary:
        """Say what it does."""
        return summarize(self.release, self.series)
