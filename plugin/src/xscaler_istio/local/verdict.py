"""From evidence to a verdict: what was expected, what arrived, and how to mend the difference."""

from __future__ import annotations

import collections
import dataclasses
import re
from typing import TYPE_CHECKING

from xscaler_istio.findings.findings import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from xscaler_istio.local.log_oracle import LogChoices, LogCount
    from xscaler_istio.local.oracle import ExpectedTarget
    from xscaler_istio.local.xscaler.log_gateway import LogAccount

PodName = tuple[str, str]

# What can be judged apart from the rest.
PARTS = ("scraping", "pushing", "logs")

# What targets are called, by their job.
KINDS = {
    "proxies": "sidecars, gateways and waypoints",
    "ztunnel": "ztunnel",
    "istiod": "istiod",
    "cni": "istio-cni",
    "agentgateway": "agentgateway",
    "self": "of the release itself",
}

# What xScaler's Istio page promises, by the kind of target that has it.
REQUIRED = {
    "proxies": (
        "istio_requests_total",
        "istio_request_duration_milliseconds_bucket",
        "istio_request_duration_milliseconds_sum",
        "istio_request_duration_milliseconds_count",
        "istio_request_bytes_bucket",
        "istio_request_bytes_sum",
        "istio_request_bytes_count",
        "istio_response_bytes_bucket",
        "istio_response_bytes_sum",
        "istio_response_bytes_count",
        "istio_tcp_connections_opened_total",
        "istio_build",
    ),
    "ztunnel": ("istio_tcp_connections_opened_total", "istio_build"),
    "istiod": ("pilot_xds_pushes", "istio_build"),
}

# What to do about a refusal, by its reason in the account.
FIXES = {
    "max_label_names_per_series": "remove labels: istio.customTags, extra labels, or tags of a Telemetry object",
    "samples_per_request": "set limits.samplesPerRequest to what xScaler allows",
    "unauthorized": "the token is wrong or expired: renew the Secret that xscaler.auth.existingSecret.name names",
    "scope": "the token may not write: make one with the write scope",
    "tenant": "xscaler.tenantId does not belong to the token",
}


@dataclasses.dataclass(frozen=True)
class Scraped:
    """One `up` series at the backend: its labels without the name, and whether the last scrape worked."""

    labels: Mapping[str, str]
    up: bool

    @property
    def pod(self) -> PodName:
        """Namespace and name."""
        return self.labels.get("namespace", ""), self.labels.get("pod", "")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that was seen from outside the collector.

    `scrapes_per_interval`: scrapes that a pod answered per scrape interval, by pod. `metrics`: the names that
    the backend has; `excluded_metrics`: regular expressions of those that the values exclude.
    """

    expected: tuple[ExpectedTarget, ...]
    scraped: tuple[Scraped, ...]
    scrapes_per_interval: Mapping[PodName, float]
    accepted: int
    rejected: Mapping[str, int]
    metrics: frozenset[str]
    excluded_metrics: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verdict:
    """Expected against found. Targets are named as `namespace/pod`."""

    expected: tuple[str, ...]
    found: tuple[str, ...]
    duplicate: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    down: tuple[str, ...]
    by_kind: Mapping[str, int]
    accepted: int
    rejected_by_reason: Mapping[str, int]
    required: tuple[str, ...]
    missing_metrics: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """All is as it should be."""
        return not self.problems


def judge(evidence: Evidence, parts: Collection[str] = PARTS) -> Verdict:
    """Compare what the pods say must arrive with what did; only problems of these parts count."""
    expected = {target_pod(target): target for target in evidence.expected}
    up = [item for item in evidence.scraped if expected.get(item.pod) and item.labels == expected[item.pod].labels]
    found = {item.pod for item in up}
    promised = {name for target in evidence.expected for name in REQUIRED.get(target.job, ())}
    required = sorted(name for name in promised if not _excluded(name, evidence.excluded_metrics))
    verdict = Verdict(
        expected=_names(expected),
        found=_names(found),
        duplicate=_names(_duplicates(evidence)),
        missing=_names(expected.keys() - found),
        unexpected=_names({item.pod for item in evidence.scraped} - expected.keys()),
        down=_names({item.pod for item in up if not item.up}),
        by_kind=dict(collections.Counter(expected[pod].job for pod in found)),
        accepted=evidence.accepted,
        rejected_by_reason={reason: count for reason, count in evidence.rejected.items() if count},
        required=tuple(required),
        missing_metrics=tuple(name for name in required if name not in evidence.metrics),
        problems=(),
    )
    return dataclasses.replace(verdict, problems=tuple(_problems(verdict, parts)))


def _excluded(name: str, expressions: Iterable[str]) -> bool:
    return any(re.fullmatch(expression, name) for expression in expressions)


def target_pod(target: ExpectedTarget) -> PodName:
    """Return namespace and name of the pod behind a target."""
    return target.labels["namespace"], target.labels["pod"]


def _names(pods: Iterable[PodName]) -> tuple[str, ...]:
    return tuple(sorted(f"{namespace}/{name}" for namespace, name in pods))


@dataclasses.dataclass(frozen=True)
class LogEvidence:
    """What was seen of log lines: the count, what the values chose, the gateway's books, and lines with a secret."""

    count: LogCount
    chosen: LogChoices
    account: LogAccount
    secrets_seen: int


