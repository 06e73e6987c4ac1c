"""Responses to scrapes in the Prometheus text format, and the series that a job keeps of one."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from typing import TYPE_CHECKING

from xscaler_istio.rendered.relabeling import relabel
from xscaler_istio.rendered.scraping import BOTH, CLASSIC, OF_A_SCRAPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from xscaler_istio.rendered.relabeling import Labels
    from xscaler_istio.rendered.scraping import Job

# https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
_SAMPLE = re.compile(r'^([a-zA-Z_:][\w:]*)[ \t]*(?:\{((?:[^"{}]|"(?:[^"\\]|\\.)*")*)\})?[ \t]+(\S+)', re.MULTILINE)
_LABEL = re.compile(r'([a-zA-Z_]\w*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"')
_HISTOGRAM = re.compile(r"^# TYPE (\S+) histogram\s*$", re.MULTILINE)
_ENDINGS = ("_bucket", "_sum", "_count")
# Of Envoy, in seconds; and what every proxy counts, as the client's or the server's.
_UPTIME, _REQUESTS = "envoy_server_uptime", "istio_requests_total"
_ESCAPED: Mapping[str, str] = {"n": "\n"}


@dataclasses.dataclass(frozen=True)
class Response:
    """The label sets of a response, each with its `__name__`; `histograms` are the names of the classic ones.

    Names in quotation marks are left out, as the collectors drop them. `requests` is how many a second a proxy has
    counted since it started, None where it does not say how long that is.
    """

    series: tuple[Labels, ...]
    histograms: frozenset[str]
    requests: float | None = None


def parse(text: str) -> Response:
    """Read a response to a scrape; lines that are not samples are left out."""
    found = _SAMPLE.findall(text)
    return Response(
        tuple({"__name__": name, **_labels(labels)} for name, labels, _ in found),
        frozenset(_HISTOGRAM.findall(text)),
        _requests(found),
    )


def _requests(samples: Iterable[tuple[str, str, str]]) -> float | None:
    """Return the requests a second of the samples of a proxy, each with name, labels and value."""
    totals = {_UPTIME: 0.0, _REQUESTS: 0.0}
    for name, _, value in samples:
        if name in totals:
            with contextlib.suppress(ValueError):
                totals[name] += float(value)
    return totals[_REQUESTS] / totals[_UPTIME] if totals[_UPTIME] > 0 else None


def _labels(text: str) -> Labels:
    return {name: re.sub(r"\\(.)", lambda m: _ESCAPED.get(m[1], m[1]), value) for name, value in _LABEL.findall(text)}


def kept(job: Job, target: Labels, response: Response, sent: str) -> int:
    """Return how many series a collector sends of one scrape, with those of the scrape itself.

    `target` are the labels of the target without internal ones, `sent` the form of histograms that arrives. A label of
    the response that the target has too is renamed, since honor_labels is off.

    Raises re.error for an expression that only RE2 understands.
    """
    scraped = [
        {**{(f"exported_{k}" if k in target else k): v for k, v in one.items()}, **target} for one in response.series
    ]
    found = _in_form(scraped, response.histograms, job.histograms)
    stay = [labels for labels in (relabel(one, job.metric_rules) for one in found) if labels is not None]
    # A collector whose rules see classic histograms converts them where it sends.
    converted = _in_form(stay, response.histograms, sent) if job.histograms == CLASSIC else stay
    return len({frozenset(labels.items()) for labels in converted}) + OF_A_SCRAPE


def _in_form(series: Iterable[Labels], histograms: frozenset[str], form: str) -> list[Labels]:
    """Return series with histograms in a form: a native one has one series, without an ending and without `le`."""
    if form == CLASSIC:
        return list(series)
    plain: list[Labels] = []
    native: dict[frozenset[tuple[str, str]], Labels] = {}
    for labels in series:
        base = base_name(labels["__name__"])
        if base not in histograms:
            plain.append(labels)
            continue
        if form == BOTH:
            plain.append(labels)
        one = {**{name: value for name, value in labels.items() if name != "le"}, "__name__": base}
        native[frozenset(one.items())] = one
    return [*plain, *native.values()]


def base_name(name: str) -> str:
    """Return the name of a histogram, given the name of one of its classic series."""
    return next((name.removesuffix(ending) for ending in _ENDINGS if name.endswith(ending)), name)
