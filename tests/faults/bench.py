"""What a cell needs: two targets, a Kubernetes API, the backend behind a proxy, and the program under test."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import functools
import os
import random
import re
import signal
import ssl
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import trustme
import yaml
from aiohttp import web

from tests.support.alerts import KEPT
from tests.support.environments import FIRST, TENANT, change, release
from tests.support.tools import tool
from tests.support.waiting import comes
from xscaler_istio.local import certificates, kubernetes, log_agents, own_pods
from xscaler_istio.local.container_log import ContainerLog
from xscaler_istio.local.network import API_SERVER_PORT, GATEWAY_PORT, LOG_GATEWAY_PORT, Network, claim
from xscaler_istio.local.processes import Child, responds, running, stop
from xscaler_istio.local.xscaler.admission import Scope, Token
from xscaler_istio.local.xscaler.gateway import PUSH_PATH
from xscaler_istio.local.xscaler.log_gateway import PUSH_PATHS, LogGateway
from xscaler_istio.rendered.local_start import Surroundings
from xscaler_istio.rendered.log_agent import LOG_AGENT as AGENT

from . import compressed, rows, targets
from .account import Event
from .proxy import Proxy, proxying
from .receiver import FOLLOWED, Faults, Receiver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from xscaler_istio.rendered.manifests import CollectorConfig

_STORE_PORT = 9091
# Where the program under test sends to: proxies in front of the two gateways.
_PROXY_PORT, _LOG_PROXY_PORT = 9443, 9444
# The same gateways with certificates that are wrong.
_WRONG_PORTS = {
    rows.Certificate.EXPIRED: 8445,
    rows.Certificate.OTHER_NAME: 8446,
    rows.Certificate.OTHER_AUTHORITY: 8447,
}
_OTHER_HOST = 98
_NODE = "node-1"
_LINE_SECONDS = 0.05
OWN_JOB = "xscaler-istio"
# How long Prometheus takes the last value of a series for the present one.
_LOOKBACK_SECONDS = 300 // rows.FACTOR


class Store:
    """What is stored, and which alerts fired."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60))

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def query(self, promql: str) -> list[dict[str, Any]]:
        """Ask an instant query; a range selector gives all samples."""
        async with self._session.post(f"{self.url}/api/v1/query", data={"query": promql}) as answer:
            found: list[dict[str, Any]] = (await answer.json())["data"]["result"]
            return found

    async def fired(self) -> Mapping[str, list[float]]:
        """Return when each alert fired, by name: the times of its evaluations."""
        times: dict[str, list[float]] = {}
        for series in await self.query('ALERTS{alertstate="firing"}[1h]'):
            times.setdefault(series["metric"]["alertname"], []).extend(float(at) for at, _ in series["values"])
        return times

    async def changed(self, pattern: str, since: float) -> list[str]:
        """Return the release's counters of these names that grew after a time, or appeared then with more than 0."""
        # An answer of the right kind is counted by the same metric as the others.
        wrong = f'{{__name__=~"{pattern}",job="{OWN_JOB}",http_response_status_code!~"2.."}}'
        names = set()
        for series in await self.query(f"{wrong}[1h]"):
            values = [(float(at), float(value)) for at, value in series["values"]]
            before = [value for at, value in values if at < since]
            after = [value for at, value in values if at >= since]
            if after and max(after) > (before[-1] if before else 0.0):
                names.add(series["metric"]["__name__"])
        # The program may complete a histogram with series that the chart does not keep.
        return sorted(name for name in names if any(re.fullmatch(kept, name) for kept in KEPT))


@dataclasses.dataclass(kw_only=True)
class Program:
    """The program under test, which may end and start again."""

    start: Any
    grace: float
    child: Child | None = None
    _running: AbstractAsyncContextManager[Child] | None = None

    async def up(self) -> None:
        """Start it."""
        self._running = self.start()
        assert self._running
        self.child = await self._running.__aenter__()

    async def down(self, name: str = "SIGTERM") -> None:
        """End it with a signal; SIGTERM as the kubelet does, with the chart's patience."""
        if self.child is None:
            return
        if name == "SIGTERM":
            await stop(self.child, timeout=self.grace)
        else:
            os.kill(self.child.pid, getattr(signal, name))
            await self.child.process.wait()
        await self.gone()

    async def gone(self) -> None:
        """Forget the process."""
        if self._running:
            found, self._running, self.child = self._running, None, None
            await found.__aexit__(None, None, None)


