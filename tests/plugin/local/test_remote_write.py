"""Remote write bodies: what is encoded is decoded, and anything else is refused with a reason."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import cramjam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xscaler_istio.local.xscaler import limits
from xscaler_istio.wire import remote_write
from xscaler_istio.wire.remote_write import V1, V2, Format, Histogram, Series

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
LABELS = st.lists(st.tuples(TEXT, TEXT), max_size=6).map(tuple)
TIMES = st.integers(min_value=-(2**63), max_value=2**63 - 1)
SAMPLES = st.lists(st.tuples(st.floats(allow_nan=False), TIMES), max_size=4).map(tuple)
HISTOGRAMS = st.lists(
    st.builds(
        Histogram, st.just((0.5, 10.0)), st.tuples(*[st.integers(0, 2**60)] * 3), st.floats(allow_nan=False), TIMES
    ),
    max_size=2,
).map(tuple)
SERIES = st.lists(st.builds(Series, LABELS, SAMPLES), max_size=5)
by_format = pytest.mark.parametrize("form", remote_write.FORMATS.values(), ids=lambda form: form.version)


def read(form: Format, body: bytes) -> list[Series]:
    request = form.decode(body)
    return [
        Series(form.labels_of(request, item), tuple((sample.value, sample.timestamp) for sample in item.samples))
        for item in request.timeseries
    ]


@by_format
@given(series=SERIES)
def test_a_body_holds_what_was_put_in(form: Format, series: list[Series]) -> None:
    body = form.encode(series)
    assert read(form, body) == series
    assert remote_write.count_samples(form.decode(body)) == sum(len(item.samples) for item in series)


@given(st.lists(st.builds(Series, LABELS, SAMPLES, HISTOGRAMS), max_size=5))
def test_native_histograms_count_as_samples(series: list[Series]) -> None:
    request = V2.decode(V2.encode(series))
    native = sum(len(item.histograms) for item in series)
    assert remote_write.count_native(request) == native
    assert remote_write.count_samples(request) == native + sum(len(item.samples) for item in series)


@by_format
@given(series=SERIES, data=st.data())
def test_without_removes_these_and_no_other(form: Format, series: list[Series], data: st.DataObject) -> None:
    dropped = data.draw(st.sets(st.integers(0, max(0, len(series) - 1)))) if series else set()
    request = form.decode(form.encode(series))
    left = read(form, remote_write.compress(remote_write.without(request, list(dropped))))
    assert left == [item for index, item in enumerate(series) if index not in dropped]


@by_format
def test_stale_markers_travel(form: Format) -> None:
    [series] = read(form, form.encode([Series((("__name__", "up"),), ((math.nan, 1),))]))
    assert math.isnan(series.samples[0][0])


@by_format
@given(body=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(form: Format, body: bytes) -> None:
    # Any other error than this one would be the gateway's own failure.
    with contextlib.suppress(remote_write.DecodeError):
        assert remote_write.count_samples(form.decode(body)) >= 0


@by_format
def test_a_bomb_is_refused_before_it_is_unpacked(form: Format) -> None:
    # The length stands in front of the block: nothing has to be unpacked to refuse it.
    claims_a_gigabyte = b"\x80\x80\x80\x80\x04"
    with pytest.raises(remote_write.DecodeError, match="1073741824 bytes"):
        form.decode(claims_a_gigabyte)


@by_format
def test_no_protobuf_is_refused(form: Format) -> None:
    with pytest.raises(remote_write.DecodeError, match=f"not a {form.message.rpartition('.')[2]}"):
        form.decode(bytes(cramjam.snappy.compress_raw(b"\xff\xff")))


@pytest.mark.parametrize("references", [[0], [0, 1]], ids=["a name without a value", "no such symbol"])
def test_labels_that_the_request_lacks_are_refused(references: list[int]) -> None:
    request: Any = V2.kind()
    request.symbols.append("")
    series = request.timeseries.add(labels_refs=references)
    with pytest.raises(remote_write.DecodeError, match="symbol"):
        V2.labels_of(request, series)


@pytest.mark.parametrize(
    ("content_type", "form"),
    [
        ("", V1),
        ("application/x-protobuf", V1),
        (V1.content_type, V1),
        ("application/x-protobuf;proto=prometheus.WriteRequest", V1),
        (V2.content_type, V2),
        ('application/x-protobuf; proto="io.prometheus.write.v2.Request"; q=1', V2),
        ("application/x-protobuf;proto=io.prometheus.write.v3.Request", None),
    ],
)
def test_the_content_type_names_the_format(content_type: str, form: Format | None) -> None:
    assert remote_write.format_of(content_type) is form


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
