"""The size of the chart and the number of tests: `python -m tests.sizes`. tests/chart/test_layout.py has the bounds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
CHART = ROOT / "chart"
# Like the targets of the Makefile.
TIERS = {
    "unit": (
        "tests/test_suite.py",
        "tests/plugin",
        "tests/tools",
        "tests/dashboards",
        "tests/release",
        "tests/website",
    ),
    "chart": ("tests/chart",),
    "pipeline": ("tests/pipeline",),
    "faults": ("tests/faults",),
    "cluster": ("tests/cluster",),
}


def templates() -> dict[str, int]:
    """Return the lines of each template, by path below chart/templates."""
    folder = CHART / "templates"
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): len(file.read_text().splitlines()) for file in files}


def helpers() -> dict[str, int]:
    """Return the lines of each named template, from `define` to `end`, by name."""
    return dict(_helpers())


def _helpers() -> Iterator[tuple[str, int]]:
    for file in (CHART / "templates").rglob("*.tpl"):
        # A `define` begins a line, and what follows its `end` is another, or a comment on it.
        shape = r'(?ms)^{{- define "([^"]+)" -}}\n(.*?)(?=^{{/\*|^{{- define|\Z)'
        for name, body in re.findall(shape, file.read_text()):
            yield name, len(body.strip().splitlines()) + 1


def values() -> int:
    """Return the lines of values.yaml."""
    return len((CHART / "values.yaml").read_text().splitlines())


def exact_messages() -> int:
    """Return how many cases contain the whole text of a message of the chart, the schema or the plugin."""
    of_chart = [
        yaml.safe_load((ROOT / "tests/chart" / name).read_text()) for name in ("refusals.yaml", "conditions.yaml")
    ]
    return sum(map(len, of_chart)) + len(list((ROOT / "tests/plugin/rules").glob("*.yaml")))


def cases(folders: tuple[str, ...]) -> int:
    """Return how many cases pytest collects."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *folders]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    found = re.search(r"(\d+) tests? collected", done.stdout)
    if found is None:
        raise SystemExit(done.stdout)
    return int(found[1])


def lines() -> Iterator[str]:
    """Yield one line for each number."""
    template, helper = (max(found.items(), key=lambda item: item[1]) for found in (templates(), helpers()))
    yield f"chart/values.yaml     {values()} lines"
    yield f"longest template      {template[1]} lines, {template[0]}"
    yield f"longest helper        {helper[1]} lines, {helper[0]}"
    yield f"all templates         {sum(templates().values())} lines in {len(templates())} files"
    for tier, folders in TIERS.items():
        yield f"{f'cases, {tier}':<22}{cases(folders)}"
    yield f"exact messages        {exact_messages()}"


if __name__ == "__main__":
    print("\n".join(lines()))
