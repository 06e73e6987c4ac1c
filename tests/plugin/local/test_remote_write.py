"""Remote write bodies: what is encoded is decoded, and anything else is refused with a reason."""

from __future__ import annotations

import contextlib
import math

import cramjam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xscaler_istio.local.xscaler import limits
from xscaler_istio.wire import remote_write
from xscaler_istio.wire.remote_write import Series

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
LABELS = st.lists(st.tuples(TEXT, TEXT), max_size=6).map(tuple)
SAMPLES = st.lists(
    st.tuples(st.floats(allow_nan=False), st.integers(min_value=-(2**63), max_value=2**63 - 1)), max_size=4
).map(tuple)
SERIES = st.lists(st.builds(Series, LABELS, SAMPLES), max_size=5)


def read(body: bytes) -> list[Series]:
    return [
        Series(remote_write.labels_of(item), tuple((sample.value, sample.timestamp) for sample in item.samples))
        for item in remote_write.decode(body).timeseries
    ]


@given(SERIES)
def test_a_body_holds_what_was_put_in(series: list[Series]) -> None:
    body = remote_write.encode(series)
    assert read(body) == series
    assert remote_write.count_samples(remote_write.decode(body)) == sum(len(item.samples) for item in series)


@given(SERIES, st.data())
def test_without_removes_these_and_no_other(series: list[Series], data: st.DataObject) -> None:
    dropped = data.draw(st.sets(st.integers(0, max(0, len(series) - 1)))) if series else set()
    request = remote_write.decode(remote_write.encode(series))
    left = read(remote_write.compress(remote_write.without(request, list(dropped))))
    assert left == [item for index, item in enumerate(series) if index not in dropped]


def test_stale_markers_travel() -> None:
    [series] = read(remote_write.encode([Series((("__name__", "up"),), ((math.nan, 1),))]))
    assert math.isnan(series.samples[0][0])


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    # Any other error than this one would be the gateway's own failure.
    with contextlib.suppress(remote_write.DecodeError):
        assert remote_write.count_samples(remote_write.decode(body)) >= 0


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    # The length stands in front of the block: nothing has to be unpacked to refuse it.
    claims_a_gigabyte = b"\x80\x80\x80\x80\x04"
    with pytest.raises(remote_write.DecodeError, match="1073741824 bytes"):
        remote_write.decode(claims_a_gigabyte)


def test_no_protobuf_is_refused() -> None:
    with pytest.raises(remote_write.DecodeError, match="no WriteRequest"):
        remote_write.decode(bytes(cramjam.snappy.compress_raw(b"\xff\xff")))


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ((("__name__", "up"),), ""),
        ((("a", "b"),), "missing_metric_name"),
        ((("__name__", "up"), *((f"l{n}", "v") for n in range(29))), ""),
        ((("__name__", "up"), *((f"l{n}", "v") for n in range(30))), "max_label_names_per_series"),
        ((("__name__", "up"), ("n" * 1024, "v" * 2048)), ""),
        ((("__name__", "up"), ("n" * 1025, "v")), "label_name_too_long"),
        ((("__name__", "up"), ("n", "v" * 2049)), "label_value_too_long"),
        # Bytes count, not characters.
        ((("__name__", "up"), ("n", "ü" * 1025)), "label_value_too_long"),
    ],
)
def test_limits(labels: tuple[tuple[str, str], ...], reason: str) -> None:
    assert limits.refusal(labels, limits.XSCALER) == reason
