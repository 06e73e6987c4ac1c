"""Ways to get Istio's metrics to xScaler, side by side on a mesh that stands still: the snippets of xScaler's Istio
page as published, rules as they are commonly used, and the chart. docs/from-xscalers-page.md shows the table.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.environments import TENANT, configs
from tests.support.tools import tool
from tests.support.waiting import comes
from xscaler_istio.local import oracle, run
from xscaler_istio.local.processes import running
from xscaler_istio.local.xscaler.gateway import Scope, Token
from xscaler_istio.mesh import topology
from xscaler_istio.rendered import alloy, yaml_config
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.rendered.local_start import Override, Surroundings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

    from xscaler_istio.local.processes import Child
    from xscaler_istio.rendered.manifests import CollectorConfig

PAGE = Path(__file__).parent / "page"
TOKEN = "token-of-the-page"  # noqa: S105 - valid for one run
# The metrics that the page promises, and how to count the series of each.
PROMISED = {
    "istio_requests_total": "istio_requests_total",
    "latency buckets": "istio_request_duration_milliseconds_bucket",
    "istio_request_bytes": "istio_request_bytes_count",
    "istio_response_bytes": "istio_response_bytes_count",
    "istio_tcp_connections_opened_total": "istio_tcp_connections_opened_total",
    "pilot_xds_pushes": "pilot_xds_pushes",
}
# What collectors say of their scrapes.
_REPORT = "up|scrape_.*|target_info"
# Rounds of scrapes.
_SOME = 3
# Also the timeout of a scrape.
_INTERVAL = "2s"
_PORT = 12345


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """What one way delivered: targets and how many of them fail, pods of the mesh and how many were read, series by
    what the page promises, series in all, and series that xScaler rejected."""

    title: str
    targets: int
    down: int
    expected: int
    pods: int
    promised: Mapping[str, int]
    stored: int
    refused: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Way:
    """A configuration and how to run it on this machine. `selector` finds its series."""

    title: str
    selector: str
    program: str
    config: Callable[[run.Running], str]
    command: Callable[[Path, Path, str], list[str]]


def _kubernetes(place: tuple[str | int, ...], running_: run.Running) -> Iterator[Override]:
    folder = running_.plan.folder
    yield Override((*place, "api_server"), running_.api.url, "no cluster to run in")
    yield Override((*place, "authorization", "type"), "Bearer", "no service account")
    yield Override((*place, "authorization", "credentials_file"), str(folder / "api-token"), "no service account")
    yield Override((*place, "tls_config", "ca_file"), str(folder / "ca.crt"), "authority of this run")


def _prometheus(file: str) -> Callable[[run.Running], str]:
    def config(running_: run.Running) -> str:
        write = ("remote_write", 0)
        changes = [
            Override(("global", "scrape_interval"), _INTERVAL, "evidence in seconds"),
            Override(("global", "scrape_timeout"), _INTERVAL, "not above the interval"),
            *_kubernetes(("scrape_configs", 0, "kubernetes_sd_configs", 0), running_),
            Override((*write, "url"), running_.xscaler.push_url, "the local xScaler"),
            Override((*write, "tls_config", "ca_file"), str(running_.plan.folder / "ca.crt"), "authority of this run"),
        ]
        return yaml_config.apply(_filled_in(file), changes)

    return config


def _alloy(running_: run.Running) -> str:
    endpoint = ('prometheus.remote_write "xscaler"', "endpoint")
    scrape = 'prometheus.scrape "istio"'
    changes = [
        *_kubernetes(('discovery.kubernetes "istio_pods"',), running_),
        Override((scrape, "scrape_interval"), _INTERVAL, "evidence in seconds"),
        Override((scrape, "scrape_timeout"), _INTERVAL, "not above the interval"),
        Override((*endpoint, "url"), running_.xscaler.push_url, "the local xScaler"),
        Override((*endpoint, "tls_config", "ca_file"), str(running_.plan.folder / "ca.crt"), "authority of this run"),
    ]
    return alloy.apply(_filled_in("option-b.alloy"), changes)


def _opentelemetry(running_: run.Running) -> str:
    prometheus = ("receivers", "prometheus", "config")
    exporter = ("exporters", "prometheusremotewrite")
    changes = [
        Override((*prometheus, "global", "scrape_interval"), _INTERVAL, "evidence in seconds"),
        Override((*prometheus, "global", "scrape_timeout"), _INTERVAL, "not above the interval"),
        *_kubernetes((*prometheus, "scrape_configs", 0, "kubernetes_sd_configs", 0), running_),
        Override((*exporter, "endpoint"), running_.xscaler.push_url, "the local xScaler"),
        Override((*exporter, "tls", "ca_file"), str(running_.plan.folder / "ca.crt"), "authority of this run"),
        Override(("service", "telemetry", "metrics", "level"), "none", "its port may be taken"),
    ]
    return yaml_config.apply(_filled_in("option-c.yaml"), changes)


def _filled_in(file: str) -> str:
    text = (PAGE / file).read_text(encoding="utf-8")
    return text.replace("<tenant-id>", TENANT).replace("<api-token>", TOKEN)


def _run_prometheus(config: Path, storage: Path, address: str) -> list[str]:
    return ["--agent", f"--config.file={config}", f"--storage.agent.path={storage}", f"--web.listen-address={address}"]


def _run_alloy(config: Path, storage: Path, address: str) -> list[str]:
    flags = [f"--storage.path={storage}", f"--server.http.listen-addr={address}", "--disable-reporting"]
    return ["run", *flags, str(config)]


def _run_opentelemetry(config: Path, storage: Path, address: str) -> list[str]:  # noqa: ARG001 - one shape
    return [f"--config={config}"]


@dataclasses.dataclass(frozen=True)
class _Chart:
    """The chart with its default values and one of its collectors."""

    collector: str

    def surroundings(self, running_: run.Running) -> Surroundings:
        folder = running_.plan.folder
        return Surroundings(
            api_server=running_.api.url,
            api_token_file=folder / "api-token",
            ca_file=folder / "ca.crt",
            push_url=running_.xscaler.push_url,
            auth_folder=folder / "auth",
            listen_address=_address(running_),
            storage_folder=folder / self.collector,
            scrape_interval=_INTERVAL,
            scrape_timeout=_INTERVAL,
        )

    def config(self, running_: run.Running) -> str:
        collector, rendered = COLLECTORS[self.collector], self.rendered()
        return collector.apply(rendered.text, collector.overrides(rendered.text, self.surroundings(running_)))

    def command(self, config: Path, storage: Path, address: str) -> list[str]:
        return COLLECTORS[self.collector].command(self.rendered().arguments, config, _here(storage, address))

    def rendered(self) -> CollectorConfig:
        return configs(f"metrics.collector={self.collector}", f"cluster.name={self.collector}")[0]


def _here(storage: Path, address: str) -> Surroundings:
    nowhere = Path()
    return Surroundings(
        api_server="",
        api_token_file=nowhere,
        ca_file=nowhere,
        push_url="",
        auth_folder=nowhere,
        listen_address=address,
        storage_folder=storage,
        scrape_interval=_INTERVAL,
        scrape_timeout=_INTERVAL,
    )


def _address(running_: run.Running) -> str:
    return f"{running_.network.infrastructure}:{_PORT}"


def _chart(name: str) -> Way:
    chart = _Chart(name)
    program = COLLECTORS[name].program
    return Way(
        title=f"chart, {name}",
        selector=f'cluster="{name}"',
        program=program,
        config=chart.config,
        command=chart.command,
    )


WAYS = (
    Way(
        title="page, option A",
        selector='job="istio-mesh"',
        program="prometheus",
        config=_prometheus("option-a.yml"),
        command=_run_prometheus,
    ),
    Way(
        title="page, option B",
        selector='job="prometheus.scrape.istio"',
        program="alloy",
        config=_alloy,
        command=_run_alloy,
    ),
    Way(
        title="page, option C",
        selector='job="istio"',
        program="otelcol",
        config=_opentelemetry,
        command=_run_opentelemetry,
    ),
    Way(
        title="usual rules",
        selector='job="usual-rules"',
        program="prometheus",
        config=_prometheus("usual-rules.yml"),
        command=_run_prometheus,
    ),
    *(_chart(name) for name in COLLECTORS),
)


@contextlib.asynccontextmanager
async def still_mesh(backend: str) -> AsyncIterator[run.Running]:
    """Run the small mesh, its counters standing still, and a local xScaler; nobody scrapes yet."""
    with tempfile.TemporaryDirectory(prefix="xscaler-istio-test-") as folder:
        plan = run.Plan(
            configs=(),
            choices=oracle.Choices(cluster=""),
            tenant=TENANT,
            programs={backend: tool(backend)},
            backend=backend,
            interval=1,
            timeout=60,
            folder=Path(folder),
            workloads=topology.small(),
            real_envoys=False,
        )
        async with run.started(plan, lambda _: None) as running_:
            running_.clock.freeze()
            (plan.folder / "auth" / "token").write_text(TOKEN, encoding="utf-8")
            running_.xscaler.add_token(TOKEN, Token(TENANT, Scope.WRITE))
            yield running_


async def compare(backend: str) -> list[Result]:
    """Run all ways, each on a mesh of its own that is like the others', and in front of an xScaler of its own."""

    async def one(way: Way) -> Result:
        async with still_mesh(backend) as running_:
            return await _result(way, running_)

    return list(await asyncio.gather(*(one(way) for way in WAYS)))


