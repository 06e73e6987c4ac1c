"""The verdict: what was expected, what arrived, and how to fix the difference."""

from __future__ import annotations

import collections
import dataclasses
import enum
from typing import TYPE_CHECKING

from xscaler_istio.findings.findings import Problem
from xscaler_istio.local import histograms
from xscaler_istio.rendered.scraping import CLASSIC

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from xscaler_istio.local.log_oracle import LogChoices, LogCount
    from xscaler_istio.local.oracle import Drop, ExpectedTarget, ScrapeLimits
    from xscaler_istio.local.xscaler.log_gateway import LogAccount

PodName = tuple[str, str]

# The parts of a release that can be tested separately.
PARTS = ("scraping", "pushing", "logs")

# The names of targets, by their job.
KINDS = {
    "proxies": "sidecars, gateways and waypoints",
    "agents": "agents of proxies",
    "ztunnel": "ztunnel",
    "istiod": "istiod",
    "cni": "istio-cni",
    "agentgateway": "agentgateway",
    "self": "of the release itself",
}

# The metrics on xScaler's Istio page, by the kind of target that has them.
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

_REQUESTS = "istio_requests_total"

# The fix for a refusal, by its reason in the account.
FIXES = {
    "max_label_names_per_series": "remove labels: istio.customTags, extra labels, or tags of a Telemetry object",
    "samples_per_request": "set xscaler.limits.samplesPerRequest to your plan's limit",
    "unauthorized": "the token is wrong or expired: renew the Secret that xscaler.auth.existingSecret.name names",
    "scope": "the token lacks the write scope: create one that has it",
    "tenant": "the token belongs to another tenant: correct xscaler.tenantId",
}


@dataclasses.dataclass(frozen=True)
class Measured:
    """What a collector reports of a target's last scrape: its seconds, and its samples before and after the profile."""

    seconds: float
    samples: float
    kept: float


@dataclasses.dataclass(frozen=True)
class Scraped:
    """One `up` series at the backend: labels without the name, whether the last scrape worked, what is known of it."""

    labels: Mapping[str, str]
    up: bool
    measured: Measured | None = None

    @property
    def pod(self) -> PodName:
        """Namespace and name."""
        return self.labels.get("namespace", ""), self.labels.get("pod", "")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evidence:
    """The observations from outside the collector.

    `scrapes_per_interval`: scrapes that a pod answered per scrape interval, by pod. `metrics`: the names at the
    backend; `drops`: the values' rules about names; `limits`: the values' limits by job; `timeout`: of a scrape in this
    test, in seconds; `histograms`: their form.
    """

    expected: tuple[ExpectedTarget, ...]
    scraped: tuple[Scraped, ...]
    scrapes_per_interval: Mapping[PodName, float]
    accepted: int
    rejected: Mapping[str, int]
    metrics: frozenset[str]
    drops: tuple[Drop, ...] = ()
    limits: Mapping[str, ScrapeLimits] = dataclasses.field(default_factory=dict)
    timeout: float = 0
    histograms: str = CLASSIC


class Exceeded(enum.Enum):
    """What a scrape may have too much of; nothing where that is unknown."""

    SAMPLES = "samples"
    SIZE = "size"
    TIME = "time"
    NOTHING = "nothing"


@dataclasses.dataclass(frozen=True)
class Cause:
    """Why scrapes of a job fail: what exceeds which limit. `found` is the largest amount, if it is known."""

    job: str
    what: Exceeded
    limit: str
    found: float = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verdict:
    """The expected and the found. Targets are written as `namespace/pod`.

    `causes`: why the targets that are down are down; `dropped`: the key that drops a metric, by its name;
    `unscraped_metrics`: the missing ones of which no target is up.
    """

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
    unscraped_metrics: frozenset[str]
    dropped: Mapping[str, str]
    causes: Mapping[Cause, tuple[str, ...]]
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not self.problems


