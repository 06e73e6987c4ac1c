"""docs/profiles.md and docs/cost.md count series: counted again, on pages of a mesh, through the rendered rules."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.paths import CHART, ROOT, ci
from tests.support.relabel import relabel
from tests.support.rendering import prometheus_config, template
from xscaler_istio.mesh import pages
from xscaler_istio.mesh.model import Version

from .profile import read_by, served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xscaler_istio.mesh.exposition import Page

PROFILES = ("minimal", "traffic", "dashboards", "full")
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
def rules(job: str, *sets: str) -> list[dict[str, Any]]:
    words = [word for pair in sets for word in ("--set", pair)]
    config = prometheus_config(template("helm4", "--values", str(ci("default")), *words))
    (found,) = [item["metric_relabel_configs"] for item in config["scrape_configs"] if item["job_name"] == job]
    return list(found)


@functools.cache
def kept(job: str, page: Page, *sets: str) -> int:
    return sum(relabel(labels, rules(job, *sets)) is not None for labels in series(page))


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


@pytest.mark.parametrize("profile", PROFILES)
def test_ten_bounds_of_a_pod_give_40_series(profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "ISTIO_BOUNDS", [str(2**power) for power in range(1, 11)])
    own = pages.standard_page([combination("http")])
    assert kept("proxies", own, f"metrics.profile={profile}") == 40
    assert "so 40 with ten bounds" in (ROOT / "docs/cost.md").read_text()


FIXED = {name: yaml.safe_load((CHART / f"files/profiles/{name}.yaml").read_text())["fixed"] for name in PROFILES}
# What a proxy exposes beside its traffic. That of `full` was measured on a real sidecar.
AGENT, ENVOY = pages.agent_page(NEWEST), pages.envoy_page(NEWEST)


@pytest.mark.parametrize("profile", ["minimal", "traffic", "dashboards"])
def test_series_of_a_proxy_that_do_not_grow(profile: str) -> None:
    counted = [kept("proxies", page, f"metrics.profile={profile}") for page in (AGENT, ENVOY)]
    assert sum(counted) == FIXED[profile] <= 15


@pytest.mark.parametrize(("detail", "more"), [("agent", 7), ("controlPlane", 2)])
def test_series_of_a_detail(detail: str, more: int) -> None:
    counted = [kept("proxies", page, f"metrics.proxyDetails={{{detail}}}") for page in (AGENT, ENVOY)]
    assert sum(counted) == FIXED["dashboards"] + more
    assert f"`{detail}` {more}" in (ROOT / "docs/cost.md").read_text()
    assert f"| `{detail}` | {more} |" in (ROOT / "docs/profiles.md").read_text()


def test_each_of_them_is_read_by_the_chart() -> None:
    boards, alerts = CHART.glob("files/dashboards/*.json"), CHART.glob("files/alerts/*/*.yaml")
    read = "".join(file.read_text() for file in (*boards, *alerts, ROOT / "docs/runbooks.md"))
    failures = pages.scrape_failures_page({"envoy": 1})
    names = {labels["__name__"] for page in (AGENT, ENVOY, failures) for labels in series(page)}
    stay = {name for name in names if relabel({"__name__": name}, rules("proxies"))}
    assert len(stay) > FIXED["dashboards"]
    assert [name for name in stay if name not in read] == []


LOST = {
    "workload": {
        "istio_agent_cert_expiry_seconds",
        "envoy_server_memory_allocated",
        "envoy_cluster_manager_cds_update_rejected",
        "envoy_listener_manager_lds_update_rejected",
    }
}


def test_traffic_keeps_every_metric_of_the_panels_on_traffic() -> None:
    found = {
        Path(item["file"]).stem: set(item["metrics"]) - {"variable"} for item in read_by(CHART / "files/dashboards")
    }
    for name in ("mesh", "service", "workload", "ambient"):
        assert {metric for metric in found[name] if not served(metric, "metrics.profile=traffic")} == LOST.get(
            name, set()
        )


def test_traffic_shows_sizes_as_means() -> None:
    # A quantile of sizes would need the buckets that this profile drops.
    for file in CHART.glob("files/dashboards/*.json"):
        assert "bytes_bucket" not in file.read_text()


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
    assert fixed == FIXED
    (label,) = [name for name in parts if name.startswith("each") and "native" not in name]
    each = dict(zip(PROFILES, map(int, parts[label]), strict=True))
    http = table("profiles.md", "## Series")["a proxy, for each combination of HTTP"][1:]
    assert list(each.values()) == [int(cell) for cell in http]
    text = (ROOT / "docs/cost.md").read_text()
    row = r"\| `(\w+)`(, `metrics\.histograms: native`)?( without sizes)? \| ([\d,]+) \| ([\d,]+) \| (\d+) billion \|"
    rows = re.findall(row, text)
    assert {name for name, *_ in rows} == set(PROFILES)
    assert any(native and without for _, native, without, *_ in rows)
    for name, native, without, *numbers in rows:
        combination = (2 if without else 4) if native else 23 if without else each[name]
        total = 300 * (fixed[name] + combination * 30)
        shown = [int(number.replace(",", "")) for number in numbers]
        assert shown == [total, total // 30, round(total / 30 * 2_592_000 / 1e9)], name
