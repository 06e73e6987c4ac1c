"""The profile `dashboards` serves what dashboards, Kiali and mixins read: tests/chart/evidence.yaml."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.support.paths import CHART, ROOT
from tests.support.tools import go_module

from .profile import FACTS, known_labels, read_by, served

if TYPE_CHECKING:
    from collections.abc import Mapping

EVIDENCE = yaml.safe_load((ROOT / "tests/chart/evidence.yaml").read_text())
DETAILS = {metric for listed in EVIDENCE["details"].values() for metric in listed}
MODULES = ("istio.io/istio", "github.com/kiali/kiali")
EMPTIED = {f"{side}_{what}" for side in ("source", "destination") for what in ("app", "version")}


@pytest.fixture(scope="module")
def reading() -> Mapping[str, Mapping[str, set[str]]]:
    """What tools/evidence finds in the modules: metrics and labels by source."""
    by_file = {f"istio.io/istio {source['file'].split()[-1]}": name for name, source in EVIDENCE["sources"].items()}
    found: dict[str, dict[str, set[str]]] = collections.defaultdict(lambda: {"metrics": set(), "labels": set()})
    for item in read_by(*(go_module(module) for module in MODULES)):
        name = by_file.get(f"istio.io/istio {item['file']}", "kiali")
        assert name != "kiali" or item["file"].endswith(".go"), f"{item['file']} is a dashboard without a source"
        found[name]["metrics"] |= set(item["metrics"])
        found[name]["labels"] |= set(item["labels"])
    return found


@pytest.mark.parametrize("what", ["metrics", "labels"])
def test_the_list_says_what_the_modules_say(reading: Mapping[str, Mapping[str, set[str]]], what: str) -> None:
    listed = {
        source: {name for name, sources in EVIDENCE[what].items() if source in sources}
        for source in EVIDENCE["sources"]
        if not source.startswith("mixin")
    }
    assert {source: names[what] for source, names in reading.items()} == listed


def test_every_entry_has_a_known_source_and_every_exemption_a_reason() -> None:
    for what in ("metrics", "labels"):
        for name, sources in EVIDENCE[what].items():
            assert sources, name
            assert set(sources) <= EVIDENCE["sources"].keys(), name
        assert EVIDENCE["exempt"][what].keys() <= EVIDENCE[what].keys()
        assert all(EVIDENCE["exempt"][what].values())


@pytest.mark.parametrize("metric", sorted(EVIDENCE["metrics"].keys() - EVIDENCE["exempt"]["metrics"].keys() - DETAILS))
def test_a_metric_that_is_read_is_kept(metric: str) -> None:
    assert served(metric)


@pytest.mark.parametrize("detail", EVIDENCE["details"])
def test_a_detail_serves_what_is_read_rarely_and_the_profile_does_not(detail: str) -> None:
    listed = EVIDENCE["details"][detail]
    assert set(listed) <= EVIDENCE["metrics"].keys()
    assert [metric for metric in listed if served(metric)] == []
    assert [metric for metric in listed if not served(metric, f"metrics.proxyDetails={{{detail}}}")] == []
    # One series each: what files/details.yaml says that a proxy then has more.
    assert yaml.safe_load((CHART / "files/details.yaml").read_text())[detail]["fixed"] == len(listed)


@pytest.mark.parametrize("metric", sorted(EVIDENCE["exempt"]["metrics"]))
def test_an_exemption_is_needed(metric: str) -> None:
    assert not served(metric)


def test_no_label_that_is_read_is_emptied() -> None:
    read = EVIDENCE["labels"].keys() - EVIDENCE["exempt"]["labels"].keys()
    assert read - known_labels() == set()
    assert read & EMPTIED == set()
    # The two that go when labels of one's own come.
    assert read & set(FACTS["groups"]["regions"]) == set()
