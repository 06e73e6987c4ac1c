"""A collector's configuration, as the same data for all collectors."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xscaler_istio.rendered.destination import Destination
    from xscaler_istio.rendered.relabeling import RelabelRule

# The forms of metrics.histograms.
CLASSIC, NATIVE, BOTH = "classic", "native", "both"
# What a scrape reports of itself: up and scrape_*.
OF_A_SCRAPE = 5
# The message of remote write 2.0, as the settings of all collectors name it.
REMOTE_WRITE_2 = "io.prometheus.write.v2.Request"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """One scrape job. Durations and sizes as written; empty and 0 mean no limit, no namespaces all of them.

    `histograms` is the form in which its metric rules see histograms: native ones have no `le` and no name's ending.
    """

    name: str
    path: str
    interval: str
    timeout: str
    namespaces: tuple[str, ...]
    sample_limit: int
    body_size_limit: str
    histograms: str
    target_rules: tuple[RelabelRule, ...]
    metric_rules: tuple[RelabelRule, ...]


@dataclasses.dataclass(frozen=True)
class Scraping:
    """A collector's jobs and destination, and the form in which it sends histograms.

    `carries_native` is whether its pushes can have native ones: it sends remote write 2.0, with native histograms on.
    """

    jobs: tuple[Job, ...]
    destination: Destination
    histograms: str
    carries_native: bool


def is_of_a_scrape(name: str) -> bool:
    """Return whether a scrape reports a series of this name of itself."""
    return name == "up" or name.startswith("scrape_")


def sent_as(family: str, histograms: str) -> str:
    """Return the name of the series of a family of metrics in a form of histograms: a native one has no ending."""
    return family.removesuffix("_bucket") if histograms == NATIVE else family


def form(*, native: bool, classic: bool) -> str:
    """Return the form of histograms that are sent as native ones, and as classic ones (also) if `classic`."""
    if not native:
        return CLASSIC
    return BOTH if classic else NATIVE


def form_of_jobs(jobs: Iterable[Job]) -> str:
    """Return the form in which jobs together pass on histograms that they convert."""
    forms = {job.histograms for job in jobs}
    return forms.pop() if len(forms) == 1 else form(native=forms != {CLASSIC} and bool(forms), classic=True)