class Lines:
    """A container's log with a line every few milliseconds, each distinct."""

    def __init__(self, root: Path, manifest: Mapping[str, Any]) -> None:
        metadata = manifest["metadata"]
        self.log = ContainerLog(root, metadata["namespace"], metadata["name"], metadata["uid"], "istio-proxy")
        self.written: list[Event] = []
        self._number = 0

    def write(self) -> None:
        """Write the next line."""
        self._number += 1
        line = (
            f'[2026-11-30T10:00:00.000Z] "GET /item/{self._number} HTTP/1.1" 200 - via_upstream - "-" 0 12 3 2 "-" '
            '"load" '
            f'"{self._number:08d}-{random.getrandbits(64):016x}" "pay.shop" "10.1.0.7:8080" '
            "outbound|80||pay.shop.svc.cluster.local 10.1.0.5:41234 10.2.0.9:80 10.1.0.5:50432 - default"
        )
        self.log.write(line.encode())
        self.written.append(Event(line, time.time()))

    async def run(self) -> None:
        """Write until this is cancelled."""
        while True:
            self.write()
            await asyncio.sleep(_LINE_SECONDS)


@dataclasses.dataclass(kw_only=True)
class Bench:
    """What is up for one cell. `proxy`, `faults` and `written` belong to what is under test."""

    cell: rows.Cell
    network: Network
    store: Store
    targets: targets.Targets
    receiver: Receiver
    log_gateway: LogGateway
    proxy: Proxy
    faults: Faults
    program: Program
    token_file: Path
    lines: Lines | None
    log_accepted: list[Event]
    version: str

    @property
    def written(self) -> list[Event]:
        """What was served or written so far."""
        return self.lines.written if self.lines else self.targets.written

    @property
    def accepted(self) -> list[Event]:
        """What the backend accepted so far."""
        return self.log_accepted if self.lines else self.receiver.accepted

    def point_at(self, certificate: rows.Certificate | None) -> None:
        """Lead the proxy to a server with this certificate, or the right one."""
        right = LOG_GATEWAY_PORT if self.lines else GATEWAY_PORT
        self.proxy.point((self.network.infrastructure, _WRONG_PORTS[certificate] if certificate else right))

    def grant(self, token: str, tenant: str = TENANT) -> None:
        """Make a token valid for a tenant."""
        for admission in (self.receiver.admission, self.log_gateway.admission):
            admission.tokens[token] = Token(tenant, Scope.WRITE)

    def revoke(self, token: str) -> None:
        """Make a token invalid where the program under test sends to."""
        (self.log_gateway if self.lines else self.receiver).admission.tokens.pop(token, None)

    def rotate_token(self, token: str) -> None:
        """Change the Secret."""
        change(self.token_file, token)


