"""What happens between the collector and xScaler when something is wrong: nothing is lost, or it is said."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.environments import COLLECTORS, TENANT, Environment, change, configs, environment
from tests.support.waiting import until
from xscaler_istio.local import verdict
from xscaler_istio.local.xscaler.gateway import Fault, Scope, Token
from xscaler_istio.mesh import topology

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from anyio.from_thread import BlockingPortal

    from xscaler_istio.findings.findings import Problem

MESH = topology.scaled(4, 300)


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.xdist_group(f"delivery with {name}")) for name in COLLECTORS],
)
def delivering(request: pytest.FixtureRequest, portal: BlockingPortal) -> Iterator[Environment]:
    with environment(
        portal,
        configs=configs(f"metrics.collector={request.param}"),
        backend="prometheus",
        interval=1,
        workloads=MESH,
        real_envoys=False,
    ) as running:
        until(lambda: len(running.query("up")) == 5, "the targets never arrived")
        yield running


def scrapes_so_far(running: Environment) -> dict[tuple[str, str], int]:
    return dict(running.run.mesh.scrapes)


def arrived(running: Environment) -> dict[tuple[str, str], float]:
    """Return the scrapes that arrived, by pod: each gives one sample of `up`."""
    found = running.query("count_over_time(up[30m])")
    return {(sample.labels["namespace"], sample.labels["pod"]): sample.value for sample in found}


def everything_has_arrived(running: Environment, served: dict[tuple[str, str], int]) -> bool:
    have = arrived(running)
    return all(have.get(pod, 0) >= count for pod, count in served.items())


rate_limited = pytest.mark.whole("after 429 the same is done as after 503")


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(503), id="503"),
        pytest.param(Fault(429), id="429", marks=rate_limited),
        pytest.param(Fault(429, retry_after_seconds=1), id="429 with Retry-After", marks=rate_limited),
    ],
)
def test_an_outage_loses_nothing(delivering: Environment, fault: Fault) -> None:
    before, first = delivering.account(), scrapes_so_far(delivering)

    def lasts() -> bool:
        deferred = delivering.account().deferred.get(fault.status, 0) > before.deferred.get(fault.status, 0)
        return deferred and all(count >= first[pod] + 4 for pod, count in scrapes_so_far(delivering).items())

    delivering.run.xscaler.inject(fault)
    until(lasts, "nobody was asked to come back")
    delivering.run.xscaler.inject(None)
    served = scrapes_so_far(delivering)
    until(lambda: everything_has_arrived(delivering, served), "samples of the outage are missing")
    assert dict(delivering.account().rejected) == dict(before.rejected)


def token_file(running: Environment) -> Path:
    return running.run.plan.folder / "auth" / "token"


def test_a_new_token_is_taken_up_without_restart(delivering: Environment) -> None:
    xscaler, pids = delivering.run.xscaler, [child.pid for child in delivering.run.collectors]
    refused = dict(delivering.account().rejected)
    old = token_file(delivering).read_text()

    def taken_up() -> bool:
        with_old, with_new = xscaler.admitted(old), xscaler.admitted("rotated")
        until(lambda: xscaler.admitted("rotated") >= with_new + 3, "the new token is not taken up")
        return xscaler.admitted(old) == with_old

    xscaler.add_token("rotated", Token(TENANT, Scope.WRITE))
    change(token_file(delivering), "rotated")
    until(taken_up, "the old token is still in use")
    xscaler.revoke_token(old)
    served = scrapes_so_far(delivering)
    until(lambda: everything_has_arrived(delivering, served), "nothing arrives with the new token")
    assert dict(delivering.account().rejected) == refused
    assert [child.pid for child in delivering.run.collectors] == pids
    assert all(child.process.returncode is None for child in delivering.run.collectors)


def test_a_wrong_token_is_counted_and_named(delivering: Environment) -> None:
    token = token_file(delivering).read_text()
    change(token_file(delivering), "wrong")
    until(lambda: delivering.account().rejected.get("unauthorized", 0) > 0, "the refusal was not counted")
    # The right one is enough to repair it.
    change(token_file(delivering), token)
    accepted = delivering.account().accepted
    until(lambda: delivering.account().accepted > accepted, "nothing arrives with the right token again")
    account = delivering.account()
    said = problems(rejected=account.rejected, accepted=account.accepted)
    assert any(
        re.search(r"rejected \d+ samples: unauthorized", item.what) and "token is wrong or expired" in item.fix
        for item in said
    )


def problems(**evidence: Any) -> tuple[Problem, ...]:
    empty = verdict.Evidence(
        expected=(), scraped=(), scrapes_per_interval={}, accepted=0, rejected={}, metrics=frozenset()
    )
    return verdict.judge(dataclasses.replace(empty, **evidence)).problems
