"""Loki's push requests: a snappy block that holds a protobuf `logproto.PushRequest`, or JSON.

Field numbers are those of Loki's pkg/push/push.proto; lines and metadata stay bytes, since a log may hold any.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

from xscaler_istio.wire import protobuf
from xscaler_istio.wire.protobuf import DecodeError, Field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SCHEMA: protobuf.Schema = {
    "Timestamp": (("seconds", 1, Field.TYPE_INT64, ""), ("nanos", 2, Field.TYPE_INT32, "")),
    "Pair": (("name", 1, Field.TYPE_BYTES, ""), ("value", 2, Field.TYPE_BYTES, "")),
    "Entry": (
        ("timestamp", 1, Field.TYPE_MESSAGE, "Timestamp"),
        ("line", 2, Field.TYPE_BYTES, ""),
        ("metadata", 3, Field.TYPE_MESSAGE, "Pair"),
    ),
    "Stream": (("labels", 1, Field.TYPE_STRING, ""), ("entries", 2, Field.TYPE_MESSAGE, "Entry")),
    "PushRequest": (("streams", 1, Field.TYPE_MESSAGE, "Stream"),),
}
_PUSH_REQUEST = protobuf.message_class("logproto", _SCHEMA, "PushRequest", single=("Timestamp",))
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


@dataclasses.dataclass(frozen=True)
class Entry:
    """One line as it arrives: its stream's labels, its time in nanoseconds, and its structured metadata."""

    labels: Mapping[str, str]
    nanoseconds: int
    line: str
    metadata: Mapping[str, str]


def decode(body: bytes, content_type: str) -> tuple[Entry, ...]:
    """Return the lines of a push; raise DecodeError for anything else."""
    if content_type == "application/json":
        return tuple(_from_json(body))
    decoded: Any = protobuf.parse(_PUSH_REQUEST, body)
    return tuple(_from_protobuf(decoded))


def _from_protobuf(request: Any) -> Iterator[Entry]:
    for stream in request.streams:
        # Go quotes as Python does: \x1f and \a too, which JSON does not know.
        labels = {name: ast.literal_eval(f'"{value}"') for name, value in _LABEL.findall(stream.labels)}
        for entry in stream.entries:
            metadata = {_text(pair.name): _text(pair.value) for pair in entry.metadata}
            nanoseconds = entry.timestamp.seconds * 10**9 + entry.timestamp.nanos
            yield Entry(labels, nanoseconds, _text(entry.line), metadata)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", errors="surrogateescape")


def _from_json(body: bytes) -> Iterator[Entry]:
    try:
        for stream in json.loads(body)["streams"]:
            for nanoseconds, line, *metadata in stream["values"]:
                yield Entry(dict(stream["stream"]), int(nanoseconds), line, dict(*metadata))
    except (ValueError, KeyError, TypeError) as error:
        raise DecodeError(f"not a push in JSON: {error}") from error


def encode(entries: Iterable[Entry]) -> bytes:
    """Return the body of a protobuf push with these lines."""
    request: Any = _PUSH_REQUEST()
    for item in entries:
        stream = request.streams.add(labels=protobuf.labels_text(item.labels))
        seconds, nanos = divmod(item.nanoseconds, 10**9)
        added = stream.entries.add(line=item.line.encode("utf-8", errors="surrogateescape"))
        added.timestamp.seconds, added.timestamp.nanos = seconds, nanos
        for name, value in item.metadata.items():
            added.metadata.add(name=name.encode(), value=value.encode("utf-8", errors="surrogateescape"))
    return protobuf.compress(request.SerializeToString())