async def _result(way: Way, running_: run.Running) -> Result:
    folder = running_.plan.folder
    name = way.title.replace(",", "").replace(" ", "-")
    config = folder / f"{name}.config"
    config.write_text(way.config(running_), encoding="utf-8")
    command = [str(tool(way.program)), *way.command(config, folder / name, _address(running_))]
    async with running(name, command, folder=folder, stop_timeout=30) as child:
        await comes(_Rounds(way=way, running=running_, child=child).stand, f"{way.title}: not everything arrives")
        before, further = await running_.xscaler.account(), _Rounds(way=way, running=running_, child=child)
        await comes(further.stand, f"{way.title}: nothing arrives any more")
        after = await running_.xscaler.account()
        return await _stored(way, running_, refuses=after.rejected != before.rejected)


@dataclasses.dataclass(kw_only=True)
class _Rounds:
    """The rounds of scrapes of one way since this is asked: how many targets there are, and since which round."""

    way: Way
    running: run.Running
    child: Child
    _first: float | None = None
    _targets: int = 0

    async def stand(self) -> bool:
        """Tell whether every target has been scraped some times, and no further one has come meanwhile."""
        if self.child.process.returncode is not None:
            raise AssertionError(self.child.log_tail())
        found = await self.running.xscaler.query(f"count_over_time(up{{{self.way.selector}}}[30m])")
        rounds = min((sample.value for sample in found), default=0.0)
        if self._first is None or len(found) != self._targets:
            self._first, self._targets = rounds, len(found)
        return bool(found) and rounds >= self._first + _SOME


