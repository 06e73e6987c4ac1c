"""Five questions that a user of the mesh would ask xScaler, and their answers in words."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xscaler_istio.local.xscaler.service import XScaler
    from xscaler_istio.wire.answers import Sample

# Enough for two scrapes of 5 s and what is under way.
WINDOW = "30s"
_REPORTED = 'reporter=~"source|waypoint"'


@dataclasses.dataclass(frozen=True)
class Question:
    """A question, the PromQL that asks it, and how to say one element of the answer."""

    title: str
    promql: str
    say: Callable[[Sample], str]


@dataclasses.dataclass(frozen=True)
class Reply:
    """A question's title, its PromQL and one line for each element of the result; no line means no data."""

    title: str
    promql: str
    lines: tuple[str, ...]


def _by_service(unit: str, factor: float = 1.0, digits: int = 1) -> Callable[[Sample], str]:
    def say(sample: Sample) -> str:
        service = sample.labels.get("destination_service_name", "all")
        quantile = f"{sample.labels['quantile']} " if "quantile" in sample.labels else ""
        return f"{service}: {quantile}{sample.value * factor:.{digits}f} {unit}"

    return say


def _quantile(quantile: str, name: str) -> str:
    rates = f"rate(istio_request_duration_milliseconds_bucket{{{_REPORTED}}}[{WINDOW}])"
    summed = f"sum by (le, destination_service_name) ({rates})"
    return f'label_replace(histogram_quantile({quantile}, {summed}), "quantile", "{name}", "", "")'


_RATE = f"rate(istio_requests_total{{{_REPORTED}}}[{WINDOW}])"
_ERRORS = f'rate(istio_requests_total{{{_REPORTED},response_code=~"5.."}}[{WINDOW}])'

QUESTIONS = (
    Question(
        "How many requests a second does each service get?",
        f"sum by (destination_service_name) ({_RATE})",
        _by_service("requests/s"),
    ),
    Question(
        "How many of them fail?",
        f"sum by (destination_service_name) ({_ERRORS}) / sum by (destination_service_name) ({_RATE})",
        _by_service("% answered with 5xx", 100),
    ),
    Question(
        "How long do they take (p50 and p99)?",
        f"{_quantile('0.5', 'p50')} or {_quantile('0.99', 'p99')}",
        _by_service("ms"),
    ),
    Question(
        "How many TCP connections were opened?",
        "sum by (destination_service_name) (istio_tcp_connections_opened_total)",
        _by_service("connections", digits=0),
    ),
    Question(
        "How many pushes did the control plane make?",
        "sum by (type) (pilot_xds_pushes)",
        lambda sample: f"{sample.labels.get('type', '')}: {sample.value:.0f} pushes",
    ),
)


async def ask(xscaler: XScaler, questions: Sequence[Question] = QUESTIONS) -> tuple[Reply, ...]:
    """Ask all questions; elements without a number (no traffic) are left out."""
    return tuple([await _ask(xscaler, question) for question in questions])


async def _ask(xscaler: XScaler, question: Question) -> Reply:
    samples = [sample for sample in await xscaler.query(question.promql) if sample.value == sample.value]
    return Reply(question.title, question.promql, tuple(sorted(question.say(sample) for sample in samples)))