@contextlib.asynccontextmanager
async def started(cell: rows.Cell, folder: Path) -> AsyncIterator[Bench]:
    """Start everything for a cell, and end it in reverse."""
    logs = cell.contestant == rows.LOG_AGENT
    collector = FIRST if logs else cell.contestant
    sets = [item.format(name=collector) for item in cell.row.sets]
    # Helm blocks; other cells run meanwhile.
    metrics_config, log_config = await asyncio.to_thread(release, collector, *sets)
    async with contextlib.AsyncExitStack() as stack:
        network = stack.enter_context(claim())
        host = network.infrastructure
        other_host = network.log_agent(_OTHER_HOST)
        ca = trustme.CA()
        authority = certificates.Authority(folder / "ca.crt", ca)
        ca.cert_pem.write_to_path(str(authority.ca_file))
        store = await stack.enter_async_context(_store(network, folder))
        faults = Faults(f"{other_host}:{GATEWAY_PORT}")
        none = Faults(f"{other_host}:{GATEWAY_PORT}")
        tokens = {"write": Token(TENANT, Scope.WRITE)}
        receiver = Receiver(f"{store.url}/api/v1/write", tokens, none if logs else faults)
        stack.push_async_callback(receiver.close)
        log_gateway = LogGateway(None, tokens)
        stack.push_async_callback(log_gateway.close)
        log_accepted: list[Event] = []
        log_app = _log_application(log_gateway, faults if logs else none, log_accepted)
        good = authority.server_context(host)
        wrong = {
            rows.Certificate.EXPIRED: _context(ca.issue_cert(host, not_after=_YESTERDAY)),
            rows.Certificate.OTHER_NAME: _context(ca.issue_cert(other_host)),
            rows.Certificate.OTHER_AUTHORITY: _context(trustme.CA().issue_cert(host)),
        }
        metrics_sites = {GATEWAY_PORT: good}
        log_sites = {LOG_GATEWAY_PORT: good}
        (log_sites if logs else metrics_sites).update({_WRONG_PORTS[kind]: tls for kind, tls in wrong.items()})
        await _listen(stack, receiver.application(), host, metrics_sites)
        await _listen(stack, log_app, host, log_sites)
        elsewhere = web.Application()
        elsewhere.router.add_route("*", f"{FOLLOWED}/{{path:.*}}", faults.follow)
        await _listen(stack, elsewhere, other_host, {GATEWAY_PORT: authority.server_context(other_host)})
        proxy = await stack.enter_async_context(proxying(host, _PROXY_PORT, (host, GATEWAY_PORT)))
        log_proxy = await stack.enter_async_context(proxying(host, _LOG_PROXY_PORT, (host, LOG_GATEWAY_PORT)))
        mesh = await stack.enter_async_context(targets.serving(network))
        own = [own_pods.pod(metrics_config, network.collector(0))]
        own += [own_pods.pod(log_config, network.log_agent(0), _NODE)] if logs else []
        api = await stack.enter_async_context(
            kubernetes.serving(
                host=host,
                port=API_SERVER_PORT,
                tls=good,
                token="api",  # noqa: S106 - of this run alone
                pods=[*(pod.manifest for pod in mesh.pods), *own],
            )
        )
        auth = _secret(folder / "auth", "write")
        # The log agent under test has a Secret of its own, so that the collector beside it keeps its token.
        log_auth = _secret(folder / "log-auth", "write")
        (folder / "api-token").write_text("api", encoding="utf-8")
        (folder / "pods").mkdir()
        surroundings = Surroundings(
            api_server=api.url,
            api_token_file=folder / "api-token",
            ca_file=authority.ca_file,
            push_url=f"https://{host}:{_PROXY_PORT}{PUSH_PATH}",
            auth_folder=auth,
            listen_address="",
            storage_folder=folder,
            scrape_interval=f"{rows.INTERVAL}s",
            scrape_timeout=f"{rows.INTERVAL}s",
            logs_url=f"https://{host}:{_LOG_PROXY_PORT}{PUSH_PATHS[0]}",
            log_folder=folder / "pods",
        )
        program = _collector(metrics_config, network, surroundings, folder)
        await program.up()
        stack.push_async_callback(_end, program)
        lines = None
        if logs:
            manifest: Any = mesh.pods[0].manifest
            lines = Lines(folder / "pods", manifest)
            there = dataclasses.replace(surroundings, auth_folder=log_auth)
            program = _log_agent(log_config, network, there, folder)
            await program.up()
            stack.push_async_callback(_end, program)
            writing = asyncio.create_task(lines.run())
            stack.callback(writing.cancel)
        yield Bench(
            cell=cell,
            network=network,
            store=store,
            targets=mesh,
            receiver=receiver,
            log_gateway=log_gateway,
            proxy=log_proxy if logs else proxy,
            faults=faults,
            program=program,
            token_file=(log_auth if logs else auth) / "token",
            lines=lines,
            log_accepted=log_accepted,
            version=_version(log_config if logs else metrics_config),
        )


async def _end(program: Program) -> None:
    # Everything is counted by now: it need not flush.
    await program.down("SIGKILL")


