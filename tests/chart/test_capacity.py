"""One table (files/capacity.yaml) says what a shard carries: requests, limits, comments, docs and rules agree."""

from __future__ import annotations

import math
import re

import pytest
import yaml

from tests.support.paths import CHART, ROOT
from xscaler_istio.checks import facts
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.values.units import bytes_of

TABLE = yaml.safe_load((CHART / "files/capacity.yaml").read_text())
CAPACITY = facts.read(CHART, "dashboards").capacity
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCALE = (ROOT / "docs/scale.md").read_text()
each = pytest.mark.parametrize("name", COLLECTORS)


def carried(name: str) -> str:
    """Return what a shard carries by default, rounded down to 5,000, as people write it."""
    series = CAPACITY.carried(name, int(bytes_of(TABLE["memory"]) or 0))
    return f"{series // 5000 * 5000:,}"


@each
def test_request_and_limit_are_those_of_the_table(name: str) -> None:
    resources = VALUES[name]["resources"]
    assert resources["requests"]["memory"] == resources["limits"]["memory"] == TABLE["memory"]


@each
def test_the_requested_storage_holds_the_write_ahead_log_of_the_memory(name: str) -> None:
    """About ten bytes a sample, for the six hours that samples are kept at most (docs/scale.md)."""
    requests, settings = VALUES[name]["resources"]["requests"], VALUES[name]["persistence"]
    if name == "opentelemetry":
        assert "ephemeral-storage" not in requests
        return
    scrapes = 6 * 60 * 60 // int(VALUES["metrics"]["scrapeInterval"].removesuffix("s"))
    written = 10 * scrapes * CAPACITY.carried(name, int(bytes_of(TABLE["memory"]) or 0))
    requested = bytes_of(requests["ephemeral-storage"]) or 0
    assert written < requested < (bytes_of(settings["size"]) or 0)


def test_the_log_agent_requests_its_limit() -> None:
    """A pod above its request is evicted first, and an agent that ends so loses what its queue holds."""
    resources = VALUES["logAgent"]["resources"]
    assert resources["requests"]["memory"] == resources["limits"]["memory"] == TABLE["logAgentMemory"]
    text = " ".join((ROOT / "docs/scale.md").read_text().split())
    assert f"requests {TABLE['logAgentMemory']} of memory on each node, which is also its limit" in text
    # What bench_log_memory.py printed.
    measured = [int(number) for number in re.findall(r"(\d+) MiB", text.partition("which is also its limit")[2])[:2]]
    assert 2 * max(measured) * 2**20 < (bytes_of(TABLE["logAgentMemory"]) or 0)


@each
def test_the_comments_promise_what_the_memory_carries(name: str) -> None:
    text = (CHART / "values.yaml").read_text()
    block = text.partition(f"\n{name}:\n")[2].partition("\n\n")[0]
    above = re.search(r"((?:  #.*\n)+)  resources:", block)
    assert above
    words = " ".join(above[1].replace("#", " ").split())
    assert f"{CAPACITY.bytes_per_series[name] // 1000} KB" in words
    assert f"{TABLE['memory']} carry about {carried(name)} series" in words
    shards = re.search(r"((?:  #.*\n)+)  shards:", text)
    assert shards
    assert carried(name) in shards[1]


@each
def test_the_documentation_has_the_numbers_of_the_table(name: str) -> None:
    row = next(line for line in SCALE.splitlines() if line.startswith(f"| `{name}` |"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    most = CAPACITY.most_series * CAPACITY.bytes_per_series[name] + CAPACITY.memory_at_rest
    assert cells[1] == f"{CAPACITY.bytes_per_series[name] // 1000} KB"
    assert cells[3:] == [TABLE["memory"], f"{carried(name)} series", f"{math.ceil(most / 2**20)}Mi"]
    assert f"{CAPACITY.most_series:,}" in SCALE


@each
def test_what_was_measured_is_below_the_budget(name: str) -> None:
    """docs/scale.md has what bench_capacity.py printed: in a quiet mesh, after a rollout and after two."""
    row = next(line for line in SCALE.splitlines() if line.startswith(f"| `{name}` |"))
    shares = [int(share) for share in re.findall(r"(\d+) %", row)]
    assert len(shares) == 3
    assert shares == sorted(shares)
    assert shares[-1] < 100


def test_every_collector_is_in_the_table() -> None:
    assert CAPACITY.bytes_per_series.keys() == COLLECTORS.keys() == CAPACITY.bytes_per_sample.keys()


@each
def test_bytes_of_a_sample_are_those_that_were_measured(name: str) -> None:
    """docs/histograms.md has what bench_histograms.py printed, each scrape of a round once."""
    rows = (ROOT / "docs/histograms.md").read_text().splitlines()
    measured = [row.replace(",", "").split("|") for row in rows if row.startswith(f"| `{name}` | `")]
    assert [row[2].strip().strip("`") for row in measured] == list(CAPACITY.bytes_per_sample[name])
    for row, stated in zip(measured, CAPACITY.bytes_per_sample[name].values(), strict=True):
        series, kilobytes = (int(cell.split()[0]) for cell in row[3:5])
        assert stated == round(1000 * kilobytes / series)
