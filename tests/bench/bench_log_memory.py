"""What a log agent needs in memory on a full node: 110 pods, the most that a kubelet takes by default.

    PYTHONPATH=. python tests/bench/bench_log_memory.py [LINES]

The agent has the rendered configuration and the Go limit of its pod. LINES are written at once, spread over the files
of all pods, in TEXT and JSON: while xScaler accepts them, which is as fast as the agent reads, and while
it answers 503, which fills the agent's queue. Then, again while it answers 503, each pod writes lines as long as the
agent sends them. Prints a Markdown table with the most memory of each phase and its share of the limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import random
import sys
import time
from typing import TYPE_CHECKING

import aiohttp
import yaml
from aiohttp import web

from tests.bench.bench_logs import FORMATS, some_lines
from tests.bench.processes import memory_mib
from tests.support.log_environment import log_config, log_environment
from tests.support.paths import CHART
from xscaler_istio.local.container_log import timestamp
from xscaler_istio.rendered.own_metrics import metric
from xscaler_istio.values.units import bytes_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from xscaler_istio.local.container_log import ContainerLog
    from xscaler_istio.local.log_agents import Agent
    from xscaler_istio.local.network import Network

LINES = 200_000
PODS = 110
REST_SECONDS = 10
# Of each pod; a line is a little shorter than xscaler.limits.logLineBytes.
LONG_LINES, LONG_BYTES = 8, 250_000
# The queue is full long before, and the agent waits up to half a minute between two requests.
AWAY_SECONDS = 60
SINK_PORT = 12391
LIMIT = bytes_of(yaml.safe_load((CHART / "files/capacity.yaml").read_text())["logAgentMemory"]) or 0


@dataclasses.dataclass
class Sink:
    """Takes pushes without looking at them, or rejects them."""

    url: str
    status: int = 204

    async def take(self, request: web.Request) -> web.Response:
        """Answer a push."""
        await request.read()
        return web.Response(status=self.status)


@contextlib.asynccontextmanager
async def sink(network: Network) -> AsyncIterator[Sink]:
    """Serve a sink in the place of xScaler."""
    made = Sink(f"http://{network.infrastructure}:{SINK_PORT}/push")
    app = web.Application(client_max_size=2**26)
    app.router.add_post("/push", made.take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, network.infrastructure, SINK_PORT).start()
        yield made
    finally:
        await runner.cleanup()


def write(logs: Sequence[ContainerLog], lines: Sequence[str]) -> None:
    """Spread lines over the files."""
    for number, log in enumerate(logs):
        framed = (f"{timestamp(time.time_ns())} stdout F {line}\n".encode() for line in lines[number :: len(logs)])
        with log.path.open("ab") as file:
            file.write(b"".join(framed))


async def most_memory(agent: Agent, *, seconds: float = 0, sent: int = 0) -> float:
    """Return the most memory in some seconds, or until so many lines are sent."""
    most, ends = 0.0, time.monotonic() + seconds
    async with aiohttp.ClientSession() as session:
        while True:
            await asyncio.sleep(0.2)
            most = max(most, memory_mib(agent.child))
            if seconds and time.monotonic() > ends:
                return most
            if sent:
                async with session.get(f"{agent.url}/metrics") as answer:
                    if metric(await answer.text(), "loki_write_sent_entries_total") >= sent:
                        return most


async def main() -> None:
    count = int((sys.argv[1:] or [str(LINES)])[0])
    os.environ["GOMEMLIMIT"] = str(int(LIMIT * 0.9))
    rng = random.Random(1)
    lines = [line for name in ("TEXT", "JSON") for line in some_lines(rng, name, count // 2)]
    rng.shuffle(lines)
    assert set(FORMATS) >= {"TEXT", "JSON"}
    phases = {}
    async with log_environment(loki=False) as up, sink(up.network) as xscaler:
        environment = dataclasses.replace(up, surroundings=dataclasses.replace(up.surroundings, logs_url=xscaler.url))
        logs = [await environment.container(f"proxy-{number}") for number in range(PODS)]
        async with environment.agent(log_config()) as agent:
            write(logs, ["2026-01-01T00:00:00.000000Z\tinfo\tready"] * PODS)
            phases["at rest"] = await most_memory(agent, seconds=REST_SECONDS)
            print("at rest is done", file=sys.stderr)
            write(logs, lines)
            phases[f"{count:,} lines at once"] = await most_memory(agent, sent=count)
            print("backlog is done", file=sys.stderr)
            xscaler.status = 503
            write(logs, lines)
            phases["as many while xScaler answers 503"] = await most_memory(agent, seconds=AWAY_SECONDS)
            xscaler.status = 204
            phases["afterwards"] = await most_memory(agent, sent=2 * count)
            print("outage is done", file=sys.stderr)
            long = [line + "x" * (LONG_BYTES - len(line)) for line in lines[: LONG_LINES * PODS]]
            xscaler.status = 503
            for number, line in enumerate(long):
                logs[number % PODS].write(line.encode())
            phases[f"{len(long)} lines of {LONG_BYTES // 1000} kB while it answers 503"] = await most_memory(
                agent, seconds=AWAY_SECONDS
            )
            xscaler.status = 204
            phases["afterwards again"] = await most_memory(agent, sent=2 * count + len(long))
    print(f"| {PODS} pods, limit {LIMIT // 2**20} MiB | most memory | of the limit |\n|---|--:|--:|")
    for name, memory in phases.items():
        print(f"| {name} | {memory:.0f} MiB | {memory * 2**20 / LIMIT:.0%} |")


if __name__ == "__main__":
    asyncio.run(main())
