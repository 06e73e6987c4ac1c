"""Remote write 1.0: a snappy block that holds a protobuf `prometheus.WriteRequest`.

Field numbers are those of https://prometheus.io/docs/specs/prw/remote_write_spec/. Exemplars and native histograms stay
opaque bytes: the gateway counts and forwards them.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Protocol

from xscaler_istio.wire import protobuf
from xscaler_istio.wire.protobuf import DecodeError, Field

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["DecodeError", "Series", "compress", "count_samples", "decode", "encode", "labels_of", "without"]

_SCHEMA: protobuf.Schema = {
    "Label": (("name", 1, Field.TYPE_STRING, ""), ("value", 2, Field.TYPE_STRING, "")),
    "Sample": (("value", 1, Field.TYPE_DOUBLE, ""), ("timestamp", 2, Field.TYPE_INT64, "")),
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


class WriteRequest(Protocol):
    """What this module uses of the protobuf message."""

    timeseries: Any
    metadata: Any

    def SerializeToString(self) -> bytes:  # noqa: N802 - protobuf's name
        """Return the wire format."""


@dataclasses.dataclass(frozen=True)
class Series:
    """One series with its samples as (value, timestamp in milliseconds)."""

    labels: tuple[tuple[str, str], ...]
    samples: tuple[tuple[float, int], ...]


_WRITE_REQUEST = protobuf.message_class("prometheus", _SCHEMA, "WriteRequest")


def decode(body: bytes) -> WriteRequest:
    """Return the request in a body; raise DecodeError for anything else."""
    decoded: Any = protobuf.parse(_WRITE_REQUEST, body)
    request: WriteRequest = decoded
    return request


def count_samples(request: WriteRequest) -> int:
    """Return the number of samples, native histograms included."""
    return sum(len(series.samples) + len(series.histograms) for series in request.timeseries)


def labels_of(series: Any) -> tuple[tuple[str, str], ...]:
    """Return the labels of one decoded series."""
    return tuple((label.name, label.value) for label in series.labels)


def encode(series: Iterable[Series]) -> bytes:
    """Return the body of a request with these series."""
    request: Any = _WRITE_REQUEST()
    for item in series:
        added = request.timeseries.add()
        for name, value in item.labels:
            added.labels.add(name=name, value=value)
        for number, timestamp in item.samples:
            added.samples.add(value=number, timestamp=timestamp)
    return compress(request)


def compress(request: WriteRequest) -> bytes:
    """Return a request as it travels."""
    return protobuf.compress(request.SerializeToString())


def without(request: WriteRequest, dropped: Sequence[int]) -> WriteRequest:
    """Remove the series at these indices from the request, in place, and return it."""
    for index in sorted(dropped, reverse=True):
        del request.timeseries[index]
    return request
