"""What each collector costs for the same work, and what the rules that spell numbers plainly add.

    PYTHONPATH=. python tests/bench/bench_collectors.py [SERIES]

The chart's default configuration reads a generated mesh every 15 s, once as it is and once without
chart/files/rules/plain-numbers.yaml. Prints a Markdown table: processor time of the first scrape of everything and of
later ones, memory, and what went over the wire, with ratios to the collector prometheus of the same run.
"""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.processes import cpu_seconds, memory_mib
from tests.support.environments import TENANT
from tests.support.paths import CHART, ci
from tests.support.rendering import configs
from tests.support.tools import tool
from xscaler_istio import helm
from xscaler_istio.local import oracle, run
from xscaler_istio.mesh import topology
from xscaler_istio.rendered.collectors import COLLECTORS

INTERVAL_SECONDS = 15
ROUNDS = 4
SERIES_PER_PROXY = 1000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """Processor seconds of the first round and of each later one, memory, and bytes, samples and requests of those."""

    collector: str
    numbers: bool
    first: float
    later: float
    memory_mib: float
    received_bytes: int
    samples: int
    requests: int


async def measure(collector: str, chart: Path, series: int, *, numbers: bool) -> Result:
    """Run one collector over some rounds of scrapes."""
    sets = (("--set", f"metrics.collector={collector}"), ("--set", "selfMonitoring.enabled=false"))
    values = helm.ValuesArguments((str(ci("default")),), sets)
    with tempfile.TemporaryDirectory(prefix="xscaler-istio-bench-") as name:
        text = await asyncio.to_thread(helm.template, helm.Inputs(chart=chart, values=values))
        plan = run.Plan(
            configs=configs(text),
            choices=oracle.Choices(cluster="prod-1"),
            tenant=TENANT,
            programs={program: tool(program) for program in ("mimir", COLLECTORS[collector].program)},
            backend="mimir",
            interval=INTERVAL_SECONDS,
            timeout=60,
            folder=Path(name),
            workloads=topology.scaled(series // SERIES_PER_PROXY, SERIES_PER_PROXY),
            real_envoys=False,
        )
        async with run.started(plan, lambda _: None) as running:
            (child,) = running.collectors
            await until_scraped(running, 1)
            # All targets are scraped within one interval; the second one begins after it.
            first, before = cpu_seconds(child), await running.xscaler.account()
            start = time.monotonic()
            await asyncio.sleep(ROUNDS * INTERVAL_SECONDS)
            rounds = (time.monotonic() - start) / INTERVAL_SECONDS
            after = await running.xscaler.account()
            return Result(
                collector=collector,
                numbers=numbers,
                first=first,
                later=(cpu_seconds(child) - first) / rounds,
                memory_mib=memory_mib(child),
                received_bytes=after.received_bytes - before.received_bytes,
                samples=after.accepted - before.accepted,
                requests=after.requests[200] - before.requests[200],
            )


async def until_scraped(running: run.Running, times: int) -> None:
    """Wait until every pod has served its page and what it held has arrived."""
    while len(running.mesh.scrapes) < len(running.members) or min(running.mesh.scrapes.values()) < times:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.2)
    await asyncio.sleep(3)


def table(results: list[Result]) -> str:
    """Return the results as Markdown."""
    lines = [
        "| collector | numbers spelled plainly | first scrapes, CPU s | later, CPU s a round | µs a sample | memory "
        "| bytes a sample | samples a request |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    base = results[0]
    for item in results:
        lines.append(
            f"| `{item.collector}` | {'yes' if item.numbers else 'no'} | {item.first:.2f} | {item.later:.2f} "
            f"({item.later / base.later:.1f}) | {1e6 * item.later * ROUNDS / item.samples:.1f} "
            f"| {item.memory_mib:.0f} MiB ({item.memory_mib / base.memory_mib:.1f}) "
            f"| {item.received_bytes / item.samples:.0f} | {item.samples / item.requests:.0f} |"
        )
    return "\n".join(lines)


async def main() -> None:
    series = int((sys.argv[1:] or ["100000"])[0])
    results = []
    with tempfile.TemporaryDirectory(prefix="xscaler-istio-bench-") as name:
        without = Path(name) / "chart"
        shutil.copytree(CHART, without)
        (without / "files/rules/plain-numbers.yaml").write_text("")
        for collector in COLLECTORS:
            results.append(await measure(collector, CHART, series, numbers=True))
            results.append(await measure(collector, without, series, numbers=False))
            print(f"{collector} is done", file=sys.stderr)
    print(table(results))


if __name__ == "__main__":
    asyncio.run(main())
