"""Five typical questions of a mesh's user to xScaler, and their answers in words."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from xscaler_istio.local import histograms

if TYPE_CHECKING:
    from collections.abc import Callable

    from xscaler_istio.local.verdict import Verdict
    from xscaler_istio.local.xscaler.service import XScaler
    from xscaler_istio.wire.answers import Sample

# Enough for two scrapes of 5 s and their pushes.
WINDOW = "30s"
_REPORTED = 'reporter=~"source|waypoint"'


@dataclasses.dataclass(frozen=True)
class Question:
    """A question, the metric that it is about, its PromQL, and the words for one element of the answer."""

    title: str
    metric: str
    promql: str
    say: Callable[[Sample], str]


@dataclasses.dataclass(frozen=True)
class Reply:
    """A question's title, metric and PromQL, and one line for each element of the result; without a line: no data."""

    title: str
    metric: str
    promql: str
    lines: tuple[str, ...]


def _by_service(unit: str, factor: float = 1.0, digits: int = 1) -> Callable[[Sample], str]:
    def say(sample: Sample) -> str:
        service = sample.labels.get("destination_service_name", "all")
        quantile = f"{sample.labels['quantile']} " if "quantile" in sample.labels else ""
        return f"{service}: {quantile}{sample.value * factor:.{digits}f} {unit}"

    return say


def _quantile(share: str, name: str, form: str) -> str:
    asked = histograms.quantile(
        share, "istio_request_duration_milliseconds", _REPORTED, WINDOW, "destination_service_name", form
    )
    return f'label_replace({asked}, "quantile", "{name}", "", "")'


_RATE = f"rate(istio_requests_total{{{_REPORTED}}}[{WINDOW}])"
_ERRORS = f'rate(istio_requests_total{{{_REPORTED},response_code=~"5.."}}[{WINDOW}])'

RATE = Question(
    "How many requests a second does each service get?",
    "istio_requests_total",
    f"sum by (destination_service_name) ({_RATE})",
    _by_service("requests/s"),
)
ERRORS = Question(
    "How many of them fail?",
    "istio_requests_total",
    f"sum by (destination_service_name) ({_ERRORS}) / sum by (destination_service_name) ({_RATE})",
    _by_service("% answered with 5xx", 100),
)
_CONNECTIONS = Question(
    "How many TCP connections were opened?",
    "istio_tcp_connections_opened_total",
    "sum by (destination_service_name) (istio_tcp_connections_opened_total)",
    _by_service("connections", digits=0),
)
_PUSHES = Question(
    "How many pushes did the control plane make?",
    "pilot_xds_pushes",
    "sum by (type) (pilot_xds_pushes)",
    lambda sample: f"{sample.labels.get('type', '')}: {sample.value:.0f} pushes",
)

_DURATION = "istio_request_duration_milliseconds"
# Of all questions, of classic histograms.
METRICS = frozenset({*(question.metric for question in (RATE, ERRORS, _CONNECTIONS, _PUSHES)), f"{_DURATION}_bucket"})


def latency(form: str) -> Question:
    """Return the question about latency, of histograms in a form of metrics.histograms."""
    return Question(
        "How long do they take (p50 and p99)?",
        histograms.names((f"{_DURATION}_bucket",), form)[0],
        f"{_quantile('0.5', 'p50', form)} or {_quantile('0.99', 'p99', form)}",
        _by_service("ms"),
    )


async def ask(xscaler: XScaler, form: str) -> tuple[Reply, ...]:
    """Ask all questions, of histograms in a form; elements without a number (no traffic) are left out."""
    questions = (RATE, ERRORS, latency(form), _CONNECTIONS, _PUSHES)
    return tuple([await _ask(xscaler, question) for question in questions])


async def _ask(xscaler: XScaler, question: Question) -> Reply:
    samples = [sample for sample in await xscaler.query(question.promql) if sample.value == sample.value]
    lines = tuple(sorted(question.say(sample) for sample in samples))
    return Reply(question.title, question.metric, question.promql, lines)


def said(reply: Reply, verdict: Verdict) -> tuple[str, ...]:
    """Return the lines of a reply, or why there is no data."""
    if reply.lines:
        return reply.lines
    if key := verdict.dropped.get(reply.metric):
        return (f"no data: {key} drops {reply.metric}",)
    return (f"no data: {reply.metric} is missing" if reply.metric in verdict.missing_metrics else "no data",)