def judge(evidence: Evidence, parts: Collection[str] = PARTS) -> Verdict:
    """Compare the expected series with those that arrived; only problems of these parts count."""
    expected = {target_pod(target): target for target in evidence.expected}
    up = [item for item in evidence.scraped if expected.get(item.pod) and item.labels == expected[item.pod].labels]
    found = {item.pod for item in up}
    promised = {name for target in evidence.expected for name in REQUIRED.get(target.job, ())}
    form = evidence.histograms
    gone: dict[str, set[str]] = collections.defaultdict(set)
    for rule in evidence.drops:
        gone[rule.key].update(filter(rule.drops, promised))
    required = sorted(histograms.names(promised.difference(*gone.values()), form))
    dropped = {name: key for key, names in gone.items() for name in histograms.names(names, form)}
    alive = {expected[item.pod].job for item in up if item.up}
    of_alive = set(histograms.names({name for job in alive for name in REQUIRED.get(job, ())}, form))
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
        unscraped_metrics=frozenset(required) - of_alive,
        dropped=dropped,
        causes=_causes([item for item in up if not item.up], expected, evidence),
        problems=(),
    )
    return dataclasses.replace(verdict, problems=tuple(_problems(verdict, parts)))


# A scrape that is cut off at the timeout takes a little less by the collector's clock.
_NEARLY = 0.95


def _causes(
    down: Iterable[Scraped], expected: Mapping[PodName, ExpectedTarget], evidence: Evidence
) -> Mapping[Cause, tuple[str, ...]]:
    """Return the targets that are down by the cause; of one cause the largest amount is kept."""
    found: dict[tuple[str, Exceeded, str], list[tuple[float, PodName]]] = collections.defaultdict(list)
    for item in down:
        cause = _cause(item, expected[item.pod].job, evidence)
        found[cause.job, cause.what, cause.limit].append((cause.found, item.pod))
    return {
        Cause(*key, max(amount for amount, _ in pods)): _names(pod for _, pod in pods) for key, pods in found.items()
    }


def _cause(item: Scraped, job: str, evidence: Evidence) -> Cause:
    limits, measured = evidence.limits.get(job), item.measured
    if measured and limits and 0 < limits.samples < measured.kept:
        return Cause(job, Exceeded.SAMPLES, str(limits.samples), measured.kept)
    if measured and evidence.timeout and measured.seconds >= evidence.timeout * _NEARLY:
        return Cause(job, Exceeded.TIME, f"{evidence.timeout:g} s")
    # The pod answered in time, and of the response nothing was read.
    answered = evidence.scrapes_per_interval.get(item.pod, 0) > 0
    if measured and limits and limits.size and answered and not measured.samples:
        return Cause(job, Exceeded.SIZE, limits.size)
    return Cause("", Exceeded.NOTHING, "")


def target_pod(target: ExpectedTarget) -> PodName:
    """Return namespace and name of the pod behind a target."""
    return target.labels["namespace"], target.labels["pod"]


def _names(pods: Iterable[PodName]) -> tuple[str, ...]:
    return tuple(sorted(f"{namespace}/{name}" for namespace, name in pods))


@dataclasses.dataclass(frozen=True)
class LogEvidence:
    """The observations of log lines: the count, the values' choices, the gateway's account, and lines with a secret."""

    count: LogCount
    chosen: LogChoices
    account: LogAccount
    secrets_seen: int


@dataclasses.dataclass(frozen=True)
class LogVerdict:
    """The count of log lines, the refusals, and the problems."""

    count: LogCount
    rejected_by_reason: Mapping[str, int]
    secrets_seen: int
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not self.problems


LOG_FIXES = {
    **FIXES,
    "line_too_long": "set xscaler.limits.logLineBytes to your plan's limit",
    "max_label_names_per_series": "remove some of logs.streamLabels or cluster.labels",
    "rate_limited": "the plan allows fewer lines: set logs.sampling.successPercent, or ask xScaler for a larger plan",
    "too_far_behind": "lines are much older than others of their pod: report this as a bug",
    "structured_metadata": "the tenant does not have structured metadata: set logs.structuredMetadata: false",
}


def judge_logs(evidence: LogEvidence) -> LogVerdict:
    """Compare the lines that were written with those that arrived."""
    rejected = {reason: count for reason, count in evidence.account.rejected.items() if count}
    problems = tuple(_log_problems(evidence, rejected))
    return LogVerdict(evidence.count, rejected, evidence.secrets_seen, problems)


def refusal_reason(text: str) -> str:
    """Return the key of LOG_FIXES for an answer of Loki, or an empty string."""
    return "structured_metadata" if "structured metadata" in text else ""


_REPORT_AGENT = "report this as a bug, with the agent's configuration"


