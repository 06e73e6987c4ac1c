"""What parsing costs the log agent: its processor time for lines of each format, beside tail-and-push alone.

    PYTHONPATH=. python tests/bench/bench_logs.py [LINES [BEFORE]]

Both run in Grafana Alloy with the rendered configuration and its default values; "plain" has nothing between source and
writer but the container runtime's framing. Each agent has a namespace of its own, so that it reads no other's pod. It
tails a file that is written at once; counted is its processor time until all lines are sent, without the sink's and the
writer's. Prints a Markdown table.

BEFORE is an earlier configuration to compare with (`git show COMMIT:tests/chart/golden/logs.alloy >BEFORE`). Both then
take turns, and the least of each counts, so that the ratio holds on a machine that does much else.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import random
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from tests.bench.processes import cpu_seconds
from tests.pipeline import log_lines
from tests.support.log_environment import LogEnvironment, log_config, log_environment
from xscaler_istio.local.container_log import timestamp
from xscaler_istio.rendered.own_metrics import metric

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from xscaler_istio.local.log_agents import Agent
    from xscaler_istio.local.network import Network
    from xscaler_istio.rendered.manifests import CollectorConfig

LINES = 100_000
DISTINCT = 5_000
PLAIN = """loki.process "lines" {
  forward_to = [loki.write.xscaler.receiver]
  stage.cri {
    max_partial_lines = 100
  }
}"""
SINK_PORT = 12390
# How often an earlier configuration and the present one take turns.
TURNS = 4
_PROCESS = re.compile(r'(?ms)^loki\.process "lines" \{.*?^\}')


@dataclasses.dataclass(frozen=True)
class Result:
    """Microseconds of processor time a line, and the bytes of a line, its framing included."""

    microseconds: float
    line_bytes: float

    @property
    def rate(self) -> float:
        """Megabytes a second and core."""
        return self.line_bytes / self.microseconds


def plain(config: CollectorConfig) -> CollectorConfig:
    """Leave tail, framing and push alone."""
    return with_stages(config, PLAIN)


def with_stages(config: CollectorConfig, process: str) -> CollectorConfig:
    """Replace what an agent does with a line."""
    text, changed = _PROCESS.subn(lambda _: process, config.text)
    if changed != 1:
        raise SystemExit("the rendered configuration has no loki.process of the expected name")
    return dataclasses.replace(config, text=text)


FORMATS: dict[str, Callable[[random.Random], str]] = {
    "TEXT": lambda rng: log_lines.text_line(rng, "http").text,
    "TEXT, quotes in the user agent": lambda rng: log_lines.text_line(rng, "quotes in user agent").text,
    "JSON": lambda rng: log_lines.json_line(rng, "http").text,
    "ztunnel": lambda rng: log_lines.ztunnel_line(rng, as_json_=False).text,
    "ztunnel, JSON": lambda rng: log_lines.ztunnel_line(rng, as_json_=True).text,
    "system": lambda rng: rng.choice(list(log_lines.system_lines(rng))).text,
}


@contextlib.asynccontextmanager
async def sink(network: Network) -> AsyncIterator[str]:
    """Take pushes without looking at them; give the address."""

    async def take(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=204)

    app = web.Application(client_max_size=2**26)
    app.router.add_post("/push", take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, network.infrastructure, SINK_PORT).start()
        yield f"http://{network.infrastructure}:{SINK_PORT}/push"
    finally:
        await runner.cleanup()


async def until_sent(agent: Agent, session: aiohttp.ClientSession, lines: int) -> None:
    """Wait until the agent says that it has sent so many lines."""
    sent = 0
    while sent < lines:
        await asyncio.sleep(0.2)
        async with session.get(f"{agent.url}/metrics") as answer:
            sent = metric(await answer.text(), "loki_write_sent_entries_total")


def namespace(number: int) -> str:
    """Return the namespace of an agent's only pod."""
    return f"bench-{number}"


def ours(number: int) -> CollectorConfig:
    """Return the rendered configuration of an agent that reads its own namespace."""
    return log_config(f"logs.namespaces.include={{{namespace(number)}}}")


async def measure(environment: LogEnvironment, config: CollectorConfig, number: int, lines: list[str]) -> Result:
    log = await environment.container(f"proxy-{number}", namespace=namespace(number))
    async with environment.agent(config, number=number) as agent, aiohttp.ClientSession() as session:
        log.write(b"2026-01-01T00:00:00.000000Z\tinfo\tready")
        await until_sent(agent, session, 1)
        # Lines from before the agent's first start would be left out.
        framed = b"".join(f"{timestamp(time.time_ns())} stdout F {line}\n".encode() for line in lines)
        before = cpu_seconds(agent.child)
        with log.path.open("ab") as file:
            file.write(framed)
        await until_sent(agent, session, 1 + len(lines))
        used = cpu_seconds(agent.child) - before
    return Result(used / len(lines) * 1e6, len(framed) / len(lines))


def some_lines(rng: random.Random, name: str, count: int) -> list[str]:
    """Return lines of a format, of which so many are distinct."""
    some = [FORMATS[name](rng) for _ in range(DISTINCT)]
    return [some[index % DISTINCT] for index in range(count)]


@contextlib.asynccontextmanager
async def surroundings() -> AsyncIterator[LogEnvironment]:
    """Start everything that agents need, with a sink in the place of a backend."""
    async with log_environment(loki=False) as up, sink(up.network) as url:
        yield dataclasses.replace(up, surroundings=dataclasses.replace(up.surroundings, logs_url=url))


async def main(count: int) -> None:
    rng = random.Random(1)
    print("| lines | bytes | plain, µs a line | MB/s a core | chart, µs a line | MB/s a core | ratio |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    async with surroundings() as environment:
        for number, name in enumerate(FORMATS):
            lines = some_lines(rng, name, count)
            first, second = 2 * number, 2 * number + 1
            peer = await measure(environment, plain(ours(first)), first, lines)
            own = await measure(environment, ours(second), second, lines)
            numbers = f"{peer.microseconds:.1f} | {peer.rate:.0f} | {own.microseconds:.1f} | {own.rate:.1f}"
            print(
                f"| {name} | {own.line_bytes:.0f} | {numbers} | {own.microseconds / peer.microseconds:.1f} |",
                flush=True,
            )


async def compare(count: int, before: str) -> None:
    """Print the processor time of the present configuration as a share of an earlier one's."""
    rng = random.Random(1)
    process = next(_PROCESS.finditer(before))[0]
    numbers = itertools.count()
    print("| lines | before, µs a line | after, µs a line | ratio |\n|---|--:|--:|--:|")
    async with surroundings() as environment:
        for name in FORMATS:
            lines = some_lines(rng, name, count)
            least = {"before": float("inf"), "after": float("inf")}
            for _ in range(TURNS):
                for which, so_far in least.items():
                    number = next(numbers)
                    config = with_stages(ours(number), process) if which == "before" else ours(number)
                    result = await measure(environment, config, number, lines)
                    least[which] = min(so_far, result.microseconds)
            old, new = least.values()
            print(f"| {name} | {old:.1f} | {new:.1f} | {new / old:.2f} |", flush=True)


if __name__ == "__main__":
    chosen = int(sys.argv[1]) if len(sys.argv) > 1 else LINES
    asyncio.run(compare(chosen, Path(sys.argv[2]).read_text(encoding="utf-8")) if sys.argv[2:] else main(chosen))
