"""A run that stays up after its report: addresses, commands, and waiting for a signal."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

from xscaler_istio.local.network import API_SERVER_PORT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from xscaler_istio.local.run import Running


def directions(run: Running) -> str:
    """Return addresses, commands to query them, and how to stop the run.

    Tokens go into files for curl, and appear neither on the terminal nor in a command line.
    """
    folder, host = run.plan.folder, run.network.infrastructure
    xscaler = _curl(folder, "xscaler", run.reader.headers)
    token = (folder / "api-token").read_text(encoding="utf-8")
    api = _curl(folder, "kubernetes", {"Authorization": f"Bearer {token}"})
    rows = [
        ("metrics", f"{xscaler} '{run.xscaler.query_url}/api/v1/query?query=up'"),
        *([("lines", _lines(run, xscaler))] if run.log_agents else []),
        *(
            (f"{config.collector} {config.shard}", f"http://{run.network.collector(config.shard)}:{config.port}/")
            for config in run.plan.configs
        ),
        *((f"log agent {number}", f"{agent.url}/") for number, agent in enumerate(run.log_agents)),
        ("pods", f"{api} https://{host}:{API_SERVER_PORT}/api/v1/pods"),
        *([("a proxy", f"curl {_page(run)}")] if run.expected else []),
        ("files", f"{folder}: configuration, logs of all programs, and secrets of this run"),
    ]
    lines = [f"  {name:<14} {where}" for name, where in rows]
    return "\n".join(
        ["everything keeps running; you can look around:", *lines, f"stop it with Ctrl-C, or: kill {os.getpid()}"]
    )


def _curl(folder: Path, name: str, headers: Mapping[str, str]) -> str:
    """Write a configuration for curl, and return the command that uses it for a server of this run."""
    file = folder / f"{name}.curl"
    lines = [f'cacert = "{folder / "ca.crt"}"', *(f'header = "{key}: {value}"' for key, value in headers.items())]
    file.write_text("\n".join([*lines, "silent", "globoff", ""]), encoding="utf-8")
    return f"curl -K {file}"


def _lines(run: Running, curl: str) -> str:
    query = "--data-urlencode 'query={job=\"integrations/istio\"}'"
    return f"{curl} -G {run.xscaler.logs.query_url}/query_range {query}"


def _page(run: Running) -> str:
    target = next((target for target in run.expected if target.job == "proxies"), run.expected[0])
    return target.url


async def until_signal() -> None:
    """Wait for Ctrl-C or SIGTERM. Further signals change nothing: the run is being stopped."""
    ended = asyncio.Event()
    on_signals(ended.set)
    await ended.wait()


def on_signals(do: Callable[[], object]) -> None:
    """Call this function at Ctrl-C and SIGTERM, between two steps of the running loop."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # A shell lets its background jobs ignore ^C.
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, do)
