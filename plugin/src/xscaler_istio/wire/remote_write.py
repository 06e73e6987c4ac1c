"""Remote write 1.0 and 2.0: a snappy block that holds a protobuf message, which the Content-Type names.

Field numbers are those of https://prometheus.io/docs/specs/prw/remote_write_spec/ and remote_write_spec_2_0/.
Exemplars, metadata and native histograms stay opaque bytes in a decoded request: the gateway counts and forwards them.
"""

from __future__ import annotations

import dataclasses
import email.message
from typing import TYPE_CHECKING, Any, Protocol

from xscaler_istio.wire import protobuf
from xscaler_istio.wire.protobuf import DecodeError, Field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from google.protobuf.message import Message

__all__ = [
    "FORMATS",
    "V1",
    "V2",
    "DecodeError",
    "Format",
    "Histogram",
    "Labels",
    "Series",
    "compress",
    "count_native",
    "count_samples",
    "format_of",
    "without",
]

Labels = tuple[tuple[str, str], ...]

_SAMPLE = (("value", 1, Field.TYPE_DOUBLE, ""), ("timestamp", 2, Field.TYPE_INT64, ""))
_SCHEMA_1: protobuf.Schema = {
    "Label": (("name", 1, Field.TYPE_STRING, ""), ("value", 2, Field.TYPE_STRING, "")),
    "Sample": _SAMPLE,
    "TimeSeries": (
        ("labels", 1, Field.TYPE_MESSAGE, "Label"),
        ("samples", 2, Field.TYPE_MESSAGE, "Sample"),
        ("exemplars", 3, Field.TYPE_BYTES, "repeated"),
        ("histograms", 4, Field.TYPE_BYTES, "repeated"),
    ),
    "WriteRequest": (
        ("timeseries", 1, Field.TYPE_MESSAGE, "TimeSeries"),
        ("metadata", 3, Field.TYPE_BYTES, "repeated"),
    ),
}
_SCHEMA_2: protobuf.Schema = {
    "Sample": _SAMPLE,
    "TimeSeries": (
        ("labels_refs", 1, Field.TYPE_UINT32, "repeated"),
        ("samples", 2, Field.TYPE_MESSAGE, "Sample"),
        ("histograms", 3, Field.TYPE_BYTES, "repeated"),
        ("exemplars", 4, Field.TYPE_BYTES, "repeated"),
        ("metadata", 5, Field.TYPE_BYTES, ""),
    ),
    "Request": (
        ("symbols", 4, Field.TYPE_STRING, "repeated"),
        ("timeseries", 5, Field.TYPE_MESSAGE, "TimeSeries"),
    ),
    # The fields of a histogram with integer counts and custom buckets.
    "BucketSpan": (("offset", 1, Field.TYPE_SINT32, ""), ("length", 2, Field.TYPE_UINT32, "")),
    "Histogram": (
        ("count_int", 1, Field.TYPE_UINT64, ""),
        ("sum", 3, Field.TYPE_DOUBLE, ""),
        ("schema", 4, Field.TYPE_SINT32, ""),
        ("positive_spans", 11, Field.TYPE_MESSAGE, "BucketSpan"),
        ("positive_deltas", 12, Field.TYPE_SINT64, "repeated"),
        ("timestamp", 15, Field.TYPE_INT64, ""),
        ("custom_values", 16, Field.TYPE_DOUBLE, "repeated"),
    ),
}
_PACKAGE_2 = "io.prometheus.write.v2"
_HISTOGRAM = protobuf.message_class(_PACKAGE_2, _SCHEMA_2, "Histogram")
# The schema of custom buckets.
_CUSTOM_BUCKETS = -53


class WriteRequest(Protocol):
    """The parts of the protobuf messages that this module uses."""

    timeseries: Any

    def SerializeToString(self) -> bytes:  # noqa: N802 - protobuf's name
        """Return the wire format."""


