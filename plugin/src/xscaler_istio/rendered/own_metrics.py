"""What a program says of itself: its targets, and what became of what it sent; readers that several entries share."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

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
    """Samples or lines since the start: taken by xScaler, rejected permanently, waiting, and sent again."""

    delivered: int
    failed: int
    waiting: int
    retried: int


def metric(page: str, name: str) -> int:
    """Return the sum of a metric's series on a page in the text format, 0 where there is none."""
    found = re.findall(rf"(?m)^{name}(?:\{{.*\}})? (\S+)$", page)
    return int(sum(map(float, found)))


def targets_of_api(port: int) -> ReadTargets:
    """Return a reader of Prometheus' API of targets."""

    def targets(fetch: Fetch, jobs: tuple[str, ...]) -> tuple[Target, ...]:  # noqa: ARG001 - one shape
        listed = json.loads(fetch(port, "/api/v1/targets?state=active"))["data"]["activeTargets"]
        return tuple(Target(t["scrapePool"], t["scrapeUrl"], t["health"], t["lastError"]) for t in listed)

    return targets


def pushes_of_remote_storage(port: int) -> ReadPushes:
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


# How the remote storage logs what was refused.
REMOTE_STORAGE_REFUSAL = re.compile(
    r"(?:non-recoverable error|Failed to send batch).*?err=(?P<reason>\"(?:[^\"\\]|\\.)*\"|\S+)"
)


def last_reason(log: str, pattern: re.Pattern[str]) -> str:
    """Return why the last push failed, as the log says it, or nothing."""
    found = list(pattern.finditer(log))
    return found[-1]["reason"].strip('"').replace('\\"', '"') if found else ""
