"""What a collector says of itself: its targets, and what became of what it sent. One reader a collector."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    # Port and path of a page, to its text.
    Fetch = Callable[[int, str], str]
    ReadTargets = Callable[[Fetch, tuple[str, ...]], "tuple[Target, ...]"]
    ReadPushes = Callable[[Fetch], "Pushes"]


@dataclasses.dataclass(frozen=True)
class Target:
    """One target: the job that found it, its health (up, down or unknown) and the last error."""

    job: str
    url: str
    health: str
    error: str


@dataclasses.dataclass(frozen=True)
class Pushes:
    """Samples or lines since the start: taken by xScaler, refused for good, waiting, and sent again."""

    delivered: int
    failed: int
    waiting: int
    retried: int


@dataclasses.dataclass(frozen=True)
class Collector:
    """How one collector is asked, and what a refusal looks like in its log."""

    targets: ReadTargets
    pushes: ReadPushes
    refusal: re.Pattern[str]


def metric(page: str, name: str) -> int:
    """Return the sum of a metric's series on a page in the text format, 0 where there is none."""
    found = re.findall(rf"(?m)^{name}(?:\{{.*\}})? (\S+)$", page)
    return int(sum(map(float, found)))


def _of_api(port: int) -> ReadTargets:
    """Return a reader of Prometheus' API of targets."""

    def targets(fetch: Fetch, jobs: tuple[str, ...]) -> tuple[Target, ...]:  # noqa: ARG001 - one shape
        listed = json.loads(fetch(port, "/api/v1/targets?state=active"))["data"]["activeTargets"]
        return tuple(Target(t["scrapePool"], t["scrapeUrl"], t["health"], t["lastError"]) for t in listed)

    return targets


def _of_components(fetch: Fetch, jobs: tuple[str, ...]) -> tuple[Target, ...]:
    """Read what Alloy's scraping components say of themselves."""

    def attributes(block: Mapping[str, Any]) -> dict[str, str]:
        values = [item for item in block["body"] if item["type"] == "attr" and item["value"]["type"] == "string"]
        return {item["name"]: item["value"]["value"] for item in values}

    def read() -> Iterator[Target]:
        for job in jobs:
            component = json.loads(fetch(12345, f"/api/v0/web/components/prometheus.scrape.{job}"))
            for block in component.get("debugInfo") or []:
                found = attributes(block)
                yield Target(job, found["url"], found["health"], found.get("last_error", ""))

    return tuple(read())


def _of_remote_storage(port: int) -> ReadPushes:
    """Return a reader of Prometheus' remote storage, in which a sample counts each time it is sent.

    The time of the newest sample that is done with stays 0 until a first one is.
    """

    def pushes(fetch: Fetch) -> Pushes:
        page = fetch(port, "/metrics")
        sent, failed, waiting, retried = (
            metric(page, f"prometheus_remote_storage_samples_{name}")
            for name in ("total", "failed_total", "pending", "retried_total")
        )
        done_with = metric(page, "prometheus_remote_storage_queue_highest_sent_timestamp_seconds")
        return Pushes(max(0, sent - failed - retried) if done_with else 0, failed, waiting, retried)

    return pushes


def _of_exporter(fetch: Fetch) -> Pushes:
    page = fetch(8888, "/metrics")
    names = ("sent_metric_points", "send_failed_metric_points", "queue_size")
    delivered, failed, waiting = (metric(page, f"otelcol_exporter_{name}(?:_total)?") for name in names)
    return Pushes(delivered, failed, waiting, 0)


def of_log_agent(fetch: Fetch) -> Pushes:
    """Read what a log agent sent, in lines."""
    page = fetch(12345, "/metrics")
    names = ("sent_entries_total", "dropped_entries_total", "batch_retries_total")
    delivered, failed, retried = (metric(page, f"loki_write_{name}") for name in names)
    return Pushes(delivered, failed, 0, retried)


_REMOTE_WRITE = re.compile(r"(?:non-recoverable error|Failed to send batch).*?err=(?P<reason>\"(?:[^\"\\]|\\.)*\"|\S+)")
COLLECTORS: Mapping[str, Collector] = {
    "prometheus": Collector(_of_api(9090), _of_remote_storage(9090), _REMOTE_WRITE),
    "alloy": Collector(_of_components, _of_remote_storage(12345), _REMOTE_WRITE),
    "opentelemetry": Collector(
        _of_api(9090), _of_exporter, re.compile(r"Exporting failed.*?\"error\": (?P<reason>\"(?:[^\"\\]|\\.)*\")")
    ),
}
LOG_REFUSAL = re.compile(r"(?:final error|error) sending batch.*?error=(?P<reason>\"(?:[^\"\\]|\\.)*\"|\S+)")


def last_reason(log: str, pattern: re.Pattern[str]) -> str:
    """Return why the last push failed, as the log says it, or nothing."""
    found = list(pattern.finditer(log))
    return found[-1]["reason"].strip('"').replace('\\"', '"') if found else ""
