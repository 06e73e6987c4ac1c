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
    from collections.abc import AsyncIterator

    from xscaler_istio.local.container_log import ContainerLog
    from xscaler_istio.local.log_agents import Agent
    from xscaler_istio.local.log_oracle import LogCount
    from xscaler_istio.wire.log_push import Entry


# Source, processing and writer each take a line with one hand and give it with the other: what they hold when they are
# told to end is lost.
HANDS = 6
# More than an agent has stages.
_LAST_LINES = 20


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
        """Write last lines to every log, wait for all of them, and return what arrived before.

        Lines of a file come in their order, but for the few that the agent has in its hands, where those of another
        kind may overtake. So what is not there after the last lines will not come.
        """
        last = {log: [log_lines.last_line(self._rng).text for _ in range(_LAST_LINES)] for log in self.logs}
        texts = {text for lines in last.values() for text in lines}
        self._last |= texts
        for log, lines in last.items():
            for text in lines:
                log.write(text.encode())
        start = self._seen

        def all_came() -> bool:
            self.entries()
            return texts <= {entry.line for entry in self.environment.xscaler.logs.entries(start)}

        await comes(all_came, "the last lines do not arrive")
        return self.entries()


_numbers = itertools.count()


async def follows_files(agent: Agent, number: int) -> bool:
    """Tell whether an agent has opened this many files: what is written from now on is read."""
    return await own_metric(f"{agent.url}/metrics", "loki_source_file_files_active_total") == number
