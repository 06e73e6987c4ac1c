"""Which library draws the report's charts: what each candidate installs, how long it takes, how large a page is.

    PYTHONPATH=. python tests/bench/bench_charts.py

Each candidate draws the same eight charts, five lines of 60 points, in an environment of its own and a fresh process.
Needs a package index.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

RUNS = 3
DATA = """
import math
T = list(range(60))
S = {f"series {n}": [20 * n + 8 * math.sin(t / 6 + n) for t in T] for n in range(5)}
"""


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A library: what pip installs, what `chart()` is, what goes into a page once, and what its charts do there."""

    requirement: str
    code: str
    page: str = "''"
    scripts: str = "none"


CANDIDATES = (
    Candidate(
        "vl-convert-python==1.9.0.post1",
        """
import vl_convert
def chart():
    rows = [{"t": t, "v": v, "n": n} for n, found in S.items() for t, v in zip(T, found)]
    axes = {"x": {"field": "t", "type": "quantitative"}, "y": {"field": "v", "type": "quantitative"}}
    return vl_convert.vegalite_to_svg({"width": 540, "height": 232, "data": {"values": rows}, "mark": "line",
        "config": {"aria": False}, "encoding": {**axes, "color": {"field": "n", "type": "nominal"}}})
""",
    ),
    Candidate(
        "matplotlib==3.10.8",
        """
import io
from matplotlib import rcParams
from matplotlib.figure import Figure
rcParams["svg.fonttype"] = "none"
def chart():
    figure, text = Figure(figsize=(7.5, 3.2), layout="constrained"), io.StringIO()
    axes = figure.subplots()
    for name, found in S.items():
        axes.plot(T, found, label=name)
    axes.legend()
    figure.savefig(text, format="svg")
    return text.getvalue()
""",
    ),
    Candidate(
        "pygal==3.1.3",
        """
import pygal
def chart():
    drawn = pygal.Line(width=540, height=232, js=[], show_dots=False)
    drawn.x_labels = T
    for name, found in S.items():
        drawn.add(name, found)
    return drawn.render(is_unicode=True)
""",
    ),
    Candidate(
        "plotly==7.1.0",
        """
import plotly.graph_objects as go, plotly.io, plotly.offline
def chart():
    figure = go.Figure([go.Scatter(x=T, y=found, name=name) for name, found in S.items()])
    return plotly.io.to_html(figure, include_plotlyjs=False, full_html=False)
""",
        page="plotly.offline.get_plotlyjs()",
        scripts="needed",
    ),
    Candidate(
        "bokeh==3.9.2",
        """
from bokeh.embed import components
from bokeh.plotting import figure
from bokeh.resources import INLINE
def chart():
    drawn = figure(width=540, height=232)
    for name, found in S.items():
        drawn.line(T, found, legend_label=name)
    return "".join(components(drawn))
""",
        page="INLINE.render()",
        scripts="needed",
    ),
)


def seconds(python: Path, code: str) -> tuple[float, int]:
    """Return the CPU seconds of a process, the least of some runs, and the number that it prints."""
    least, printed = float("inf"), 0
    for _ in range(RUNS):
        before = os.times()
        printed = int(subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout)
        after = os.times()
        used = after.children_user + after.children_system - before.children_user - before.children_system
        least = min(least, used)
    return least, printed


def measured(candidate: Candidate) -> str:
    """Return the line of a candidate."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=False)
        python = Path(folder, "bin/python")
        pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "-q", "install"]
        subprocess.run([*pip, "--no-compile", candidate.requirement], check=True)
        installed = sum(file.stat().st_size for file in Path(folder, "lib").rglob("*") if file.is_file())
        started = DATA + candidate.code
        one, _ = seconds(python, f"{started}\nprint(len(chart()))")
        eight, size = seconds(python, f"{started}\nprint(len({candidate.page}) + sum(len(chart()) for _ in range(8)))")
    return (
        f"| {candidate.requirement} | {installed / 2**20:.0f} MiB | {one:.2f} s | {eight:.2f} s | {size / 1000:,.0f} kB"
        f" | {candidate.scripts} |"
    )


def main() -> int:
    """Print the table."""
    print("| library | installed | first chart, CPU | eight charts, CPU | page | scripts |\n|---|---|---|---|---|---|")
    for candidate in CANDIDATES:
        print(measured(candidate), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