def _secret(folder: Path, token: str) -> Path:
    folder.mkdir()
    for name, content in (("token", token), ("tenant-id", TENANT)):
        (folder / name).write_text(content, encoding="utf-8")
    return folder


def _version(config: CollectorConfig) -> str:
    image: str = _template(config)["containers"][0]["image"]
    return image.rpartition(":")[2]


def _template(config: CollectorConfig) -> Any:
    workload: Any = config.workload
    return workload["spec"]["template"]["spec"]


def _collector(config: CollectorConfig, network: Network, surroundings: Surroundings, folder: Path) -> Program:
    shipper = config.shipper
    address = f"{network.collector(0)}:{config.port}"
    own = dataclasses.replace(surroundings, listen_address=address, storage_folder=folder / "storage")
    file = folder / config.unique_file
    file.write_text(shipper.apply(config.text, shipper.overrides(config.text, own)), encoding="utf-8")
    command = [str(tool(shipper.program)), *shipper.command(config.arguments, file, own)]
    start = functools.partial(_up, command, folder, f"http://{address}{config.readiness_path}", {})
    return Program(start=start, grace=_template(config).get("terminationGracePeriodSeconds", 30))


def _log_agent(config: CollectorConfig, network: Network, surroundings: Surroundings, folder: Path) -> Program:
    @contextlib.asynccontextmanager
    async def start() -> AsyncIterator[Child]:
        async with log_agents.running_agent(
            config, surroundings, network=network, folder=folder, binary=tool(AGENT.program), node=_NODE, stop_timeout=1
        ) as agent:
            yield agent.child

    return Program(start=start, grace=_template(config).get("terminationGracePeriodSeconds", 30))


@contextlib.asynccontextmanager
async def _up(command: list[str], folder: Path, ready: str, environment: Mapping[str, str]) -> AsyncIterator[Child]:
    async with running("collector", command, folder=folder, environment=environment, stop_timeout=1) as child:
        await child.wait_until(functools.partial(responds, ready))
        yield child


@contextlib.asynccontextmanager
async def _store(network: Network, folder: Path) -> AsyncIterator[Store]:
    listen = f"{network.infrastructure}:{_STORE_PORT}"
    rule_file, config = folder / "rules.yml", folder / "store.yml"
    rule_file.write_text(yaml.safe_dump(compressed.rules(rows.FACTOR, rows.INTERVAL)), encoding="utf-8")
    # The receiver judges the order of samples. What passes it may still come in two requests at once.
    settings = {"rule_files": [str(rule_file)], "storage": {"tsdb": {"out_of_order_time_window": "1h"}}}
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    command = [
        str(tool("prometheus")),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'store'}",
        f"--web.listen-address={listen}",
        f"--query.lookback-delta={_LOOKBACK_SECONDS}s",
        "--web.enable-remote-write-receiver",
    ]
    store = Store(f"http://{listen}")
    try:
        async with running("store", command, folder=folder, stop_timeout=1) as child:
            await child.wait_until(lambda: responds(f"{store.url}/-/ready"))
            yield store
    finally:
        await store.close()


_YESTERDAY = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return context


def _log_application(gateway: LogGateway, faults: Faults, accepted: list[Event]) -> web.Application:
    @web.middleware
    async def entered(request: web.Request, handler: Any) -> web.StreamResponse:
        before = len(gateway.entries())
        response: web.StreamResponse = await handler(request)
        now = time.time()
        # Nothing else enters lines between the two: without a Loki the handler does not wait after it has them.
        accepted.extend(Event(entry.line, now) for entry in gateway.entries(before))
        return response

    app = gateway.application()
    app.middlewares.extend([faults.handle, entered])
    app.router.add_route("*", f"{FOLLOWED}/{{path:.*}}", faults.follow)
    return app


async def _listen(
    stack: contextlib.AsyncExitStack, app: web.Application, host: str, sites: Mapping[int, ssl.SSLContext]
) -> None:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    for port, tls in sites.items():
        await web.TCPSite(runner, host, port, ssl_context=tls).start()


async def arrives(bench: Bench, what: str) -> None:
    """Wait until the last of what is written now has been accepted."""
    now = time.time()
    await comes(lambda: any(event.at > now for event in bench.accepted), what)
