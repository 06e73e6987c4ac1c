"""A backend that refuses in a chosen way, and what each program of the chart prints then.

    PYTHONPATH=. python -m tests.pipeline.refusals [PROGRAM...]    print it

docs/troubleshooting.md quotes the messages; test_refusals.py holds that they are still printed.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import http
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from tests.support.environments import METRICS_PORTS, configs
from tests.support.log_environment import NODE, log_config
from tests.support.tools import tool
from xscaler_istio.local import certificates, kubernetes, log_agents
from xscaler_istio.local.container_log import ContainerLog
from xscaler_istio.local.network import API_SERVER_PORT, Network, claim
from xscaler_istio.local.processes import responds, running, stop_all, together
from xscaler_istio.local.xscaler.gateway import PUSH_PATH
from xscaler_istio.mesh import pods
from xscaler_istio.mesh.model import Kind, Version
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.rendered.local_start import Surroundings
from xscaler_istio.rendered.log_agent import LOG_AGENT

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from xscaler_istio.local.processes import Child

PROGRAMS = (*COLLECTORS, "log agent")
# Where a redirect leads to. 307 and 308 repeat the request with its body, the others turn it into a GET.
SAME, OTHER = "same host", "another host"
REDIRECTS = ((302, SAME), (308, SAME), (301, OTHER), (307, OTHER))
STATUSES = (400, 401, 403, 404, 413, 429, 500, 502, 503)
# Names that no DNS knows (RFC 6761).
UNKNOWN_HOST = "region.xscaler.invalid"
_PORT, _OTHER_AUTHORITY_PORT, _PLAIN_PORT, _CLOSED_PORT = 8443, 8445, 8446, 8447
_FOLLOWED = "/followed"
_TOLD = re.compile(r"(?i)error|warn|fail")
# The pod answers no scrape, and the health check prints its settings.
_NOT_TOLD = re.compile("Failed to scrape|Scrape failed|Starting health_check")
_LINE = b"2026-11-25T10:00:00.000000Z\tinfo\tEnvoy proxy is ready"


def _status(status: int) -> Callable[[Network], str]:
    return lambda network: f"https://{network.infrastructure}:{_PORT}/{status}{PUSH_PATH}"


def _redirect(status: int, to: str) -> Callable[[Network], str]:
    return lambda network: f"https://{network.infrastructure}:{_PORT}/{status}/{to.replace(' ', '-')}{PUSH_PATH}"


def _at(port: int) -> Callable[[Network], str]:
    return lambda network: f"https://{network.infrastructure}:{port}{PUSH_PATH}"


# Where a program pushes to, by what is wrong there. Both hosts have a certificate that the programs trust.
CASES: Mapping[str, Callable[[Network], str]] = {
    **{f"{status}, {to}": _redirect(status, to) for status, to in REDIRECTS},
    **{str(status): _status(status) for status in STATUSES},
    "untrusted authority": _at(_OTHER_AUTHORITY_PORT),
    # The same server by an address that its certificate does not have.
    "other name": lambda network: f"https://{network.log_agent(99)}:{_PORT}/200{PUSH_PATH}",
    "no TLS": _at(_PLAIN_PORT),
    "connection refused": _at(_CLOSED_PORT),
    "unknown host": lambda _: f"https://{UNKNOWN_HOST}{PUSH_PATH}",
}


@dataclasses.dataclass(frozen=True)
class Instance:
    """A running program, and where its own metrics are."""

    child: Child
    metrics_url: str

    def said(self) -> str:
        """Return what it printed so far."""
        return self.child.log_file.read_text(encoding="utf-8", errors="replace")

    async def metrics(self) -> str:
        """Return its own metrics, in the text format."""
        async with aiohttp.ClientSession() as session, session.get(self.metrics_url) as response:
            return await response.text()


def told(text: str) -> list[str]:
    """Return the lines of a log that speak of something wrong, but for the scrapes, which nobody answers."""
    return [line for line in text.splitlines() if _TOLD.search(line) and not _NOT_TOLD.search(line)]


@dataclasses.dataclass(frozen=True)
class Followed:
    """Requests that followed a redirect, as texts of method, size of the body and credentials, by path of the case."""

    network: Network
    requests: dict[str, list[str]] = dataclasses.field(default_factory=dict)

    def by(self, case: str) -> list[str]:
        """Return those of a case."""
        return self.requests.get(urlsplit(CASES[case](self.network)).path, [])

    async def answer(self, request: web.Request) -> web.Response:
        """Answer as the path says: with a status, with a redirect, or with 200 to what followed one."""
        body = await request.read()
        if request.path.startswith(_FOLLOWED):
            said = f"{request.method} {len(body)} {request.headers.get('Authorization', 'no token')}"
            self.requests.setdefault(request.path.removeprefix(_FOLLOWED), []).append(said)
            return web.Response()
        _, status, to, *_ = request.path.split("/")
        host = {SAME: self.network.infrastructure, OTHER: self.network.log_agent(98)}.get(to.replace("-", " "))
        headers = {"Location": f"https://{host}:{_PORT}{_FOLLOWED}{request.path}"} if host else {}
        text = f"the answer's own words: {http.HTTPStatus(int(status)).phrase}"
        return web.Response(status=int(status), text=text, headers=headers)


@contextlib.asynccontextmanager
async def _serving(followed: Followed, host: str, port: int, tls: ssl.SSLContext | None) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", followed.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
        yield
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def refusing(program: str, folder: Path) -> AsyncIterator[tuple[Mapping[str, Instance], Followed]]:
    """Run an instance of a program for each case, until the end of the block."""
    async with contextlib.AsyncExitStack() as stack:
        network = stack.enter_context(claim())
        authority = certificates.create(folder)
        (folder / "other").mkdir()
        other = certificates.create(folder / "other")
        host, another = network.infrastructure, network.log_agent(98)
        followed = Followed(network)
        for address, port, tls in (
            (host, _PORT, authority.server_context(host)),
            (another, _PORT, authority.server_context(another)),
            (network.log_agent(99), _PORT, authority.server_context(host)),
            (host, _OTHER_AUTHORITY_PORT, other.server_context(host)),
            (host, _PLAIN_PORT, None),
        ):
            await stack.enter_async_context(_serving(followed, address, port, tls))
        surroundings = await stack.enter_async_context(_cluster(network, authority, folder))
        start = _log_agent if program == "log agent" else functools.partial(_collector, program)

        def instance(number: int, url: str) -> Awaitable[Instance]:
            own = folder / f"case-{number}"
            own.mkdir()
            there = dataclasses.replace(surroundings, push_url=url, logs_url=url, storage_folder=own)
            return stack.enter_async_context(start(there, network, number))

        urls = [url(network) for url in CASES.values()]
        instances = await together(instance(number, url) for number, url in enumerate(urls))
        stack.push_async_callback(stop_all, [up.child for up in instances], timeout=0.1)
        yield dict(zip(CASES, instances, strict=True)), followed


@contextlib.asynccontextmanager
async def _cluster(network: Network, authority: certificates.Authority, folder: Path) -> AsyncIterator[Surroundings]:
    """Serve one pod, whose container writes a line again and again."""
    pod: Any = pods.pod(
        Kind.SIDECAR,
        namespace="shop",
        name="cart-1",
        ip=network.pod(0),
        workload="cart",
        version=Version(1, 31),
        node=NODE,
    ).manifest
    for name, content in (("token", "write"), ("tenant-id", "acme")):
        (folder / "auth").mkdir(exist_ok=True)
        (folder / "auth" / name).write_text(content, encoding="utf-8")
    (folder / "api-token").write_text("api", encoding="utf-8")
    (folder / "pods").mkdir()
    log = ContainerLog(folder / "pods", "shop", "cart-1", pod["metadata"]["uid"], "istio-proxy")
    serving = kubernetes.serving(
        host=network.infrastructure,
        port=API_SERVER_PORT,
        tls=authority.server_context(network.infrastructure),
        token="api",  # noqa: S106 - of this run alone
        pods=(pod,),
    )
    async with serving as api:
        writing = asyncio.create_task(_write(log))
        yield Surroundings(
            api_server=api.url,
            api_token_file=folder / "api-token",
            ca_file=authority.ca_file,
            push_url="",
            auth_folder=folder / "auth",
            listen_address="",
            storage_folder=folder,
            scrape_interval="1s",
            scrape_timeout="1s",
            log_folder=folder / "pods",
        )
        writing.cancel()


async def _write(log: ContainerLog) -> None:
    while True:
        log.write(_LINE)
        await asyncio.sleep(0.5)


@contextlib.asynccontextmanager
async def _collector(program: str, there: Surroundings, network: Network, number: int) -> AsyncIterator[Instance]:
    (config,) = configs(f"metrics.collector={program}")
    collector = COLLECTORS[program]
    address = f"{network.collector(number)}:{config.port}"
    own = dataclasses.replace(there, listen_address=address)
    file = there.storage_folder / config.unique_file
    file.write_text(collector.apply(config.text, collector.overrides(config.text, own)), encoding="utf-8")
    command = [str(tool(collector.program)), *collector.command(config.arguments, file, own)]
    async with running("log", command, folder=there.storage_folder, stop_timeout=0.1) as child:
        await child.wait_until(functools.partial(responds, f"http://{address}{config.readiness_path}"))
        yield Instance(child, f"http://{network.collector(number)}:{METRICS_PORTS[program]}/metrics")


@contextlib.asynccontextmanager
async def _log_agent(there: Surroundings, network: Network, number: int) -> AsyncIterator[Instance]:
    config = log_config("logs.startAt=beginning")
    agent = log_agents.running_agent(
        config,
        there,
        network=network,
        folder=there.storage_folder,
        binary=tool(LOG_AGENT.program),
        node=NODE,
        number=number,
        stop_timeout=0.1,
    )
    async with agent as running_agent:
        yield Instance(running_agent.child, f"{running_agent.url}/metrics")


async def main(programs: list[str]) -> None:
    for program in programs or PROGRAMS:
        with tempfile.TemporaryDirectory(prefix="xscaler-istio-refusals-") as name:
            async with refusing(program, Path(name)) as (up, followed):
                await asyncio.sleep(40)
                for case in CASES:
                    lines = (*told(up[case].said())[:3], *followed.by(case)[:1])
                    print(f"== {program}: {case}", *lines, sep="\n   ")  # noqa: T201 - a command


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
