"""A program's own metrics: its targets, and the outcome of its pushes; readers that several entries share."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    # From port and path to the text of the response.
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pushes:
    """Samples or lines since the start: accepted by xScaler, rejected permanently, waiting, and sent again; and the
    requests of a program that follows redirects that got one as an answer."""

    delivered: int
    failed: int
    waiting: int = 0
    retried: int = 0
    redirected: int = 0


def metric(page: str, name: str, label: str = "") -> int:
    """Return the sum of a metric's series in a response in the text format, 0 without any; with `label` only of the
    series that have it."""
    found = re.findall(rf"(?m)^{name}(?:\{{.*{label}.*\}}){'' if label else '?'} (\S+)$", page)
    return int(sum(map(float, found)))


def targets_of_api(port: int) -> ReadTargets:
    """Return a reader of Prometheus' API of targets."""

    def targets(fetch: Fetch, jobs: tuple[str, ...]) -> tuple[Target, ...]:  # noqa: ARG001 - one shape
        listed = json.loads(fetch(port, "/api/v1/targets?state=active"))["data"]["activeTargets"]
        return tuple(Target(t["scrapePool"], t["scrapeUrl"], t["health"], t["lastError"]) for t in listed)

    return targets


def pushes_of_remote_storage(port: int) -> ReadPushes:
    """Return a reader of Prometheus' remote storage, in which a sample or native histogram counts each time it is sent.

    The time of the newest finished sample stays 0 until there is one.
    """

    def pushes(fetch: Fetch) -> Pushes:
        page = fetch(port, "/metrics")
        sent, failed, waiting, retried = (
            sum(metric(page, f"prometheus_remote_storage_{kind}_{name}") for kind in ("samples", "histograms"))
            for name in ("total", "failed_total", "pending", "retried_total")
        )
        done_with = metric(page, "prometheus_remote_storage_queue_highest_sent_timestamp_seconds")
        delivered = max(0, sent - failed - retried) if done_with else 0
        return Pushes(delivered=delivered, failed=failed, waiting=waiting, retried=retried)

    return pushes


# The remote storage's log lines about refusals.
REMOTE_STORAGE_REFUSAL = re.compile(
    r"(?:non-recoverable error|Failed to send batch).*?err=(?P<reason>\"(?:[^\"\\]|\\.)*\"|\S+)"
)


def last_reason(log: str, pattern: re.Pattern[str]) -> str:
    """Return the reason of the last failed push from a log, or nothing."""
    found = list(pattern.finditer(log))
    return found[-1]["reason"].strip('"').replace('\\"', '"') if found else ""