@dataclasses.dataclass(frozen=True)
class Histogram:
    """A native histogram with custom buckets. `counts` has one number for each bound and one above the last of them,
    each of its bucket only; the timestamp is in milliseconds."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    sum: float
    timestamp: int


@dataclasses.dataclass(frozen=True)
class Series:
    """One series with its samples as (value, timestamp in milliseconds), or its native histograms (only in 2.0)."""

    labels: Labels
    samples: tuple[tuple[float, int], ...]
    histograms: tuple[Histogram, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Format:
    """A version of remote write: its message, and content type and version as the headers of a request have them."""

    message: str
    content_type: str
    version: str
    kind: type[Message]
    labels_of: Callable[[Any, Any], Labels]
    add: Callable[[Any, Sequence[Series]], None]

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that a request needs beside those of the sender."""
        return {
            "Content-Encoding": "snappy",
            "Content-Type": self.content_type,
            "X-Prometheus-Remote-Write-Version": self.version,
        }

    def decode(self, body: bytes) -> WriteRequest:
        """Return the request in a body; raise DecodeError for anything else."""
        decoded: Any = protobuf.parse(self.kind, body)
        request: WriteRequest = decoded
        return request

    def encode(self, series: Iterable[Series]) -> bytes:
        """Return the body of a request with these series."""
        request: Any = self.kind()
        self.add(request, tuple(series))
        return compress(request)


def _labels_1(_: Any, series: Any) -> Labels:
    return tuple((label.name, label.value) for label in series.labels)


def _labels_2(request: Any, series: Any) -> Labels:
    references = series.labels_refs
    if len(references) % 2 or any(number >= len(request.symbols) for number in references):
        raise DecodeError("a label refers to a symbol that the request does not have")
    texts = [request.symbols[number] for number in references]
    return tuple(zip(texts[::2], texts[1::2], strict=True))


def _add_1(request: Any, series: Sequence[Series]) -> None:
    for item in series:
        added = request.timeseries.add()
        for name, value in item.labels:
            added.labels.add(name=name, value=value)
        _add_samples(added, item)


def _add_2(request: Any, series: Sequence[Series]) -> None:
    # The specification wants the empty text first.
    symbols = dict.fromkeys(("", *(text for item in series for pair in item.labels for text in pair)))
    numbers = {text: number for number, text in enumerate(symbols)}
    request.symbols.extend(symbols)
    for item in series:
        added = request.timeseries.add(labels_refs=[numbers[text] for pair in item.labels for text in pair])
        _add_samples(added, item)
        added.histograms.extend(_histogram(one) for one in item.histograms)


def _add_samples(added: Any, series: Series) -> None:
    for number, timestamp in series.samples:
        added.samples.add(value=number, timestamp=timestamp)


def _histogram(histogram: Histogram) -> bytes:
    message: Any = _HISTOGRAM()
    message.count_int = sum(histogram.counts)
    message.sum, message.schema, message.timestamp = histogram.sum, _CUSTOM_BUCKETS, histogram.timestamp
    message.positive_spans.add(offset=0, length=len(histogram.counts))
    before = (0, *histogram.counts)
    message.positive_deltas.extend(count - last for last, count in zip(before, histogram.counts, strict=False))
    message.custom_values.extend(histogram.bounds)
    serialized: bytes = message.SerializeToString()
    return serialized


V1 = Format(
    message="prometheus.WriteRequest",
    # Receivers from before 2.0 know no parameter.
    content_type="application/x-protobuf",
    version="0.1.0",
    kind=protobuf.message_class("prometheus", _SCHEMA_1, "WriteRequest"),
    labels_of=_labels_1,
    add=_add_1,
)
V2 = Format(
    message=f"{_PACKAGE_2}.Request",
    content_type=f"application/x-protobuf;proto={_PACKAGE_2}.Request",
    version="2.0.0",
    kind=protobuf.message_class(_PACKAGE_2, _SCHEMA_2, "Request"),
    labels_of=_labels_2,
    add=_add_2,
)
FORMATS: Mapping[str, Format] = {one.message: one for one in (V1, V2)}


def format_of(content_type: str) -> Format | None:
    """Return the format that a Content-Type names, 1.0 if it names none; None for an unknown one."""
    header = email.message.Message()
    header["Content-Type"] = content_type
    name = header.get_param("proto", V1.message)
    return FORMATS.get(name) if isinstance(name, str) else None


def count_samples(request: WriteRequest) -> int:
    """Return the number of samples, native histograms included."""
    return sum(len(series.samples) + len(series.histograms) for series in request.timeseries)


def count_native(request: WriteRequest) -> int:
    """Return the number of native histograms."""
    return sum(len(series.histograms) for series in request.timeseries)


def compress(request: WriteRequest) -> bytes:
    """Return the encoded request."""
    return protobuf.compress(request.SerializeToString())


def without(request: WriteRequest, dropped: Sequence[int]) -> WriteRequest:
    """Remove the series at these indices from the request, in place, and return it."""
    for index in sorted(dropped, reverse=True):
        del request.timeseries[index]
    return request
