"""kube-score's findings are those of kube-score.yaml, which has the reason for each."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.paths import ROOT, ci
from tests.support.rendering import template
from tests.support.tools import tool
from xscaler_istio.commands.lint import NEWEST_KUBERNETES
from xscaler_istio.rendered.collectors import COLLECTORS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# A check, its words, and the component of the object.
Finding = tuple[str, str, str]
KEPT: list[dict[str, Any]] = yaml.safe_load((ROOT / "tests/chart/kube-score.yaml").read_text())
EXPECTED = {(item["check"], item["finding"], component) for item in KEPT for component in item["components"]}
# Every kind of pod: each collector, and agents that read files and through the API server.
RELEASES: Mapping[str, tuple[str, ...]] = {
    **{name: ("--set", f"metrics.collector={name},logs.enabled=true") for name in COLLECTORS},
    "api": ("--set", "logs.enabled=true,logs.source=api"),
    "operations": ("--values", str(ci("operations")), "--set", "logs.enabled=true"),
}
# From here on it is good; 1 is critical and 5 a warning.
_GOOD = 10


def findings(*values: str) -> set[Finding]:
    version = "v" + NEWEST_KUBERNETES.rpartition(".")[0]
    command = [str(tool("kube-score")), "score", "-", "-o", "json", "--kubernetes-version", version]
    text = template("helm4", "--values", str(ci("default")), *values)
    done = subprocess.run(command, check=False, capture_output=True, text=True, input=text)
    assert done.stdout, done.stderr
    return {found for item in json.loads(done.stdout) for found in _of_object(item)}


def _of_object(item: dict[str, Any]) -> Iterator[Finding]:
    component = item["object_meta"]["labels"]["app.kubernetes.io/component"]
    for check in item["checks"]:
        if check["grade"] < _GOOD and not check["skipped"]:
            for comment in check["comments"] or ():
                yield check["check"]["id"], comment["summary"], component


def test_each_line_has_a_reason_and_stands_once() -> None:
    assert all(item["reason"].endswith(".") for item in KEPT)
    assert len(EXPECTED) == sum(len(item["components"]) for item in KEPT)


@pytest.mark.whole(
    "make test checks objects by Kubernetes' schemas and pod security; this compares with a list of habits"
)
def test_the_findings_are_those_of_the_list() -> None:
    found = set().union(*(findings(*values) for values in RELEASES.values()))
    assert found - EXPECTED == set(), "fix these, or give a reason in kube-score.yaml"
    assert EXPECTED - found == set(), "remove these from kube-score.yaml"


@pytest.mark.whole("as the list")
def test_what_the_values_can_fix_is_fixed() -> None:
    amounts = json.dumps({"limits": {"cpu": "1", "ephemeral-storage": "4Gi"}})
    kept = {
        check
        for check, _, component in findings(
            *("--set", "networkPolicy.enabled=true,prometheus.image.pullPolicy=Always,tests.enabled=false"),
            *("--set-json", f"prometheus.resources={amounts}"),
        )
        if component == "metrics"
    }
    assert kept == {"deployment-strategy", "deployment-replicas"}
