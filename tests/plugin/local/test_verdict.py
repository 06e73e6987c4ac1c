"""The verdict says yes only when all is as it should be, and else what to do."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from xscaler_istio.local import oracle, verdict
from xscaler_istio.local.log_oracle import LogChoices, LogCount
from xscaler_istio.local.mesh import placed
from xscaler_istio.local.network import Network
from xscaler_istio.local.xscaler.log_gateway import LogAccount
from xscaler_istio.mesh import topology

PODS = [member.pod.manifest for member in placed.build(topology.small(), Network(10), 0)]
EXPECTED = oracle.expected_targets(PODS, oracle.Choices(cluster="c"))
GOOD = verdict.Evidence(
    expected=EXPECTED,
    scraped=tuple(verdict.Scraped(target.labels, up=True) for target in EXPECTED),
    scrapes_per_interval={verdict.target_pod(target): 1.1 for target in EXPECTED},
    accepted=1000,
    rejected={},
    metrics=frozenset(name for names in verdict.REQUIRED.values() for name in names),
)
FIRST = GOOD.scraped[0]


def name(target: oracle.ExpectedTarget) -> str:
    return "/".join(verdict.target_pod(target))


def test_all_is_well() -> None:
    judged = verdict.judge(GOOD)
    assert judged.ok
    assert len(judged.found) == len(judged.expected) == 14
    assert judged.by_kind == {"proxies": 8, "ztunnel": 2, "istiod": 2, "cni": 2}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"scraped": GOOD.scraped[1:]}, f"never arrived: {name(EXPECTED[0])}"),
        ({"scraped": (*GOOD.scraped, FIRST)}, f"scraped more than once: {name(EXPECTED[0])}"),
        (
            {"scrapes_per_interval": {**GOOD.scrapes_per_interval, FIRST.pod: 2.0}},
            f"scraped more than once: {name(EXPECTED[0])}",
        ),
        (
            {"scraped": (*GOOD.scraped, verdict.Scraped({"namespace": "jobs", "pod": "batch-0"}, up=True))},
            "scraped but no target of the mesh: jobs/batch-0",
        ),
        (
            {"scraped": (verdict.Scraped(FIRST.labels, up=False), *GOOD.scraped[1:])},
            f"found, but its scrapes fail: {name(EXPECTED[0])}",
        ),
        (
            {"scraped": (verdict.Scraped({**FIRST.labels, "instance": "elsewhere"}, up=True), *GOOD.scraped[1:])},
            f"never arrived: {name(EXPECTED[0])}",
        ),
        (
            {"rejected": {"max_label_names_per_series": 40}},
            "xScaler refused 40 samples: max_label_names_per_series",
        ),
        ({"accepted": 0}, "xScaler accepted no sample"),
        ({"metrics": GOOD.metrics - {"pilot_xds_pushes"}}, "metrics missing: pilot_xds_pushes"),
        ({"expected": (), "scraped": ()}, "no target was expected"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_thing_wrong_is_no(change: dict[str, Any], problem: str) -> None:
    judged = verdict.judge(dataclasses.replace(GOOD, **change))
    assert not judged.ok
    assert [item.what for item in judged.problems] == [problem]
    assert all(item.fix for item in judged.problems)


GOOD_LOGS = verdict.LogEvidence(
    count=LogCount(written=100, once=100, more=0, lost=0, foreign=0, with_fields=90),
    chosen=LogChoices(files=True),
    account=LogAccount(entries=(), rejected={}, deferred={}, requests={204: 1}, received_bytes=1000, last_refusal=""),
    secrets_seen=0,
)


def logs_with(**change: int) -> dict[str, Any]:
    return {"count": dataclasses.replace(GOOD_LOGS.count, **change)}


def test_all_is_well_with_logs() -> None:
    assert verdict.judge_logs(GOOD_LOGS).ok


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (logs_with(lost=3), "3 of 100 log lines never arrived"),
        (logs_with(more=2), "2 log lines arrived more than once"),
        (logs_with(foreign=1), "1 lines arrived that nobody wrote"),
        (logs_with(with_fields=0), "no access line came with its fields"),
        ({"secrets_seen": 4}, "4 lines held a query string"),
        (
            {"account": dataclasses.replace(GOOD_LOGS.account, rejected={"unauthorized": 7})},
            "xScaler refused 7 log lines: unauthorized",
        ),
        (
            {"account": dataclasses.replace(GOOD_LOGS.account, last_refusal="structured metadata is disallowed")},
            "xScaler refused log lines: structured metadata is disallowed",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_thing_wrong_with_logs_is_no(change: dict[str, Any], problem: str) -> None:
    judged = verdict.judge_logs(dataclasses.replace(GOOD_LOGS, **change))
    assert [item.what for item in judged.problems] == [problem]
    assert all(item.fix for item in judged.problems)


@pytest.mark.parametrize(
    ("chosen", "change"),
    [
        (LogChoices(samples=True), logs_with(lost=3)),
        (LogChoices(masks=True), logs_with(foreign=3)),
        (LogChoices(metadata=False), logs_with(with_fields=0)),
        (LogChoices(redacts=False), {"secrets_seen": 3}),
    ],
)
def test_what_the_values_ask_for_is_no_problem(chosen: LogChoices, change: dict[str, Any]) -> None:
    assert verdict.judge_logs(dataclasses.replace(GOOD_LOGS, chosen=chosen, **change)).ok
