"""The answers of a backend: samples, series, lines."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class NativeHistogram:
    """A native histogram: the sum of its observations, and its buckets that have any, as (from, to, observations)."""

    sum: float
    buckets: tuple[tuple[float, float, float], ...]


@dataclasses.dataclass(frozen=True)
class Sample:
    """One element of an instant vector; the value of a native histogram is its number of observations."""

    labels: Mapping[str, str]
    value: float
    histogram: NativeHistogram | None = None


@dataclasses.dataclass(frozen=True)
class ValuesOverTime:
    """One element of a matrix: values by Unix time in seconds."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


@dataclasses.dataclass(frozen=True)
class LogLine:
    """One line as Loki returns it: its labels (structured metadata among them), its Unix time in seconds, its text."""

    labels: Mapping[str, str]
    time: float
    text: str


@dataclasses.dataclass(frozen=True)
class Window:
    """A range of time to ask for, in Unix seconds, and the step between two points."""

    start: float
    end: float
    step: float

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of query_range, for Prometheus and for Loki."""
        return {"start": f"{self.start:.3f}", "end": f"{self.end:.3f}", "step": f"{self.step:g}"}
