"""Every shape of pod gives exactly the right target or none, through the real collectors."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.environments import COLLECTORS, Environment, configs, environment, numbered
from tests.support.waiting import until
from xscaler_istio.local import oracle

from .shapes import SHAPES, Shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from anyio.from_thread import BlockingPortal

EXPECTED = {shape.name: shape.url for shape in SHAPES if shape.url}
by_name = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)


pytestmark = pytest.mark.xdist_group("pod shapes")


@pytest.fixture(scope="module")
def discovery(portal: BlockingPortal) -> Iterator[Environment]:
    found = [configs(f"metrics.collector={name}", f"cluster.name={name}")[0] for name in COLLECTORS]
    with environment(
        portal,
        configs=numbered(*found),
        backend="prometheus",
        interval=2,
        workloads=(),
        real_envoys=False,
        pods=tuple(shape.manifest for shape in SHAPES),
    ) as running:
        wanted = len(COLLECTORS) * len(EXPECTED)
        # Thrice: a target that is too many has come by then, too.
        thrice = "count_over_time(up[30m]) >= 3"
        until(lambda: len(running.query(thrice)) >= wanted, "not all targets arrived")
        yield running


@pytest.fixture(scope="module")
def arrived(discovery: Environment) -> Mapping[tuple[str, str], list[dict[str, str]]]:
    """The labels of `up` by collector and pod."""
    found: dict[tuple[str, str], list[dict[str, str]]] = {}
    for sample in discovery.query("up"):
        found.setdefault((sample.labels["cluster"], sample.labels.get("pod", "")), []).append(dict(sample.labels))
    return found


@pytest.fixture(scope="module")
def scraped(discovery: Environment) -> Mapping[str, list[dict[str, Any]]]:
    """What Prometheus itself says about its targets, by pod."""
    number = COLLECTORS.index("prometheus")
    url = f"http://{discovery.run.network.collector(number)}:9090/api/v1/targets?state=active"
    with urllib.request.urlopen(url) as answer:
        targets = json.load(answer)["data"]["activeTargets"]
    found: dict[str, list[dict[str, Any]]] = {}
    for target in targets:
        found.setdefault(target["labels"]["pod"], []).append(target)
    return found


@by_name
def test_prometheus_scrapes_the_right_url_or_none(shape: Shape, scraped: Mapping[str, list[dict[str, Any]]]) -> None:
    found = [(target["scrapePool"], target["scrapeUrl"]) for target in scraped.get(shape.name, [])]
    assert found == ([(shape.job, shape.url)] if shape.url else [])


@pytest.mark.parametrize("collector", COLLECTORS)
@by_name
def test_one_target_arrives_or_none(
    collector: str, shape: Shape, arrived: Mapping[tuple[str, str], list[dict[str, str]]]
) -> None:
    expected = oracle.expected_targets([shape.manifest], oracle.Choices(cluster=collector))
    assert [target.url for target in expected] == ([shape.url] if shape.url else [])
    labels = [{**target.labels, "__name__": "up"} for target in expected]
    assert arrived.get((collector, shape.name), []) == labels


def test_nothing_else_arrives(arrived: Mapping[tuple[str, str], list[dict[str, str]]]) -> None:
    assert {pod for _, pod in arrived} == EXPECTED.keys()
