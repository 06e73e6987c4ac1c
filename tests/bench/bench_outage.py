"""How long xScaler may be away before a collector loses something: answers 503 for some time, then counts what comes.

    PYTHONPATH=. python tests/bench/bench_outage.py [MINUTES] [SERIES] [COLLECTOR...]

Each collector has a mesh, a local xScaler and a Mimir of its own and runs its default configuration, the memory of the
OpenTelemetry Collector held to the chart's default limit. Every scrape gives one sample of `up` for each target: what
is missing of those that the mesh answered is lost. "Kept" is the age of the oldest sample from which on all arrived,
which is the longest outage that would have lost nothing. Prints a Markdown table.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.processes import disk_mib, memory_mib
from tests.support.environments import TENANT, configs
from tests.support.tools import tool
from xscaler_istio.local import oracle, run
from xscaler_istio.local.xscaler.gateway import Fault
from xscaler_istio.mesh import topology
from xscaler_istio.rendered.collectors import COLLECTORS

if TYPE_CHECKING:
    from xscaler_istio.rendered.manifests import CollectorConfig

INTERVAL_SECONDS = 30
WARM_UP_SECONDS = 4 * INTERVAL_SECONDS
SERIES_PER_PROXY = 500
# The chart's default limit, of which the collector and Go take four fifths.
MEMORY_MIB = 2048


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """Minutes of outage and of those kept, share of scrapes that arrived, and memory and disk at the outage's end."""

    collector: str
    outage: float
    kept: float
    arrived: float
    memory_mib: float
    disk_mib: float
    catch_up: float


def limited(config: CollectorConfig) -> CollectorConfig:
    """Hold the memory limiter to what it would see in the chart's pod, and not to this machine's memory."""
    limits = (("limit_percentage: 80", 80), ("spike_limit_percentage: 20", 20))
    text = config.text
    for old, percent in limits:
        text = text.replace(old, old.split(":")[0].replace("percentage", "mib") + f": {MEMORY_MIB * percent // 100}")
    return dataclasses.replace(config, text=text)


async def measure(collector: str, minutes: float, series: int) -> Result:
    """Run one collector through an outage."""
    config = limited(configs(f"metrics.collector={collector}")[0])
    with tempfile.TemporaryDirectory(prefix="xscaler-istio-bench-") as name:
        plan = run.Plan(
            configs=(config,),
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
        async with run.started(plan, lambda text: print(f"{collector}: {text}", file=sys.stderr)) as running:
            await asyncio.sleep(WARM_UP_SECONDS)
            began = time.time()
            running.xscaler.inject(Fault(503))
            await asyncio.sleep(60 * minutes)
            memory = memory_mib(running.collectors[0])
            disk = disk_mib(plan.folder / f"{collector}-0") if (plan.folder / f"{collector}-0").exists() else 0.0
            running.xscaler.inject(None)
            ended = time.time()
            caught_up = await until_nothing_more_comes(running, ended)
            kept, arrived = await account(running, began, ended)
        return Result(
            collector=collector,
            outage=minutes,
            kept=kept,
            arrived=arrived,
            memory_mib=memory,
            disk_mib=disk,
            catch_up=caught_up,
        )


async def until_nothing_more_comes(running: run.Running, ended: float) -> float:
    """Wait until no more samples of the outage arrive; return the seconds that this took."""
    count, since = -1, time.time()
    while time.time() - since < 3 * INTERVAL_SECONDS:
        found = await running.xscaler.query("sum(count_over_time(up[6h]))", at=ended)
        if int(found[0].value) != count:
            count, since = int(found[0].value), time.time()
        await asyncio.sleep(5)
    return since - ended


async def account(running: run.Running, began: float, ended: float) -> tuple[float, float]:
    """Return the minutes without loss, and the share of scrapes that arrived.

    A write-ahead log loses the oldest samples, a full memory the newest: the longest outage that would have lost
    nothing is what arrived whole from one of its ends.
    """
    targets, step = len(running.expected), 2 * INTERVAL_SECONDS
    shares = []
    at = ended
    while at - step >= began:
        found = await running.xscaler.query(f"sum(count_over_time(up[{step}s]))", at=at)
        shares.append((found[0].value if found else 0.0) / (2 * targets))
        at -= step
    # A scrape at the edge of a window falls into the next one.
    whole = [share >= 0.98 for share in shares]
    runs = ((*whole, False).index(False), (*reversed(whole), False).index(False))
    return max(runs) * step / 60, sum(shares) / len(shares)


def table(results: list[Result], series: int) -> str:
    """Return the results as Markdown."""
    lines = [
        f"{series:,} series, scraped every {INTERVAL_SECONDS} s; ratios to prometheus in brackets",
        "",
        "| collector | minutes of outage | kept, minutes | scrapes that arrived | memory | disk | caught up |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    first = results[0]
    for item in results:
        memory = f"{item.memory_mib:.0f} MiB ({item.memory_mib / first.memory_mib:.1f})"
        lines.append(
            f"| `{item.collector}` | {item.outage:.0f} | {item.kept:.0f} | {item.arrived:.1%} | {memory} "
            f"| {item.disk_mib:.0f} MiB | {item.catch_up:.0f} s |"
        )
    return "\n".join(lines)


async def main() -> None:
    minutes, series = float((sys.argv[1:] or ["20"])[0]), int((sys.argv[2:] or ["50000"])[0])
    os.environ["GOMEMLIMIT"] = str(MEMORY_MIB * 80 // 100 * 2**20)
    chosen = sys.argv[3:] or list(COLLECTORS)
    results = await asyncio.gather(*(measure(name, minutes, series) for name in chosen))
    print(table(list(results), series))


if __name__ == "__main__":
    asyncio.run(main())
