"""The course of a run: the state at each moment, and the local xScaler's series over the whole time."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from xscaler_istio.local import questions
from xscaler_istio.wire.answers import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from xscaler_istio.local.xscaler.service import XScaler
    from xscaler_istio.wire.answers import ValuesOverTime


@dataclasses.dataclass(frozen=True, kw_only=True)
class Moment:
    """The state at a Unix time in seconds.

    `targets` are those found, by kind; `accepted` and `refused` (by reason) count samples since the start, `written`
    and `arrived` log lines.
    """

    time: float
    targets: Mapping[str, int]
    accepted: int
    refused: Mapping[str, int]
    written: int
    arrived: int


@dataclasses.dataclass(frozen=True)
class Curve:
    """A query over a range of time: `unit` is Grafana's name, `name` gives the name of a series."""

    title: str
    unit: str
    promql: str
    name: Callable[[Mapping[str, str]], str]


@dataclasses.dataclass(frozen=True)
class Asked:
    """A curve and its answer."""

    curve: Curve
    series: tuple[ValuesOverTime, ...]


@dataclasses.dataclass(frozen=True)
class History:
    """All moments in order, the answers, and their range of time."""

    window: Window
    moments: tuple[Moment, ...]
    asked: tuple[Asked, ...]

    @property
    def span(self) -> Window:
        """The same range for moments, with a step so long that no value between two moments is missing."""
        return dataclasses.replace(self.window, step=self.window.end - self.window.start + 1)


def _service(labels: Mapping[str, str]) -> str:
    return labels.get("destination_service_name", "all")


def _quantile(labels: Mapping[str, str]) -> str:
    return f"{_service(labels)} {labels['quantile']}"


def _pod(labels: Mapping[str, str]) -> str:
    return f"{labels.get('namespace', '')}/{labels.get('pod', '')}"


CURVES = (
    Curve("Requests a second, by service", "reqps", questions.RATE.promql, _service),
    Curve("Requests that fail, by service", "percentunit", questions.ERRORS.promql, _service),
)
# At the last moment.
BARS = (
    Curve("Samples of a scrape that are kept, by pod", "short", "scrape_samples_post_metric_relabeling", _pod),
    Curve("Duration of a scrape, by pod", "s", "scrape_duration_seconds", _pod),
)


async def ask(xscaler: XScaler, moments: Sequence[Moment], interval: int, form: str) -> History:
    """Ask every curve from the first moment to the last, at steps of the scrape `interval` in seconds.

    `form` is that of metrics.histograms.
    """
    latency = Curve("Latency, by service", "ms", questions.latency(form).promql, _quantile)
    window = Window(moments[0].time, moments[-1].time, float(min(interval, 5)))
    asked = [Asked(curve, await xscaler.query_range(curve.promql, window)) for curve in (*CURVES, latency, *BARS)]
    return History(window, tuple(moments), tuple(asked))
