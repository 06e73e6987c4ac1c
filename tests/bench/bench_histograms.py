"""What each form of histograms costs with each collector.

    PYTHONPATH=. python tests/bench/bench_histograms.py [PROXIES [SERIES]]

Each collector reads a generated mesh of PROXIES (50) with SERIES (1,000) each every 15 s, once in each form of
metrics.histograms, and pushes to a Mimir. Prints a Markdown table with ratios to the collector's classic form: series
stored, bytes of a round of scrapes on the wire, processor time of a round, memory; and the 99th percentile of all
requests, which is the same in all forms.
"""

from __future__ import annotations

import asyncio
import dataclasses
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.bench_collectors import until_scraped
from tests.bench.processes import cpu_seconds, memory_mib
from tests.support.environments import TENANT, configs
from tests.support.tools import tool
from xscaler_istio.local import oracle, run
from xscaler_istio.mesh import topology
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.rendered.scraping import BOTH, CLASSIC, NATIVE

INTERVAL_SECONDS = 15
ROUNDS = 4
LATENCY = "istio_request_duration_milliseconds"
P99 = {
    CLASSIC: f"histogram_quantile(0.99, sum by (le) ({LATENCY}_bucket))",
    NATIVE: f"histogram_quantile(0.99, sum({LATENCY}))",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cost:
    """What one collector used in one form: bytes and processor seconds of a round of scrapes."""

    collector: str
    form: str
    series: float
    sent_bytes: float
    seconds: float
    memory_mib: float
    p99: float


async def measure(collector: str, form: str, proxies: int, series: int) -> Cost:
    """Run one collector over some rounds of scrapes."""
    wanted = await asyncio.to_thread(configs, f"metrics.collector={collector}", f"metrics.histograms={form}")
    with tempfile.TemporaryDirectory(prefix="xscaler-istio-bench-") as name:
        plan = run.Plan(
            configs=wanted,
            choices=oracle.Choices(cluster="prod-1"),
            tenant=TENANT,
            programs={program: tool(program) for program in ("mimir", COLLECTORS[collector].program)},
            backend="mimir",
            interval=INTERVAL_SECONDS,
            timeout=60,
            folder=Path(name),
            workloads=topology.scaled(proxies, series),
            real_envoys=False,
        )
        async with run.started(plan, lambda _: None) as running:
            (child,) = running.collectors
            # All targets are scraped within one interval; the second one begins after it.
            await until_scraped(running, 1)
            first, before, start = cpu_seconds(child), await running.xscaler.account(), time.monotonic()
            await asyncio.sleep(ROUNDS * INTERVAL_SECONDS)
            rounds = (time.monotonic() - start) / INTERVAL_SECONDS
            after = await running.xscaler.account()
            (count,) = await running.xscaler.query('count({job="integrations/istio"})')
            (p99,) = await running.xscaler.query(P99[NATIVE if form == NATIVE else CLASSIC])
            assert not after.rejected, after.rejected
            return Cost(
                collector=collector,
                form=form,
                series=count.value,
                sent_bytes=(after.received_bytes - before.received_bytes) / rounds,
                seconds=(cpu_seconds(child) - first) / rounds,
                memory_mib=memory_mib(child),
                p99=p99.value,
            )


def table(found: list[Cost]) -> str:
    """Return the results as Markdown."""
    lines = [
        "| collector | form | series | kB a round | CPU s a round | memory | p99 |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    classic = {item.collector: item for item in found if item.form == CLASSIC}
    for item in found:
        base = classic[item.collector]
        cells = (
            f"{item.series:,.0f} ({item.series / base.series:.2f})",
            f"{item.sent_bytes / 1000:,.0f} ({item.sent_bytes / base.sent_bytes:.2f})",
            f"{item.seconds:.2f} ({item.seconds / base.seconds:.1f})",
            f"{item.memory_mib:.0f} MiB ({item.memory_mib / base.memory_mib:.2f})",
            f"{item.p99:.4f}",
        )
        lines.append(f"| `{item.collector}` | `{item.form}` | {' | '.join(cells)} |")
    return "\n".join(lines)


async def main() -> None:
    given = [int(word) for word in sys.argv[1:]]
    proxies, series = [*given, *(50, 1000)[len(given) :]]
    found = []
    for collector in COLLECTORS:
        for form in (CLASSIC, NATIVE, BOTH):
            found.append(await measure(collector, form, proxies, series))
            print(f"{collector} {form} is done", file=sys.stderr)
    print(table(found))


if __name__ == "__main__":
    asyncio.run(main())
