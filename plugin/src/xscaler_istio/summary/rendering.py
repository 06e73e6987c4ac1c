"""A rendered release, with what is needed to say what it does."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from xscaler_istio import helm
from xscaler_istio.rendered.release import Release
from xscaler_istio.summary import overview, sample, summarize
from xscaler_istio.summary.metrics import SeriesFacts, series_facts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from xscaler_istio.helm.answer import Answer
    from xscaler_istio.summary.model import Summary
    from xscaler_istio.summary.sample import Selection


@dataclasses.dataclass(frozen=True)
class Rendering:
    """A release, what is known of the series of Istio's metrics, and the profile of its values."""

    release: Release
    series: SeriesFacts
    profile: str

    @classmethod
    def of(cls, inputs: helm.Inputs, name: str = "") -> Rendering:
        """Render a release; raises ChartError where Helm or the chart refuses, which says it of `name`."""
        (found,) = cls.each(((inputs, name),))
        return found

    @classmethod
    def each(cls, releases: Iterable[tuple[helm.Inputs, str]]) -> Iterator[Rendering]:
        """Render releases beside each other, and yield them in their order; raises as `of` at the first refused."""
        with helm.Beside() as beside:
            runs = [(item, name, beside.start(helm.rendered_with_values(item))) for item, name in releases]
            for item, name, run in runs:
                try:
                    answer = run.result()
                except helm.ChartError as error:
                    if not name:
                        raise
                    raise error.about(name) from error
                yield cls.read(item.chart, answer)

    @classmethod
    def read(cls, chart: Path, answer: Answer) -> Rendering:
        """Read what Helm answered for a chart."""
        settings = answer.effective.settings_of_any_version()
        return cls(Release.of(answer.text), series_facts(chart, settings), settings.metrics.profile)

    def summary(self, known: Collection[Selection] = ()) -> Summary:
        """Say what it does, but for what jobs with `known` selections keep: to work that out takes longest."""
        return summarize(self.release, self.series, known)

    def overview(self) -> Summary:
        """Say what matters most, on one screen."""
        return overview(self.release, self.profile)

    def selections(self) -> frozenset[Selection]:
        """Return what decides about what its jobs keep."""
        return frozenset(sample.selection(job) for job in self.release.jobs)