def _log_problems(evidence: LogEvidence, rejected: Mapping[str, int]) -> Iterable[Problem]:
    count, chosen = evidence.count, evidence.chosen
    if count.lost and not chosen.samples:
        yield Problem(f"{count.lost} of {count.written} log lines did not arrive", "see the log of the log agent")
    if count.more:
        yield Problem(f"{count.more} log lines arrived more than once", _REPORT_AGENT)
    if count.foreign and not chosen.masks:
        yield Problem(f"{count.foreign} unexpected lines arrived", _REPORT_AGENT)
    if chosen.metadata and not count.with_fields:
        fix = "check that logs.structuredMetadata matches what the tenant has enabled"
        yield Problem("no access line has its fields", fix)
    if chosen.redacts and evidence.secrets_seen:
        what = f"{evidence.secrets_seen} lines contained a query string: redaction failed"
        yield Problem(what, _REPORT_AGENT)
    for reason, lines in sorted(rejected.items()):
        fix = LOG_FIXES.get(reason, "see docs/troubleshooting.md for this reason")
        yield Problem(f"xScaler rejected {lines} log lines: {reason}", fix)
    if reason := refusal_reason(evidence.account.last_refusal):
        yield Problem(f"xScaler rejected log lines: {evidence.account.last_refusal[:200]}", LOG_FIXES[reason])


# The number of scrapes in a window may differ by one; a second scraper doubles it.
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
        ("not scraped", verdict.missing, "enable its kind in metrics.targets; see the collector's log"),
        ("scraped more than once", verdict.duplicate, "give each target one collector: metrics.shards, other scrapers"),
        ("scraped, but not part of the mesh", verdict.unexpected, "report this as a bug of the relabelling rules"),
    ):
        if pods:
            yield Problem(f"{what}: {', '.join(pods)}", fix)
    for cause, pods in verdict.causes.items():
        what, fix = _FAILURES[cause.what](cause)
        yield Problem(f"found, but scrapes fail{what}: {', '.join(pods)}", fix)


def _too_many_samples(cause: Cause) -> tuple[str, str]:
    key = f"metrics.targets.{cause.job}.sampleLimit"
    what = f", with {cause.found:.0f} samples and {key}: {cause.limit}"
    return what, f"set {key} above {cause.found:.0f}, or keep fewer metrics"


def _too_large(cause: Cause) -> tuple[str, str]:
    key = f"metrics.targets.{cause.job}.bodySizeLimit"
    return f", with a response larger than {key}: {cause.limit}", f"set a larger {key}"


def _too_slow(cause: Cause) -> tuple[str, str]:
    what = f" after {cause.limit}, the timeout of this test"
    return what, "use a longer --interval; in the cluster, metrics.scrapeTimeout has to be long enough"


_FAILURES: Mapping[Exceeded, Callable[[Cause], tuple[str, str]]] = {
    Exceeded.SAMPLES: _too_many_samples,
    Exceeded.SIZE: _too_large,
    Exceeded.TIME: _too_slow,
    Exceeded.NOTHING: lambda _: ("", "see the collector's log"),
}


def _of_pushes(verdict: Verdict) -> Iterable[Problem]:
    for reason, count in sorted(verdict.rejected_by_reason.items()):
        fix = FIXES.get(reason, "see docs/troubleshooting.md for this reason")
        yield Problem(f"xScaler rejected {count} samples: {reason}", fix)
    if not verdict.accepted:
        yield Problem("xScaler accepted no sample", "see xScaler's answer in the collector's log")


def _of_metrics(verdict: Verdict) -> Iterable[Problem]:
    if key := verdict.dropped.get(_REQUESTS):
        yield Problem(
            f"{key} drops {_REQUESTS}, which dashboards and alerts read", f"change {key} so that it keeps {_REQUESTS}"
        )
    # Those of which no target is up are missing because of that.
    if names := [name for name in verdict.missing_metrics if name not in verdict.unscraped_metrics]:
        fix = "choose a larger metrics.profile, or enable the target that has these metrics"
        if verdict.rejected_by_reason:
            fix = "xScaler rejected samples, and theirs are probably among them: fix that first"
        yield Problem(f"missing metrics: {', '.join(names)}", fix)


# In order of importance, with the part that each belongs to.
_JUDGED: tuple[tuple[str, Callable[[Verdict], Iterable[Problem]]], ...] = (
    ("scraping", _of_targets),
    ("pushing", _of_pushes),
    ("scraping", _of_metrics),
)