async def _stored(way: Way, running_: run.Running, *, refuses: bool) -> Result:
    async def count(promql: str) -> int:
        found = await running_.xscaler.query(promql)
        return int(found[0].value) if found else 0

    # Over the whole time: the mesh stands still, and a busy machine is late with a scrape now and then.
    ever = "[30m]"
    up = await running_.xscaler.query(f"max_over_time(up{{{way.selector}}}{ever})")
    mesh = {target.labels["instance"] for target in running_.expected}
    stored = await count(f'count(last_over_time({{{way.selector},__name__!~"{_REPORT}"}}{ever}))')
    scraped = f"sum(max_over_time(scrape_samples_post_metric_relabeling{{{way.selector}}}{ever}))"
    return Result(
        title=way.title,
        targets=len(up),
        down=sum(sample.value == 0 for sample in up),
        expected=len(mesh),
        pods=len({sample.labels["instance"] for sample in up if sample.value == 1} & mesh),
        promised={
            name: await count(f"count(last_over_time({metric}{{{way.selector}}}{ever}))")
            for name, metric in PROMISED.items()
        },
        stored=stored,
        refused=await count(scraped) - stored if refuses else 0,
    )


def table(results: Sequence[Result]) -> str:
    """Return the results as Markdown, one column for each way."""
    counts: list[list[object]] = [
        [r.targets, r.down, r.pods, *r.promised.values(), r.stored, r.refused] for r in results
    ]
    scraped = f"mesh pods scraped, of {results[0].expected}"
    names = ["targets", "targets down", scraped, *PROMISED, "series stored", "series rejected"]
    head: list[object] = ["", *(r.title for r in results)]
    rule: list[object] = ["---", *["--:"] * len(results)]
    rows = [[name, *cells] for name, *cells in zip(names, *counts, strict=True)]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in (head, rule, *rows)) + "\n"
