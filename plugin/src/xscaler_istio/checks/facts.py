"""Facts about Istio's metrics from the chart's data files: their labels, and what each profile keeps."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import yaml

from xscaler_istio.rendered import documents
from xscaler_istio.system.errors import SetupError
from xscaler_istio.values.units import bytes_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Labels:
    """`files/labels.yaml`: label names by group, groups by family by job, and the jobs that carry custom tags."""

    groups: Mapping[str, tuple[str, ...]]
    families: Mapping[str, Mapping[str, tuple[str, ...]]]
    custom_tags: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Thinned:
    """A histogram that is kept without the buckets of these `le`; `metric` is an expression."""

    metric: str
    without: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Profile:
    """`files/profiles/<name>.yaml`: expressions for metrics that are kept and dropped, by job.

    `fixed` is how many series of a proxy do not grow with its peers; a profile with a higher `rank` shows more.
    """

    fixed: int
    rank: int
    keep: Mapping[str, tuple[str, ...]]
    drop: Mapping[str, tuple[str, ...]]
    thinned: Mapping[str, tuple[Thinned, ...]]


@dataclasses.dataclass(frozen=True)
class Detail:
    """One of `files/details.yaml`, which metrics.proxyDetails names: expressions, and the series of a proxy."""

    keep: tuple[str, ...]
    fixed: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Capacity:
    """`files/capacity.yaml`: what one shard carries and sends. Memory is in bytes; `bytes_per_series` is by collector.

    `bytes_per_sample` are those on the wire, by collector and form of histograms.
    """

    memory_at_rest: int
    most_series: int
    bytes_per_series: Mapping[str, int]
    bytes_per_sample: Mapping[str, Mapping[str, int]]

    def carried(self, collector: str, memory: int) -> int:
        """Return how many series a shard carries with so much memory."""
        return min(self.most_series, max(0, memory - self.memory_at_rest) // self.bytes_per_series[collector])

    def needed(self, collector: str, series: float) -> float:
        """Return the memory that a shard with so many series needs."""
        return series * self.bytes_per_series[collector] + self.memory_at_rest


@dataclasses.dataclass(frozen=True, kw_only=True)
class Facts:
    """The facts of one chart and the profile of the values; `profiles` has all by name.

    `streams` has how many values each label of log streams has, at least and at most.
    """

    labels: Labels
    profile: Profile
    profiles: Mapping[str, Profile]
    details: Mapping[str, Detail]
    streams: Mapping[str, tuple[int, int]]
    capacity: Capacity


def read(chart: Path, profile: str) -> Facts:
    """Read a chart's data files; raise SetupError if one cannot be read."""
    labels = _load(chart / "files" / "labels.yaml")
    folder = chart / "files" / "profiles"
    names = {profile, *(file.stem for file in folder.glob("*.yaml"))}
    kept = {name: _load(folder / f"{name}.yaml") for name in sorted(names)}
    details = _load(chart / "files" / "details.yaml")
    streams = _load(chart / "files" / "logs" / "streams.yaml")
    capacity = _load(chart / "files" / "capacity.yaml")
    try:
        profiles = {name: _profile(found) for name, found in kept.items()}
        return Facts(
            labels=Labels(
                _lists(labels["groups"]),
                {job: _lists(families) for job, families in labels["families"].items()},
                tuple(labels["customTags"]),
            ),
            profile=profiles[profile],
            profiles=profiles,
            details={name: Detail(tuple(found["keep"]), found["fixed"]) for name, found in details.items()},
            streams={name: tuple(label["values"]) for name, label in streams["access"].items()},
            capacity=Capacity(
                memory_at_rest=int(bytes_of(capacity["memoryAtRest"]) or 0),
                most_series=capacity["mostSeries"],
                bytes_per_series=capacity["bytesPerSeries"],
                bytes_per_sample=capacity["bytesPerSample"],
            ),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise SetupError(f"a data file of {chart} lacks {error}", "use the plugin that came with this chart") from error


def _profile(kept: Mapping[str, Any]) -> Profile:
    return Profile(
        fixed=kept["fixed"],
        rank=kept["rank"],
        keep=_lists(kept["keep"]),
        drop=_lists(kept["drop"]),
        thinned={
            job: tuple(Thinned(item["metric"], tuple(item["without"])) for item in items)
            for job, items in kept["thinned"].items()
        },
    )


def _lists(mapping: Mapping[str, list[str]]) -> Mapping[str, tuple[str, ...]]:
    return {key: tuple(items) for key, items in mapping.items()}


def _load(file: Path) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = documents.load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise SetupError(f"cannot read {file}", "give a chart with --chart") from error
    return loaded
