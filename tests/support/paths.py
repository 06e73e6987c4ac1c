"""Where things are: the checkout, the chart, and files with values."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "chart"
# What chart-testing installs, and presets that a cluster for tests cannot run: those are rendered only.
INSTALLED = sorted(CHART.glob("ci/*-values.yaml"))
CI_FILES = [*INSTALLED, *sorted(ROOT.glob("examples/*-values.yaml"))]
# The ten lines that the README begins with.
EXAMPLE = ROOT / "examples" / "values.yaml"


def ci(case: str) -> Path:
    """Return the values file of one case in ci/ or examples/."""
    return next(file for file in CI_FILES if file.name == f"{case}-values.yaml")
