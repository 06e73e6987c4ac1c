"""Istio's Telemetry objects, rendered or of a cluster.

Their shape: https://istio.io/latest/docs/reference/config/telemetry/.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    # An object: arbitrary by nature, and read only in this module.
    Document = Mapping[str, Any]

# Later than every time of creation: of several objects Istio uses the oldest.
_STILL_TO_COME = "9999"


@dataclasses.dataclass(frozen=True)
class Logging:
    """One entry of `accessLogging`. `mode` is CLIENT, SERVER or CLIENT_AND_SERVER; `filter` an expression in CEL."""

    providers: tuple[str, ...]
    disabled: bool
    mode: str
    filter: str


@dataclasses.dataclass(frozen=True)
class Tag:
    """A label that a Telemetry object writes, and the expression that gives its value."""

    name: str
    value: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Telemetry:
    """A Telemetry object; `selects`: only some pods of its namespace. `created` orders as text."""

    namespace: str
    name: str
    created: str
    selects: bool
    logging: tuple[Logging, ...]
    tags: tuple[Tag, ...]
    metrics: bool

    def __str__(self) -> str:
        """Name it as findings do."""
        return f"Telemetry {self.namespace}/{self.name}"


def parse(document: Document) -> Telemetry:
    """Parse a Telemetry object of any version: they have the same fields."""
    metadata, spec = document["metadata"], document.get("spec") or {}
    selector = (spec.get("selector") or {}).get("matchLabels")
    return Telemetry(
        namespace=metadata.get("namespace", ""),
        name=metadata.get("name", ""),
        created=metadata.get("creationTimestamp", _STILL_TO_COME),
        selects=bool(selector or spec.get("targetRef") or spec.get("targetRefs")),
        logging=tuple(map(_logging, spec.get("accessLogging") or [])),
        tags=tuple(_tags(spec)),
        metrics=bool(spec.get("metrics")),
    )


def _logging(entry: Document) -> Logging:
    return Logging(
        tuple(item.get("name", "") for item in entry.get("providers") or []),
        bool(entry.get("disabled")),
        (entry.get("match") or {}).get("mode", "CLIENT_AND_SERVER"),
        (entry.get("filter") or {}).get("expression", ""),
    )


def _tags(spec: Document) -> Iterator[Tag]:
    for metric in spec.get("metrics") or []:
        for override in metric.get("overrides") or []:
            for name, change in (override.get("tagOverrides") or {}).items():
                if change.get("operation", "UPSERT") == "UPSERT":
                    yield Tag(name, change.get("value", ""))
