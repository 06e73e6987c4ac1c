"""What each collector sends of one mesh, and which of three shards owns each target.

    PYTHONPATH=. python tests/bench/bench_parity.py [PROFILE]

Prints the series stored of each metric by collector, where they differ, and the assignment to shards. The tests in
tests/pipeline/test_series.py compare label by label and value by value.
"""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import sys
import tempfile
from pathlib import Path

from tests.support.environments import TENANT, configs
from tests.support.tools import tool
from xscaler_istio.local import oracle, run
from xscaler_istio.rendered.collectors import COLLECTORS

SHARDS = 3


async def main() -> None:
    profile = (sys.argv[1:] or ["dashboards"])[0]
    wanted = []
    for name in COLLECTORS:
        common = (f"metrics.collector={name}", f"metrics.profile={profile}")
        wanted += [configs(*common, f"cluster.name={name}")[0]]
        wanted += [configs(*common, f"metrics.shards={SHARDS}", f"cluster.name={name}/{n}")[n] for n in range(SHARDS)]
    with tempfile.TemporaryDirectory(prefix="xscaler-istio-bench-") as folder:
        plan = run.Plan(
            configs=tuple(dataclasses.replace(config, shard=number) for number, config in enumerate(wanted)),
            choices=oracle.Choices(cluster=""),
            tenant=TENANT,
            programs={name: tool(name) for name in ("mimir", "prometheus", "alloy", "otelcol")},
            backend="mimir",
            interval=3,
            timeout=60,
            folder=Path(folder),
        )
        async with run.started(plan, lambda _: None) as running:
            await asyncio.sleep(15)
            running.clock.freeze()
            if running.envoys:
                await running.envoys.freeze()
            await asyncio.sleep(12)
            await series(running)
            await shards(running)
            account = await running.xscaler.account()
            print(f"refused: {sum(account.rejected.values())} samples; largest request: {account.largest_request}")


async def series(running: run.Running) -> None:
    """Print the number of series of each metric, one column a collector."""
    counts: dict[str, dict[str, int]] = collections.defaultdict(dict)
    for name in COLLECTORS:
        for sample in await running.xscaler.query(f'count by (__name__) ({{cluster="{name}"}})'):
            counts[sample.labels["__name__"]][name] = int(sample.value)
    print(f"{'metric':60}" + "".join(f"{name:>16}" for name in COLLECTORS))
    for metric, found in sorted(counts.items()):
        differ = "   <- differ" if len({found.get(name, 0) for name in COLLECTORS}) > 1 else ""
        print(f"{metric:60}" + "".join(f"{found.get(name, 0):>16}" for name in COLLECTORS) + differ)
    totals = {name: sum(found.get(name, 0) for found in counts.values()) for name in COLLECTORS}
    print(f"{f'{len(counts)} metrics, series in all':60}" + "".join(f"{count:>16}" for count in totals.values()))


async def shards(running: run.Running) -> None:
    """Print the targets of each shard by collector, and whether every target has the same owner."""
    owners = {}
    for name in COLLECTORS:
        up = await running.xscaler.query(f'up{{cluster=~"{name}/.*"}}')
        owners[name] = {sample.labels["instance"]: sample.labels["cluster"].rpartition("/")[2] for sample in up}
        sizes = collections.Counter(owners[name].values())
        twice = len(up) - len(owners[name])
        print(f"shards of {name}: {dict(sorted(sizes.items()))}, {twice} targets in two, of {len(running.expected)}")
    print(f"the same owner for each target: {len({tuple(sorted(found.items())) for found in owners.values()}) == 1}")


if __name__ == "__main__":
    asyncio.run(main())
