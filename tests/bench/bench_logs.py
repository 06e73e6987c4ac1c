"""What parsing costs the log agent: its processor time for lines of each format, beside tail-and-push alone.

    PYTHONPATH=. python tests/bench/bench_logs.py [LINES]

Both run in Grafana Alloy with the rendered configuration; "plain" has nothing between source and writer but the
container runtime's framing. An agent tails a file that is written at once; counted is its processor time until all
lines are sent, the sink's and the writer's are not. Prints a Markdown table.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
import re
import sys
import time
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
    text, changed = re.subn(
        r'(?ms)^loki\.process "lines" \{.*?^\}',
        PLAIN,
        config.text,
    )
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


async def measure(environment: LogEnvironment, config: CollectorConfig, number: int, lines: list[str]) -> Result:
    log = await environment.container(f"proxy-{number}")
    framed = b"".join(f"{timestamp(time.time_ns())} stdout F {line}\n".encode() for line in lines)
    async with environment.agent(config, number=number) as agent, aiohttp.ClientSession() as session:
        log.write(b"2026-01-01T00:00:00.000000Z\tinfo\tready")
        await until_sent(agent, session, 1)
        before = cpu_seconds(agent.child)
        with log.path.open("ab") as file:
            file.write(framed)
        await until_sent(agent, session, 1 + len(lines))
        used = cpu_seconds(agent.child) - before
    return Result(used / len(lines) * 1e6, len(framed) / len(lines))


async def main(count: int) -> None:
    ours = log_config("logs.startAt=beginning")
    rng = random.Random(1)
    print("| lines | bytes | plain, µs a line | MB/s a core | chart, µs a line | MB/s a core | ratio |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    async with log_environment(loki=False) as up, sink(up.network) as url:
        environment = dataclasses.replace(up, surroundings=dataclasses.replace(up.surroundings, logs_url=url))
        for number, (name, make) in enumerate(FORMATS.items()):
            some = [make(rng) for _ in range(DISTINCT)]
            lines = [some[index % DISTINCT] for index in range(count)]
            peer = await measure(environment, plain(ours), 2 * number, lines)
            own = await measure(environment, ours, 2 * number + 1, lines)
            numbers = f"{peer.microseconds:.1f} | {peer.rate:.0f} | {own.microseconds:.1f} | {own.rate:.1f}"
            print(
                f"| {name} | {own.line_bytes:.0f} | {numbers} | {own.microseconds / peer.microseconds:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else LINES))