@dataclasses.dataclass(frozen=True)
class LogVerdict:
    """The count of log lines, what was refused, and what is to be mended."""

    count: LogCount
    rejected_by_reason: Mapping[str, int]
    secrets_seen: int
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """All is as it should be."""
        return not self.problems


LOG_FIXES = {
    **FIXES,
    "line_too_long": "set limits.logLineBytes to what xScaler allows",
    "max_label_names_per_series": "set logs.dashboardLabels: false, which adds three labels",
    "rate_limited": "the plan takes less: set logs.sampling.successRatio, or talk to xScaler",
    "too_far_behind": "lines are much older than others of their pod: report it",
    "structured_metadata": "xScaler has structured metadata switched off for this tenant: set logs.fields: none",
}


def judge_logs(evidence: LogEvidence) -> LogVerdict:
    """Compare the lines that were written with those that arrived."""
    rejected = {reason: count for reason, count in evidence.account.rejected.items() if count}
    problems = tuple(_log_problems(evidence, rejected))
    return LogVerdict(evidence.count, rejected, evidence.secrets_seen, problems)


def refusal_reason(text: str) -> str:
    """Return a reason of LOG_FIXES that an answer of Loki speaks of, or an empty string."""
    return "structured_metadata" if "structured metadata" in text else ""


def _log_problems(evidence: LogEvidence, rejected: Mapping[str, int]) -> Iterable[Problem]:
    count, chosen = evidence.count, evidence.chosen
    if count.lost and not chosen.samples:
        yield Problem(f"{count.lost} of {count.written} log lines never arrived", "look at the log agent's log")
    if count.more:
        yield Problem(f"{count.more} log lines arrived more than once", "report it with the agent's configuration")
    if count.foreign and not chosen.masks:
        yield Problem(f"{count.foreign} lines arrived that nobody wrote", "report it with the agent's configuration")
    if chosen.metadata and not count.with_fields:
        yield Problem("no access line came with its fields", "is logs.fields what the tenant has switched on?")
    if chosen.redacts and evidence.secrets_seen:
        yield Problem(f"{evidence.secrets_seen} lines held a query string", "report it: redaction failed")
    for reason, lines in sorted(rejected.items()):
        fix = LOG_FIXES.get(reason, "see docs/troubleshooting.md for this reason")
        yield Problem(f"xScaler refused {lines} log lines: {reason}", fix)
    if reason := refusal_reason(evidence.account.last_refusal):
        yield Problem(f"xScaler refused log lines: {evidence.account.last_refusal[:200]}", LOG_FIXES[reason])


# A scrape more or less falls into a window by chance; a second scraper doubles the number.
_SECOND_SCRAPER = 1.6


def _duplicates(evidence: Evidence) -> set[PodName]:
    series = collections.Counter(item.pod for item in evidence.scraped)
    twice = {pod for pod, count in series.items() if count > 1}
    return twice | {pod for pod, rate in evidence.scrapes_per_interval.items() if rate > _SECOND_SCRAPER}


def _problems(verdict: Verdict, parts: Collection[str]) -> Iterable[Problem]:
    for part, judged in _JUDGED:
        if part in parts:
            yield from judged(verdict)


def _of_targets(verdict: Verdict) -> Iterable[Problem]:
    if not verdict.expected:
        yield Problem("no target was expected", "enable a kind of target in metrics.targets")
    for what, pods, fix in (
        ("never arrived", verdict.missing, "enable its kind in metrics.targets; look at the collector's log"),
        ("scraped more than once", verdict.duplicate, "give each target one collector: metrics.shards, other scrapers"),
        ("scraped but no target of the mesh", verdict.unexpected, "report it: the relabelling rules are wrong"),
        (
            "found, but its scrapes fail",
            verdict.down,
            "look at the collector's log; metrics.scrapeTimeout may be short",
        ),
    ):
        if pods:
            yield Problem(f"{what}: {', '.join(pods)}", fix)


def _of_pushes(verdict: Verdict) -> Iterable[Problem]:
    for reason, count in sorted(verdict.rejected_by_reason.items()):
        fix = FIXES.get(reason, "see docs/troubleshooting.md for this reason")
        yield Problem(f"xScaler refused {count} samples: {reason}", fix)
    if not verdict.accepted:
        yield Problem("xScaler accepted no sample", "look at the collector's log for the answer that it got")


def _of_metrics(verdict: Verdict) -> Iterable[Problem]:
    if verdict.missing_metrics:
        names = ", ".join(verdict.missing_metrics)
        yield Problem(f"metrics missing: {names}", "choose a larger metrics.profile or enable the target that has them")


# In the order of their weight, by the part that each belongs to.
_JUDGED: tuple[tuple[str, Callable[[Verdict], Iterable[Problem]]], ...] = (
    ("scraping", _of_targets),
    ("pushing", _of_pushes),
    ("scraping", _of_metrics),
)
