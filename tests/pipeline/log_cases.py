"""Cases of access logs: each has pods of its own, an agent that reads only them, and a way to know that all is read."""

from __future__ import annotations

import contextlib
import itertools
import random
from typing import TYPE_CHECKING, Any

from tests.support.environments import own_metric
from tests.support.log_environment import LogEnvironment, log_config
from tests.support.waiting import comes
from xscaler_istio.local import log_oracle

from . import log_lines

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from xscaler_istio.local.container_log import ContainerLog
    from xscaler_istio.local.log_agents import Agent
    from xscaler_istio.local.log_oracle import LogCount
    from xscaler_istio.wire.log_push import Entry


# Source, processing and writer each take a line with one hand and give it with the other: what they hold when they are
# told to end is lost.
HANDS = 6


class Case:
    """A namespace with pods, and an agent that reads it only: all cases share a local xScaler and an API."""

    def __init__(self, environment: LogEnvironment, *sets: str, json: str = "") -> None:
        self.environment = environment
        self.number = next(_numbers)
        self.namespace = f"test-{self.number}"
        self.config = log_config(f"logs.namespaces.include={{{self.namespace}}}", *sets, json=json)
        self.logs: list[ContainerLog] = []
        self._rng = random.Random(self.number)
        # Every line of the namespace that arrived.
        self.received: list[Entry] = []
        self._seen = 0
        self._last: set[str] = set()

    async def container(self, name: str, **more: Any) -> ContainerLog:
        """Add a pod, and return the log of its container."""
        log = await self.environment.container(name, namespace=self.namespace, **more)
        self.logs.append(log)
        return log

    @contextlib.asynccontextmanager
    async def agent(self, *, follows: int | None = None) -> AsyncIterator[Agent]:
        """Run the agent until the end of the block; its state stays for the next one.

        The block begins when it follows this many files, by default that of each log.
        """
        async with self.environment.agent(self.config, number=self.number) as running:
            wanted = len(self.logs) if follows is None else follows
            await comes(lambda: follows_files(running, wanted), f"it does not follow {wanted} files")
            yield running

    def entries(self) -> tuple[Entry, ...]:
        """Return every line of the namespace that arrived, but for the last lines of `all_read`."""
        news = self.environment.xscaler.logs.entries(self._seen)
        self._seen += len(news)
        self.received += [entry for entry in news if entry.labels["namespace"] == self.namespace]
        return tuple(entry for entry in self.received if entry.line not in self._last)

    def count(self) -> LogCount:
        """Compare what was written with what arrived."""
        written = (
            item for log in self.logs for item in log.written if item.text.decode(errors="replace") not in self._last
        )
        return log_oracle.count(written, self.entries())

    async def arrived(self, number: int) -> tuple[Entry, ...]:
        """Wait until this many lines have arrived; return all that have."""
        await comes(lambda: len(self.entries()) >= number, lambda: f"{len(self.entries())} lines instead of {number}")
        return self.entries()

    async def all_read(self) -> tuple[Entry, ...]:
        """Wait until all that was written is read and sent; return what arrived."""
        self._last |= await last_lines(self.environment, self.logs, self._rng)
        return self.entries()

    async def read_to_its_end(self) -> None:
        """Wait until each log is read to its end; some of its lines may not have arrived."""
        self._last |= await last_lines(self.environment, self.logs, self._rng, rounds=1)


async def last_lines(
    environment: LogEnvironment, logs: Sequence[ContainerLog], rng: random.Random, *, rounds: int = 2
) -> set[str]:
    """Write a last line to each log and wait for all of them, as often as `rounds`; return their texts.

    A file is read in order, but in the agent a line overtakes those that go through more stages (stage.match takes them
    aside), and may come with an earlier push. So the first round shows that all is read. The second is written when the
    push of the first is over: what has not come with it will not come.
    """
    texts: set[str] = set()
    for _ in range(rounds):
        start = len(environment.xscaler.logs.entries())
        missing = set()
        for log in logs:
            text = log_lines.last_line(rng).text
            log.write(text.encode())
            missing.add(text)
        texts |= missing

        def all_came(start: int = start, missing: set[str] = missing) -> bool:
            # Some ways to send lines leave what the runtime puts before them.
            arrived = [entry.line for entry in environment.xscaler.logs.entries(start)]
            missing -= {text for text in missing if any(line.endswith(text) for line in arrived)}
            return not missing

        await comes(all_came, "the last lines do not arrive")
    return texts


_numbers = itertools.count()


async def follows_files(agent: Agent, number: int) -> bool:
    """Tell whether an agent has opened this many files: what is written from now on is read."""
    return await own_metric(f"{agent.url}/metrics", "loki_source_file_files_active_total") == number
