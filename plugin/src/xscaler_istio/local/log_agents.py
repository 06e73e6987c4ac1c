"""Log agents of a rendered chart, outside a cluster: one process stands in for the agent of one node."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
from typing import TYPE_CHECKING

from xscaler_istio.local.processes import responds, running
from xscaler_istio.rendered.log_agent import LOG_AGENT, first_start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from xscaler_istio.local.network import Network
    from xscaler_istio.local.processes import Child
    from xscaler_istio.rendered.local_start import Override, Surroundings
    from xscaler_istio.rendered.manifests import CollectorConfig


@dataclasses.dataclass(frozen=True)
class Agent:
    """A running agent, and the changes to its configuration."""

    child: Child
    url: str
    overrides: tuple[Override, ...]
    state: Path

    def first_start(self) -> int:
        """Return when an agent first started with this state, in nanoseconds since 1970."""
        seconds, _, fraction = first_start(self.state).removesuffix("Z").partition(".")
        moment = datetime.datetime.fromisoformat(f"{seconds}+00:00")
        return int(moment.timestamp()) * 10**9 + int(fraction.ljust(9, "0"))


@contextlib.asynccontextmanager
async def running_agent(
    config: CollectorConfig,
    surroundings: Surroundings,
    *,
    network: Network,
    folder: Path,
    binary: Path,
    node: str,
    number: int = 0,
    stop_timeout: float = 90.0,
) -> AsyncIterator[Agent]:
    """Run the agent of a node until the end of the block; its state stays in `folder` for the next one.

    `number` distinguishes the agents of one run. Raises SetupError if the agent does not start.
    """
    address = f"{network.log_agent(number)}:{config.port}"
    own = dataclasses.replace(
        surroundings, listen_address=address, storage_folder=folder / f"{config.unique_file}-{number}.state"
    )
    changes = LOG_AGENT.overrides(config.text, own)
    file = folder / f"{number}-{config.unique_file}"
    file.write_text(LOG_AGENT.apply(config.text, changes), encoding="utf-8")
    command = [str(binary), *LOG_AGENT.command(config.arguments, file, own)]
    name = f"{config.collector}-{config.shard}-{number}"
    async with running(
        name, command, folder=folder, environment={"NODE_NAME": node}, stop_timeout=stop_timeout
    ) as child:
        await child.wait_until(functools.partial(responds, f"http://{address}{config.readiness_path}"))
        yield Agent(child, f"http://{address}", changes, own.storage_folder)
