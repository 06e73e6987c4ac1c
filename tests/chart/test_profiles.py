"""docs/profiles.md and docs/cost.md count series: counted again, on pages of a mesh, through the rendered rules."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

import pytest

from tests.support.paths import ROOT, ci
from tests.support.relabel import relabel
from tests.support.rendering import prometheus_config, template
from xscaler_istio.mesh import pages
from xscaler_istio.mesh.model import Version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xscaler_istio.mesh.exposition import Page

PROFILES = ("minimal", "dashboards", "full")
NEWEST = Version(1, 31)
SIZES = "metrics.excludeMetrics={istio_(request|response)_bytes_(bucket|sum|count)}"


def combination(protocol: str) -> pages.Combination:
    return pages.Combination(
        reporter="destination",
        source=pages.Party("cart", "shop"),
        destination=pages.Party("till", "shop"),
        protocol=protocol,
    )


# The table's rows: the job, and the page with and without one combination.
ROWS: dict[str, tuple[str, Page, Page]] = {
    **{
        f"a proxy, for each combination of {name}": (
            "proxies",
            pages.standard_page([combination(name.lower())]),
            pages.standard_page([]),
        )
        for name in ("HTTP", "gRPC", "TCP")
    },
    "ztunnel, for each combination": (
        "ztunnel",
        pages.ztunnel_page(NEWEST, [combination("tcp")]),
        pages.ztunnel_page(NEWEST, []),
    ),
}


def series(page: Page) -> Iterator[dict[str, str]]:
    for line in page.render(0).decode().splitlines():
        if found := re.match(r"([A-Za-z_:][\w:]*)(?:\{(.*)\})? ", line):
            yield {"__name__": found[1], **dict(re.findall(r'(\w+)="([^"]*)"', found[2] or ""))}


@functools.cache
def kept(job: str, page: Page, *sets: str) -> int:
    words = [word for pair in sets for word in ("--set", pair)]
    config = prometheus_config(template("helm4", "--values", str(ci("default")), *words))
    (rules,) = [item["metric_relabel_configs"] for item in config["scrape_configs"] if item["job_name"] == job]
    return sum(relabel(labels, rules) is not None for labels in series(page))


def table(name: str, heading: str) -> dict[str, list[str]]:
    """Return the rows of the first table behind a heading, by their first cell."""
    text = (ROOT / "docs" / name).read_text().partition(f"\n{heading}\n")[2]
    lines = re.findall(r"(?m)^\| (.*) \|$", text.partition("\n\n|")[2].partition("\n\n")[0])
    return {cells[0]: cells[1:] for cells in (line.split(" | ") for line in lines)}


@pytest.mark.parametrize("row", ROWS)
def test_series_of_a_combination(row: str) -> None:
    job, page, without = ROWS[row]
    whole = len(list(series(page))) - len(list(series(without)))
    counted = [
        kept(job, page, f"metrics.profile={profile}") - kept(job, without, f"metrics.profile={profile}")
        for profile in PROFILES
    ]
    assert table("profiles.md", "## Series")[row] == [str(number) for number in (whole, *counted)]


@pytest.mark.parametrize("profile", PROFILES)
def test_without_sizes_a_combination_has_23_series(profile: str) -> None:
    job, page, _ = ROWS["a proxy, for each combination of HTTP"]
    assert kept(job, page, f"metrics.profile={profile}", SIZES) == 23
    assert "This is 23 series a combination in every profile" in (ROOT / "docs/profiles.md").read_text()


def test_included_metrics_of_the_page_are_kept() -> None:
    text = (ROOT / "docs/profiles.md").read_text().partition("## More")[2]
    (names,) = re.findall(r"includeMetrics:\n((?: +- .*\n)+)", text)
    included = re.findall(r"- (\S+)", names)
    config = template(
        "helm4", "--values", str(ci("default")), "--set", f"metrics.includeMetrics={{{','.join(included)}}}"
    )
    jobs = {item["job_name"]: item["metric_relabel_configs"] for item in prometheus_config(config)["scrape_configs"]}
    for name in ("envoy_cluster_upstream_rq_retry", "envoy_cluster_upstream_cx_connect_fail"):
        assert relabel({"__name__": name}, jobs["proxies"])


def test_the_example_of_the_cost_follows_from_the_formula() -> None:
    parts = table("cost.md", "## Metrics")
    fixed = dict(zip(PROFILES, map(int, parts["fixed"]), strict=True))
    (label,) = [name for name in parts if name.startswith("each")]
    each = dict(zip(PROFILES, map(int, parts[label]), strict=True))
    http = table("profiles.md", "## Series")["a proxy, for each combination of HTTP"][1:]
    assert list(each.values()) == [int(cell) for cell in http]
    text = (ROOT / "docs/cost.md").read_text()
    rows = re.findall(r"\| `(\w+)`( without sizes)? \| ([\d,]+) \| ([\d,]+) \| (\d+) billion \|", text)
    assert {name for name, *_ in rows} == set(PROFILES)
    for name, without, *numbers in rows:
        total = 300 * (fixed[name] + (23 if without else each[name]) * 30)
        shown = [int(number.replace(",", "")) for number in numbers]
        assert shown == [total, total // 30, round(total / 30 * 2_592_000 / 1e9)], name
