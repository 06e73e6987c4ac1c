"""No request holds more samples than xScaler takes, not even of the smallest series that the chart's jobs give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.environments import COLLECTORS, configs, environment
from tests.support.waiting import until
from xscaler_istio.mesh import pods
from xscaler_istio.mesh.model import Kind, Version

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

LIMIT = 2000
PODS = 1500
# The series of a failed scrape, and nothing is shorter than these names: no one answers in 127.9.0.0/16.
SILENT = tuple(
    pods.pod(
        Kind.SIDECAR,
        namespace="n",
        name=f"p{number}",
        ip=f"127.9.{number // 250}.{number % 250 + 1}",
        workload="w",
        version=Version(1, 31),
    ).manifest
    for number in range(PODS)
)


counts_samples = pytest.mark.whole("the one that cuts requests by their bytes comes nearest to the limit")


@pytest.mark.parametrize(
    "collector", [pytest.param(name, marks=() if name == "opentelemetry" else counts_samples) for name in COLLECTORS]
)
def test_requests_of_the_smallest_series_keep_within_the_limit(portal: BlockingPortal, collector: str) -> None:
    with environment(
        portal,
        configs=configs(f"metrics.collector={collector}", "cluster.name=c"),
        backend="prometheus",
        # A batch of OpenTelemetry then has series of more than one scrape, whose samples take the fewest bytes.
        interval=1,
        workloads=(),
        real_envoys=False,
        pods=SILENT,
    ) as running:
        until(lambda: len(running.query('up{cluster="c"} == 0')) == PODS, "not every silent pod was seen")
        # A busy machine spreads the first scrapes, whose requests are then too small to show anything.
        until(lambda: running.account().largest_request > LIMIT // 2, "no request came near the limit")
        account = running.account()
    assert account.largest_request <= LIMIT
    assert account.rejected == {}
