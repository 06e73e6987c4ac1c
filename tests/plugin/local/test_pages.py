"""Generated pages say what Istio says: label sets, TYPE lines, whole histograms, exact sizes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xscaler_istio.local.mesh import placed
from xscaler_istio.local.network import Network
from xscaler_istio.mesh import pages, topology
from xscaler_istio.mesh.exposition import GO, Course, Spread, family, histogram
from xscaler_istio.mesh.model import Kind, Version
from xscaler_istio.mesh.pages import Combination, Party

if TYPE_CHECKING:
    from collections.abc import Iterator

_SERIES = re.compile(r"^([a-z_:A-Z0-9]+)\{(.*)\} (\d+)$", re.MULTILINE)
HTTP = Combination(reporter="source", source=Party("a", "shop"), destination=Party("b", "shop"))
TCP = Combination(reporter="source", source=Party("a", "shop"), destination=Party("b", "shop"), protocol="tcp")


def labels_of(page: str, name: str) -> set[int]:
    """Return how many labels the series of a metric have, `le` not counted."""
    found = [labels for metric, labels, _ in _SERIES.findall(page) if metric == name]
    return {len(re.findall(r'(\w+)="', labels)) - ("le=" in labels) for labels in found}


def types(page: str) -> list[str]:
    return re.findall(r"^# TYPE (\S+)", page, re.MULTILINE)


def test_a_proxy_has_istios_labels() -> None:
    page = pages.standard_page([HTTP, TCP]).render(0).decode()
    for name in ("istio_requests_total", "istio_request_duration_milliseconds_bucket", "istio_response_bytes_sum"):
        assert labels_of(page, name) == {25}, name
    assert labels_of(page, "istio_tcp_connections_opened_total") == {23}
    assert page.count("istio_request_duration_milliseconds_bucket{") == 20


@pytest.mark.parametrize(("minor", "expected"), [(24, 23), (25, 27), (31, 27)])
def test_ztunnel_has_localities_since_1_25(minor: int, expected: int) -> None:
    page = pages.ztunnel_page(Version(1, minor), [TCP]).render(0).decode()
    assert labels_of(page, "istio_tcp_connections_opened_total") == {expected}
    # The family is named without _total there, as the Rust client of OpenMetrics does.
    assert "istio_tcp_connections_opened" in types(page)


def test_istiod_pushes_and_versions() -> None:
    old, new = (pages.istiod_page(Version(1, minor)).render(0).decode() for minor in (9, 31))
    assert "pilot_xds_pushes" in types(old)
    assert "pilot_xds_config_size_bytes" not in types(old)
    assert "pilot_xds_config_size_bytes" in types(new)


@pytest.mark.parametrize("workload", topology.small(), ids=lambda workload: workload.name)
def test_every_family_has_one_type_line(workload: topology.Workload) -> None:
    for member in placed.build((workload,), Network(10), 0):
        if member.page and workload.kind not in (Kind.SIDECAR, Kind.NATIVE_SIDECAR):
            found = types(member.page.render(0).decode())
            assert sorted(found) == sorted(set(found))


@given(
    st.lists(st.floats(0.001, 1e9), min_size=1, max_size=25, unique=True).map(sorted),
    st.integers(0, 10_000),
    st.integers(0, 500),
    st.floats(0.001, 1e6),
    st.integers(0, 10_000),
)
def test_histograms_stay_whole_at_every_tick(
    bounds: list[float], base: int, rate: int, typical: float, tick: int
) -> None:
    page = histogram(GO, "h", [repr(bound) for bound in bounds], [Spread({"a": "b"}, base, rate, typical)])
    values = [int(line.rpartition(b" ")[2]) for line in page.render(tick).splitlines() if not line.startswith(b"#")]
    *buckets, total, count = values
    assert buckets == sorted(buckets)
    assert buckets[-1] == count == base + rate * tick
    assert total >= 0


def test_a_page_that_stands_still_is_the_same_twice_and_moves_with_the_tick() -> None:
    page = family(GO, "c", "counter", [Course({}, 5, 2)])
    assert page.render(3) == page.render(3) == b"# HELP c c.\n# TYPE c counter\nc 11\n"


def lines(page: bytes) -> Iterator[bytes]:
    return (line for line in page.splitlines() if not line.startswith(b"#"))


@given(st.integers(1, 40), st.integers(300, 3000))
def test_a_scaled_mesh_has_exactly_what_was_asked_for(proxies: int, series: int) -> None:
    workloads = topology.scaled(proxies, series)
    members = placed.build(workloads, Network(10), 0)
    sidecars = [member for member in members if member.pod.kind is Kind.SIDECAR]
    assert len(sidecars) == proxies
    assert {sum(1 for _ in lines(member.page.render(1))) for member in sidecars if member.page} == {series}


def test_too_few_series_are_refused() -> None:
    with pytest.raises(ValueError, match="a proxy has at least"):
        topology.scaled(1, 10)
