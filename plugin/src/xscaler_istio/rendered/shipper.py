"""The plugin's knowledge of a program that sends telemetry: the entry of a collector or of the log agent."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from xscaler_istio.rendered.scraping import Scraping

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from xscaler_istio.rendered.local_start import Override, Surroundings
    from xscaler_istio.rendered.own_metrics import ReadPushes, ReadTargets

    # A parsed configuration: maps, lists and values, arbitrary by nature; `read` makes data of it.
    Tree = Any

Meaning = TypeVar("Meaning")


@dataclasses.dataclass(frozen=True)
class Validator:
    """The program that judges a configuration, its arguments before the file, and what precedes the file."""

    program: str
    arguments: tuple[str, ...]
    prefix: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shipper(Generic[Meaning]):
    """All that depends on which program it is.

    `program` runs with a configuration and `validator` judges one; `where_to_get` has both, but for those that
    system/programs.py knows. `parse` makes a tree of the text and `read` data of the tree; `rest` is the tree without
    what that data says. For a local test `overrides` lists what to change in the text, `apply` changes it, and
    `command` turns the container's arguments into those of this machine. `metrics_port` serves its own metrics, from
    which `pushes` reads what became of what it sent; `refusal` finds the reason in its log.
    """

    program: str
    where_to_get: Mapping[str, str]
    validator: Validator
    metrics_port: int
    parse: Callable[[str], Tree]
    read: Callable[[Tree], Meaning]
    rest: Callable[[Tree], Tree]
    overrides: Callable[[str, Surroundings], tuple[Override, ...]]
    apply: Callable[[str, Sequence[Override]], str]
    command: Callable[[Sequence[str], Path, Surroundings], list[str]]
    pushes: ReadPushes
    refusal: re.Pattern[str]


@dataclasses.dataclass(frozen=True)
class IgnoredKeys:
    """Keys of its block or of `metrics` that a collector ignores or reads otherwise; `*` is each kind of targets."""

    keys: tuple[str, ...]
    why: str
    what: str = "has no effect"
    fix: str = "remove it"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Collector(Shipper[Scraping]):
    """The entry of a collector.

    `config_file` is the name of its configuration in the ConfigMap, which no other has; `targets` reads from its
    API what it scrapes.
    """

    config_file: str
    targets: ReadTargets
    ignored: tuple[IgnoredKeys, ...] = ()
