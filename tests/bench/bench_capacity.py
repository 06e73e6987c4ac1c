"""Whether a shard carries the series that chart/files/capacity.yaml promises for its memory, and how close it comes.

    PYTHONPATH=. python tests/bench/bench_capacity.py [PROXIES [KB [COLLECTOR...]]]

The chart's default configuration reads a generated mesh of proxies with 19 combinations each. A collector has the
memory that the table gives these series, or KB for each, with Go's limit as in the pod; so is the limit at which the
OpenTelemetry Collector rejects scrapes. Series are those that the backend has of the present pods,
which is what XS260 to XS262 estimate; the proxies expose twice as many. A rollout gives every pod another name, and the
series of the old ones stay in memory for hours. Prints a Markdown table: the most memory without a pod, in a quiet mesh
and after each rollout, as shares of the given memory (above 100 % the pod would be killed), samples that arrived of
those that must, and processor time of a round, with ratios to the collector prometheus of the same run.
"""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.processes import cpu_seconds, memory_mib
from tests.support.environments import TENANT, configs
from tests.support.paths import CHART, ci
from tests.support.rendering import template
from tests.support.tools import tool
from xscaler_istio.checks import facts
from xscaler_istio.local import oracle, run
from xscaler_istio.mesh import topology
from xscaler_istio.mesh.model import Kind
from xscaler_istio.rendered.collectors import COLLECTORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xscaler_istio.rendered.manifests import CollectorConfig

INTERVAL_SECONDS = 15
ROUNDS = 4
ROLLOUTS = 2
# What a proxy exposes, and what the profile keeps of it with the report of its scrapes.
EXPOSED, KEPT = 1380, 753
CAPACITY = facts.read(CHART, "dashboards").capacity


@dataclasses.dataclass(frozen=True, kw_only=True)
class Phase:
    """The most memory in MiB, processor seconds of a round, and series of the present pods that the backend has."""

    memory: float
    seconds: float
    series: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """A collector's given memory in MiB, and its phases: a quiet mesh, and each rollout."""

    collector: str
    bytes_each: int
    given: float
    phases: tuple[Phase, ...]


def limited(config: CollectorConfig, mebibytes: float) -> CollectorConfig:
    """Hold the memory limiter to what it would see in the pod, and not to this machine's memory."""
    text = config.text
    for key, percent in (("spike_limit", 20), ("limit", 80)):
        text = text.replace(f" {key}_percentage: {percent}", f" {key}_mib: {mebibytes * percent / 100:.0f}")
    return dataclasses.replace(config, text=text)


def plan(collector: str, proxies: int, given: float, folder: Path) -> run.Plan:
    """Return a mesh of this many proxies and one istiod, in front of one collector."""
    return run.Plan(
        configs=tuple(limited(config, given) for config in configs(f"metrics.collector={collector}")),
        choices=oracle.Choices(cluster="prod-1"),
        tenant=TENANT,
        programs={program: tool(program) for program in ("prometheus", COLLECTORS[collector].program)},
        backend="prometheus",
        interval=INTERVAL_SECONDS,
        timeout=60,
        folder=folder,
        workloads=topology.scaled(proxies, EXPOSED),
        real_envoys=False,
    )


def share_of_go(collector: str) -> float:
    """Return the share of the pod's memory that is Go's limit: what the chart sets, or what programs take."""
    rendered = template("helm4", "--values", str(ci("default")), "--set", f"metrics.collector={collector}")
    return 0.8 if "GOMEMLIMIT" in rendered else 0.9


async def phase(running: run.Running) -> Phase:
    """Return what the collector uses in some rounds of scrapes."""
    (child,) = running.collectors
    most, began, before = 0.0, time.monotonic(), cpu_seconds(child)
    while (spent := time.monotonic() - began) < ROUNDS * INTERVAL_SECONDS:
        await asyncio.sleep(0.5)
        most = max(most, memory_mib(child))
    seconds = (cpu_seconds(child) - before) * INTERVAL_SECONDS / spent
    found = await running.xscaler.query('count({job="integrations/istio", app="", __name__!~"up|scrape_.*"})')
    return Phase(memory=most, seconds=seconds, series=int(found[0].value) if found else 0)


async def roll_out(running: run.Running, number: int, present: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Replace every pod by one of another name; return the new ones."""
    made = copy.deepcopy(list(present))
    for manifest in made:
        metadata = manifest["metadata"]
        await running.api.delete(metadata["namespace"], metadata["name"])
        metadata["name"] = f"{metadata['name'].partition('-r')[0]}-r{number}"
        metadata["uid"] = f"{metadata['uid'][:-1]}{number}"
    await running.api.apply(*made)
    return made


async def measure(collector: str, proxies: int, bytes_each: int) -> Result:
    """Run one collector through a quiet mesh and the rollouts."""
    given = (CAPACITY.memory_at_rest + proxies * KEPT * bytes_each) / 2**20
    os.environ["GOMEMLIMIT"] = str(int(given * share_of_go(collector) * 2**20))
    with tempfile.TemporaryDirectory(prefix="xscaler-istio-bench-") as name:
        async with run.started(plan(collector, proxies, given, Path(name)), lambda _: None) as running:
            sidecars = [member for member in running.members if member.pod.kind is Kind.SIDECAR]
            present: list[dict[str, Any]] = [copy.deepcopy(dict(member.pod.manifest)) for member in sidecars]
            phases = [await phase(running)]
            for number in range(1, ROLLOUTS + 1):
                present = await roll_out(running, number, present)
                phases.append(await phase(running))
                print(f"{collector}, rollout {number}: {phases}", file=sys.stderr)
    return Result(collector=collector, bytes_each=bytes_each, given=given, phases=tuple(phases))


def table(results: Sequence[Result]) -> str:
    """Return the results as Markdown."""
    lines = [
        "| collector | a series | given | quiet | after a rollout | after two | series | CPU s a round |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    base = results[0].phases
    for item in results:
        cells = [f"`{item.collector}`", f"{item.bytes_each / 1000:.0f} KB", f"{item.given:.0f} MiB"]
        cells += [f"{found.memory:.0f} MiB ({found.memory / item.given:.0%})" for found in item.phases]
        cells.append(" ".join(f"{found.series:,}" for found in item.phases))
        cells.append(
            " ".join(
                f"{now.seconds:.2f} ({now.seconds / then.seconds:.1f})"
                for now, then in zip(item.phases, base, strict=True)
            )
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


async def main() -> None:
    words = sys.argv[1:]
    proxies, kilobytes = int((words or ["100"])[0]), int((words[1:] or ["0"])[0])
    results = []
    for name in words[2:] or COLLECTORS:
        results.append(await measure(name, proxies, kilobytes * 1000 or CAPACITY.bytes_per_series[name]))
        print(f"{name} is done", file=sys.stderr)
    print(table(results))


if __name__ == "__main__":
    asyncio.run(main())
