"""What a collector's configuration says, as the same data for all collectors."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xscaler_istio.rendered.destination import Destination
    from xscaler_istio.rendered.relabeling import RelabelRule


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """One scrape job. Durations and sizes as written; empty and 0 mean no limit, no namespaces all of them."""

    name: str
    path: str
    interval: str
    timeout: str
    namespaces: tuple[str, ...]
    sample_limit: int
    body_size_limit: str
    target_rules: tuple[RelabelRule, ...]
    metric_rules: tuple[RelabelRule, ...]


@dataclasses.dataclass(frozen=True)
class Scraping:
    """A collector's jobs and destination."""

    jobs: tuple[Job, ...]
    destination: Destination
