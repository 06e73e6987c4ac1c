"""Remote write 1.0: a snappy block that holds a protobuf `prometheus.WriteRequest`.

The message is described here in code and not generated, so that no build step is needed; field numbers are those of
https://prometheus.io/docs/specs/prw/remote_write_spec/. Exemplars and native histograms stay opaque bytes: the
gateway counts and forwards them.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Protocol

import cramjam
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# A request of 2,000 Istio samples is 2 MB; xScaler would not take a much larger one either.
MAX_DECODED_BYTES = 64 * 1024 * 1024

_Field = descriptor_pb2.FieldDescriptorProto
_SCHEMA = {
    "Label": (("name", 1, _Field.TYPE_STRING, ""), ("value", 2, _Field.TYPE_STRING, "")),
    "Sample": (("value", 1, _Field.TYPE_DOUBLE, ""), ("timestamp", 2, _Field.TYPE_INT64, "")),
    "TimeSeries": (
        ("labels", 1, _Field.TYPE_MESSAGE, "Label"),
        ("samples", 2, _Field.TYPE_MESSAGE, "Sample"),
        ("exemplars", 3, _Field.TYPE_BYTES, "repeated"),
        ("histograms", 4, _Field.TYPE_BYTES, "repeated"),
    ),
    "WriteRequest": (
        ("timeseries", 1, _Field.TYPE_MESSAGE, "TimeSeries"),
        ("metadata", 3, _Field.TYPE_BYTES, "repeated"),
    ),
}


class DecodeError(ValueError):
    """The body is no remote write request."""


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


def _message_class() -> type[message.Message]:
    file = descriptor_pb2.FileDescriptorProto(name="remote_write.proto", package="prometheus", syntax="proto3")
    for name, fields in _SCHEMA.items():
        described = file.message_type.add(name=name)
        for field, number, kind, detail in fields:
            repeated = kind == _Field.TYPE_MESSAGE or detail == "repeated"
            label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
            added = described.field.add(name=field, number=number, type=kind, label=label)
            if kind == _Field.TYPE_MESSAGE:
                added.type_name = f".prometheus.{detail}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("prometheus.WriteRequest"))


_WRITE_REQUEST = _message_class()


def decode(body: bytes) -> WriteRequest:
    """Return the request in a body; raise DecodeError for anything else."""
    try:
        size = cramjam.snappy.decompress_raw_len(body)
        if size > MAX_DECODED_BYTES:
            raise DecodeError(f"decoded body has {size} bytes, more than {MAX_DECODED_BYTES}")
        raw = bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as error:
        raise DecodeError(f"no snappy block: {error}") from error
    request: Any = _WRITE_REQUEST()
    try:
        request.ParseFromString(raw)
    except message.DecodeError as error:
        raise DecodeError(f"no WriteRequest: {error}") from error
    decoded: WriteRequest = request
    return decoded


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
    return bytes(cramjam.snappy.compress_raw(request.SerializeToString()))


def without(request: WriteRequest, dropped: Sequence[int]) -> WriteRequest:
    """Remove the series at these indices from the request, in place, and return it."""
    for index in sorted(dropped, reverse=True):
        del request.timeseries[index]
    return request
