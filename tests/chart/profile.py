"""What the default profile keeps, and what dashboards and programs read of it."""

from __future__ import annotations

import functools
import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import yaml

from tests.support.alerts import KEPT
from tests.support.paths import CHART, ci
from tests.support.relabel import relabel
from tests.support.rendering import prometheus_config, template
from tests.support.tools import tool

if TYPE_CHECKING:
    from pathlib import Path

FACTS = yaml.safe_load((CHART / "files/labels.yaml").read_text())
PROFILE = yaml.safe_load((CHART / "files/profiles/dashboards.yaml").read_text())
# What a scrape itself gives is kept whatever a profile says.
REPORT = {
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
}


def read_by(*folders: Path) -> list[dict[str, Any]]:
    """Return what tools/evidence finds in folders: by file the metrics and labels that its expressions read."""
    command = [tool("evidence"), *folders]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: list[dict[str, Any]] = json.loads(printed)
    for item in found:
        assert item["unparsed"] == [], item["file"]
    return found


@functools.cache
def _rules(*sets: str) -> dict[str, list[dict[str, Any]]]:
    flags = (word for pair in sets for word in ("--set", pair))
    config = prometheus_config(template("helm4", "--values", str(ci("default")), *flags))
    found = {job["job_name"]: job["metric_relabel_configs"] for job in config["scrape_configs"]}
    return {name: rules for name, rules in found.items() if name in PROFILE["keep"]}


def _keeps(name: str, *sets: str) -> bool:
    labels = {"__name__": name, **({"le": "+Inf"} if name.endswith("_bucket") else {})}
    return any(relabel(labels, found) is not None for found in _rules(*sets).values())


def served(name: str, *sets: str) -> bool:
    """Tell whether a metric is kept with these values; Kiali names some histograms without the suffix."""
    if name in FACTS["histograms"]:
        return all(_keeps(f"{name}_{suffix}", *sets) for suffix in ("bucket", "sum", "count"))
    return name in REPORT or _keeps(name, *sets) or any(re.fullmatch(kept, name) for kept in KEPT)


def known_labels() -> set[str]:
    """Return the labels that series of the chart have, in the worst case."""
    return {label for group in FACTS["groups"].values() for label in group} | set(FACTS["other"])
