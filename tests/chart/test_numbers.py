"""Numbers in the pages follow from values, tested versions, and tables of other pages."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.support.paths import CHART, ROOT
from xscaler_istio.commands.lint import NEWEST_KUBERNETES
from xscaler_istio.rendered.collectors import COLLECTORS

PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), CHART / "README.md"]
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SERIES = 500_000
SAMPLES_A_SECOND = SERIES / 30


def text(page: str) -> str:
    return (ROOT / page).read_text()


def rows(page: str, heading: str) -> dict[str, list[str]]:
    """Return the rows of the tables below a heading, by their first cell."""
    below = text(page).partition(f"\n{heading}\n")[2].partition("\n## ")[0]
    lines = re.findall(r"(?m)^\| (.*) \|$", below)
    return {cells[0]: cells[1:] for cells in (line.split(" | ") for line in lines)}


def number(cell: str) -> float:
    return float(re.sub(r"[^\d.]", "", cell.partition(" ")[0]))


def test_the_range_of_kubernetes_versions_is_the_tested_one() -> None:
    oldest = re.findall(r'(?m)^kubeVersion: ">=(1\.\d+)\.', (CHART / "Chart.yaml").read_text())
    newest = ".".join(NEWEST_KUBERNETES.split(".")[:2])
    found = {pair for page in PAGES for pair in re.findall(r"\b(1\.2\d) to (1\.3\d)\b", page.read_text())}
    assert found == {(oldest[0], newest)}


@pytest.mark.parametrize(
    ("page", "words", "limit"),
    [
        ("README.md", r"more\s+than (\d+) labels", "labelsPerSeries"),
        ("README.md", r"([\d,]+) samples a request", "samplesPerRequest"),
        ("docs/architecture.md", r"No series has more than (\d+) labels", "labelsPerSeries"),
        ("docs/architecture.md", r"At most ([\d,]+) samples", "samplesPerRequest"),
        ("docs/glossary.md", r"rejects a series, (\d+) by default", "labelsPerSeries"),
    ],
)
def test_a_limit_is_that_of_the_values(page: str, words: str, limit: str) -> None:
    (shown,) = re.findall(words, text(page))
    assert int(shown.replace(",", "")) == VALUES["xscaler"]["limits"][limit]


def test_the_examples_of_proxies_follow_from_the_series_of_a_combination() -> None:
    parts = rows("docs/cost.md", "## Metrics")
    (fixed, each) = (parts["fixed"], next(cells for name, cells in parts.items() if name.startswith("each")))
    examples = {name: cells for name, cells in rows("docs/scale.md", "## How many series").items() if name.isdecimal()}
    assert len(examples) > 2
    for name, (exposed, kept, _) in examples.items():
        counted = [int(fixed[place]) + int(each[place]) * int(name) for place in (3, 2)]
        assert [number(exposed), number(kept)] == counted


@pytest.mark.parametrize("name", COLLECTORS)
def test_the_load_follows_from_the_measurements(name: str) -> None:
    line = rf"(?m)^\| `{name}` \| yes \|.*\| ([\d.]+) \| \d+ MiB \(.*\) \| (\d+) \| (\d+) \|$"
    ((cpu, size, samples),) = re.findall(line, text("docs/collectors.md"))
    place = list(COLLECTORS).index(name)
    load = [cells[place] for cells in rows("docs/scale.md", "## CPU, requests, disk").values() if numeric(cells)]
    assert load == [
        f"{SAMPLES_A_SECOND * float(cpu) / 1e6:.2f}",
        f"{SAMPLES_A_SECOND / int(samples):.0f}",
        f"{SAMPLES_A_SECOND * int(size) / 1e6:.1f}",
    ]


def numeric(cells: list[str]) -> bool:
    """Return whether a row consists of numbers; a heading does not."""
    return all(re.fullmatch(r"[\d.]+", cell) for cell in cells)
