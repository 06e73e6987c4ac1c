"""What the chart's data files say of Istio's metrics: their labels, and what each profile keeps."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import yaml

from xscaler_istio.rendered import documents
from xscaler_istio.system.errors import SetupError

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
    """A histogram of which these `le` alone stay; `metric` is an expression."""

    metric: str
    le: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Profile:
    """`files/profiles/<name>.yaml`: expressions of what is kept and dropped, by job."""

    keep: Mapping[str, tuple[str, ...]]
    drop: Mapping[str, tuple[str, ...]]
    thinned: Mapping[str, tuple[Thinned, ...]]


@dataclasses.dataclass(frozen=True)
class Facts:
    """Of one chart and one profile."""

    labels: Labels
    profile: Profile


def read(chart: Path, profile: str) -> Facts:
    """Read a chart's data files; raise SetupError where one cannot be read."""
    labels = _load(chart / "files" / "labels.yaml")
    kept = _load(chart / "files" / "profiles" / f"{profile}.yaml")
    try:
        return Facts(
            Labels(
                _lists(labels["groups"]),
                {job: _lists(families) for job, families in labels["families"].items()},
                tuple(labels["customTags"]),
            ),
            Profile(
                _lists(kept["keep"]),
                _lists(kept["drop"]),
                {
                    job: tuple(Thinned(item["metric"], tuple(item["le"])) for item in items)
                    for job, items in kept["thinned"].items()
                },
            ),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise SetupError(f"a data file of {chart} lacks {error}", "use the plugin that came with this chart") from error


def _lists(mapping: Mapping[str, list[str]]) -> Mapping[str, tuple[str, ...]]:
    return {key: tuple(items) for key, items in mapping.items()}


def _load(file: Path) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = documents.load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise SetupError(f"cannot read {file}", "name a chart with --chart") from error
    return loaded
