"""Pushes of log lines: what is encoded is decoded, in both forms, and anything else is refused with a reason."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xscaler_istio.wire import log_push
from xscaler_istio.wire.log_push import Entry
from xscaler_istio.wire.protobuf import DecodeError

NAME = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
ENTRIES = st.lists(
    st.builds(
        Entry,
        st.dictionaries(NAME, TEXT, min_size=1, max_size=4),
        st.integers(0, 2**62),
        TEXT,
        st.dictionaries(NAME, TEXT, max_size=3),
    ),
    max_size=5,
).map(tuple)


def as_json(entries: tuple[Entry, ...]) -> bytes:
    """Write a push as Loki's documentation of the API does."""
    streams = [
        {"stream": dict(item.labels), "values": [[str(item.nanoseconds), item.line, dict(item.metadata)]]}
        for item in entries
    ]
    return json.dumps({"streams": streams}).encode()


@given(ENTRIES)
def test_protobuf_holds_what_was_put_in(entries: tuple[Entry, ...]) -> None:
    assert log_push.decode(log_push.encode(entries), "application/x-protobuf") == entries


@given(ENTRIES)
def test_json_holds_what_was_put_in(entries: tuple[Entry, ...]) -> None:
    assert log_push.decode(as_json(entries), "application/json") == entries


def test_a_line_that_is_no_text_travels() -> None:
    line = b"\xff\xfe broken".decode("utf-8", errors="surrogateescape")
    [entry] = log_push.decode(log_push.encode([Entry({"a": "b"}, 1, line, {})]), "application/x-protobuf")
    assert entry.line == line


@given(st.binary(max_size=200), st.sampled_from(["application/json", "application/x-protobuf"]))
def test_any_bytes_are_read_or_refused(body: bytes, content_type: str) -> None:
    # Any other error than this one would be the gateway's own failure.
    with contextlib.suppress(DecodeError):
        log_push.decode(body, content_type)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"streams": 1}', b'{"streams": [{"stream": {}}]}', b'{"streams": [{"stream": {}, "values": [[]]}]}'],
)
def test_json_of_another_shape_is_refused(body: bytes) -> None:
    with pytest.raises(DecodeError, match="not a push in JSON"):
        log_push.decode(body, "application/json")
