"""The logs snippet of xScaler's Istio page and the chart, on the same files, each with a local xScaler of its own."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import re
from typing import TYPE_CHECKING

from tests.support.environments import TENANT
from tests.support.log_environment import log_config, log_environment
from tests.support.waiting import comes
from xscaler_istio.mesh.model import Kind

from . import log_lines
from .log_cases import follows_files, last_lines
from .log_lines import SECRET
from .ways import PAGE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.support.log_environment import LogEnvironment
    from xscaler_istio.local.container_log import ContainerLog
    from xscaler_istio.local.log_agents import Agent
    from xscaler_istio.rendered.manifests import CollectorConfig
    from xscaler_istio.wire.log_push import Entry

_FRAMING = re.compile(r"^\d{4}-\d\d-\d\dT\S+ (?:stdout|stderr) [FP] ")


@dataclasses.dataclass(frozen=True, kw_only=True)
class LogResult:
    """The lines that one way delivered. `unchanged` counts also those with a redacted query."""

    title: str
    written: int
    arrived: int
    unchanged: int
    with_prefix: int
    of_applications: int
    with_fields: int
    with_secrets: int
    streams: int


def page() -> CollectorConfig:
    """Return the page's snippet, filled in, in the place of the chart's configuration."""
    text = (PAGE / "logs.alloy").read_text(encoding="utf-8")
    text = text.replace('env("XSCALER_TOKEN")', '"write"').replace('env("XSCALER_TENANT_ID")', f'"{TENANT}"')
    return dataclasses.replace(log_config(), text=text.replace("istio_pods", "pods"))


def with_authorization(config: CollectorConfig) -> CollectorConfig:
    """Put the authorization where Alloy takes it."""
    text = re.sub(r"(?s) *http_client_config \{\n(.*?\n {6}\})\n {4}\}", r"\1", config.text)
    return dataclasses.replace(config, text=text)


def with_globs(config: CollectorConfig) -> CollectorConfig:
    """Have the source look for files that match its paths."""
    block = 'loki.source.file "istio_logs" {\n  file_match {\n    enabled = true\n    sync_period = "500ms"\n  }\n'
    return dataclasses.replace(config, text=config.text.replace('loki.source.file "istio_logs" {\n', block))


@dataclasses.dataclass(frozen=True)
class Way:
    """A configuration, and how many of the three logs an agent with it opens: those of two proxies and, last, of an
    application."""

    config: CollectorConfig
    opens: int


def ways() -> Mapping[str, Way]:
    """Return every way by its title."""
    return {
        "page, authorization in its place": Way(with_authorization(page()), 0),
        "page, and globs expanded": Way(with_globs(with_authorization(page())), 3),
        "chart": Way(log_config("logs.startAt=beginning"), 2),
    }


async def run(title: str, way: Way) -> LogResult:
    """Write 200 lines of proxies and 20 of an application; count what arrives."""
    rng = random.Random(7)
    async with log_environment(loki=False) as environment:
        proxy = await environment.container("frontend")
        # The application in the same pod.
        application = await environment.container("backend", container="app")
        ztunnel = await environment.container("ztunnel-a", kind=Kind.ZTUNNEL, namespace="istio-system")
        lines = [log_lines.text_line(rng, "http").text for _ in range(100)]
        lines += [log_lines.json_line(rng, "http").text for _ in range(79)]
        # One that the runtime writes in pieces.
        lines.append(log_lines.text_line(rng, "http").text.replace("/api/", f"/api/{'x' * 20_000}/"))
        for line in lines:
            proxy.write(line.encode())
        for _ in range(20):
            ztunnel.write(log_lines.ztunnel_line(rng, as_json_=False).text.encode())
            application.write(b"card 4111111111111111 was charged")
        written = [item.text.decode() for log in (proxy, ztunnel) for item in log.written]
        async with environment.agent(way.config) as agent:
            entries = await _all_read(environment, agent, (proxy, ztunnel, application)[: way.opens])
    said = {_without_query(line) for line in written}
    ours = [entry for entry in entries if entry.labels["container"] == "istio-proxy"]
    return LogResult(
        title=title,
        written=len(written),
        arrived=len(ours),
        unchanged=len(said & {_without_query(entry.line) for entry in ours}),
        with_prefix=sum(bool(_FRAMING.match(entry.line)) for entry in ours),
        of_applications=len(entries) - len(ours),
        with_fields=sum(bool(entry.metadata) for entry in ours),
        with_secrets=sum(SECRET in entry.line for entry in entries),
        streams=len({tuple(sorted(entry.labels.items())) for entry in entries}),
    )


async def _all_read(environment: LogEnvironment, agent: Agent, opened: Sequence[ContainerLog]) -> list[Entry]:
    """Wait until these logs are read to their end, or, if none is opened, until the agent gave all of them up."""
    if not opened:
        await comes(lambda: "failed to create source" in agent.child.log_tail(100), "it looks for no file")
    await comes(lambda: follows_files(agent, len(opened)), f"it does not open {len(opened)} files")
    last = await last_lines(environment, opened, random.Random(8))
    return [entry for entry in environment.xscaler.logs.entries() if not any(map(entry.line.endswith, last))]


def _without_query(line: str) -> str:
    """Return a line without its query, which the chart replaces."""
    return re.sub(r'\?[^ "]*', "?", line)


async def compare() -> tuple[LogResult, ...]:
    """Run every way, side by side."""
    return tuple(await asyncio.gather(*(run(title, way) for title, way in ways().items())))


def table(results: tuple[LogResult, ...]) -> str:
    """Return the comparison as a Markdown table."""
    names = [field.name for field in dataclasses.fields(LogResult)]
    head = ["", *(name.replace("_", " ") for name in names[1:])]
    rows = [[str(getattr(result, name)) for name in names] for result in results]
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
