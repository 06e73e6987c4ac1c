"""The verdict says yes only when all is as it should be, and else what to do."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from xscaler_istio.local import oracle, verdict
from xscaler_istio.local.mesh import topology
from xscaler_istio.local.network import Network

PODS = [member.pod.manifest for member in topology.build(topology.small(), Network(10), 0)]
EXPECTED = oracle.expected_targets(PODS, oracle.Choices("c"))
GOOD = verdict.Evidence(
    expected=EXPECTED,
    scraped=tuple(verdict.Scraped(target.labels, up=True) for target in EXPECTED),
    scrapes_per_interval={verdict.target_pod(target): 1.1 for target in EXPECTED},
    accepted=1000,
    rejected={},
    metrics=frozenset(name for names in verdict.REQUIRED.values() for name in names),
)
FIRST = GOOD.scraped[0]


def name(target: oracle.Target) -> str:
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
