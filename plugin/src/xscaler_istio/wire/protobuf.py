"""Protobuf messages described in code instead of generated, so that no build step is needed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cramjam
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# A request of 2,000 Istio samples has 2 MB; xScaler does not accept a much larger one either.
MAX_DECODED_BYTES = 64 * 1024 * 1024

Field = descriptor_pb2.FieldDescriptorProto
# Name, number, type, and for messages the message's name, for repeated scalars "repeated".
Schema = dict[str, tuple[tuple[str, int, "Field.Type.ValueType", str], ...]]


class DecodeError(ValueError):
    """A body with another format."""


def message_class(package: str, schema: Schema, name: str, *, single: Sequence[str] = ()) -> type[message.Message]:
    """Return the class of one message of a schema. Messages within messages are repeated, but for those in `single`."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for message_name, fields in schema.items():
        described = file.message_type.add(name=message_name)
        for field, number, kind, detail in fields:
            repeated = (kind == Field.TYPE_MESSAGE and detail not in single) or detail == "repeated"
            label = Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL
            added = described.field.add(name=field, number=number, type=kind, label=label)
            if kind == Field.TYPE_MESSAGE:
                added.type_name = f".{package}.{detail}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))


def uncompress(body: bytes) -> bytes:
    """Return the data in a snappy block; raise DecodeError for anything else or too much."""
    try:
        size = cramjam.snappy.decompress_raw_len(body)
        if size > MAX_DECODED_BYTES:
            raise DecodeError(f"decoded body has {size} bytes, more than {MAX_DECODED_BYTES}")
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as error:
        raise DecodeError(f"not a snappy block: {error}") from error


def parse(kind: type[message.Message], body: bytes) -> message.Message:
    """Return the message in a snappy block; raise DecodeError for anything else."""
    parsed = kind()
    try:
        parsed.ParseFromString(uncompress(body))
    except message.DecodeError as error:
        raise DecodeError(f"not a {kind.DESCRIPTOR.name}: {error}") from error
    return parsed


def compress(raw: bytes) -> bytes:
    """Return bytes as a snappy block."""
    return bytes(cramjam.snappy.compress_raw(raw))


def labels_text(labels: Mapping[str, str]) -> str:
    """Return labels as Loki and Prometheus write them."""
    return "{" + ", ".join(f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items())) + "}"


def _escaped(value: str) -> str:
    # Go reads all the escapes that json writes.
    return json.dumps(value, ensure_ascii=False)[1:-1]
