"""The configurations of the ten-line values, one for each collector and the log agents'; `make golden` writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.rendered.manifests import LOGS
from xscaler_istio.rendered.release import Release

from .paths import ROOT, ci
from .rendering import template

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

GOLDEN = ROOT / "tests/chart/golden"
FILES: Mapping[str, str] = {**{name: entry.config_file for name, entry in COLLECTORS.items()}, LOGS: "logs.alloy"}


def text(name: str, helm: str) -> str:
    """Return the configuration of a collector, or of the log agents."""
    chosen = () if name == LOGS else ("--set", f"metrics.collector={name}")
    rendered = template(helm, "--values", str(ci("default")), "--set", "logs.enabled=true", *chosen)
    return Release.of(rendered).config_text(name, 0)


def write(folder: Path) -> None:
    """Write them all."""
    for name, file in FILES.items():
        (folder / file).write_text(text(name, "helm4"), encoding="utf-8")


if __name__ == "__main__":
    write(GOLDEN)
