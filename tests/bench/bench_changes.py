"""What a change of the chart costs each collector: the chart of a commit beside the one of this checkout.

    PYTHONPATH=. python tests/bench/bench_changes.py [COMMIT [SERIES]]

COMMIT is HEAD unless given: then the change is what is not committed yet. The default configurations of both charts
read the same generated mesh every 15 s, in turns. Prints a Markdown table: processor time of the first scrape of all
targets and of later ones, memory and bytes a sample, and the ratios to the chart of COMMIT, from the least to the
largest.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.bench_collectors import Result, measure
from tests.support import revisions
from tests.support.paths import CHART
from xscaler_istio.rendered.collectors import COLLECTORS

if TYPE_CHECKING:
    from collections.abc import Callable

TURNS = 3
FIGURES: dict[str, Callable[[Result], float]] = {
    "first scrapes, CPU s": lambda result: result.first,
    "later, CPU s a round": lambda result: result.later,
    "memory, MiB": lambda result: result.memory_mib,
    "bytes a sample": lambda result: result.received_bytes / result.samples,
    "samples": lambda result: result.samples,
}


def table(turns: dict[str, list[tuple[Result, Result]]]) -> str:
    """Return as Markdown what the turns of each collector measured: medians before and after, and the ratios."""
    lines = ["| collector | figure | before | after | after / before |", "|---|---|--:|--:|--:|"]
    for collector, pairs in turns.items():
        for figure, of in FIGURES.items():
            before, after = (sorted(map(of, results))[len(results) // 2] for results in zip(*pairs, strict=True))
            ratios = sorted(of(now) / of(then) for then, now in pairs)
            lines.append(
                f"| `{collector}` | {figure} | {before:.4g} | {after:.4g} | {ratios[0]:.2f} to {ratios[-1]:.2f} |"
            )
    return "\n".join(lines)


async def main() -> None:
    revision, series = (*sys.argv[1:], *("HEAD", "50000")[len(sys.argv) - 1 :])[:2]
    turns: dict[str, list[tuple[Result, Result]]] = {collector: [] for collector in COLLECTORS}
    with tempfile.TemporaryDirectory(prefix="xscaler-istio-bench-") as name:
        charts = revisions.chart_of(revision, Path(name)), CHART
        for turn in range(TURNS):
            for collector, pairs in turns.items():
                then, now = [await measure(collector, chart, int(series), numbers=True) for chart in charts]
                pairs.append((then, now))
                print(f"{collector}: turn {turn + 1} of {TURNS} is done", file=sys.stderr)
    print(table(turns))


if __name__ == "__main__":
    asyncio.run(main())
