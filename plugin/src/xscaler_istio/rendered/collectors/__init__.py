"""The collectors that the chart renders, by name: one entry each, and the only place that knows their names.

An entry is a module of this folder, which defines COLLECTOR. What depends on the collector asks its entry.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xscaler_istio.rendered.shipper import Collector


class _Entries(Mapping[str, "Collector"]):
    """Entries by name, each imported when it is first asked for: names cost nothing."""

    def __init__(self, modules: Mapping[str, str]) -> None:
        self._modules = modules

    def __getitem__(self, name: str) -> Collector:
        entry: Collector = importlib.import_module(self._modules[name]).COLLECTOR
        return entry

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)

    def __contains__(self, name: object) -> bool:
        return name in self._modules


# By the name in metrics.collector. The first is the chart's default.
MODULES = {name: f"{__name__}.{name}" for name in ("prometheus", "alloy", "opentelemetry")}
COLLECTORS: Mapping[str, Collector] = _Entries(MODULES)
