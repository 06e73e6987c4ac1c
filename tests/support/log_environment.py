"""A log agent of the rendered chart, pods whose containers write log files, and a local xScaler with a real Loki."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xscaler_istio.local import certificates, kubernetes, log_agents
from xscaler_istio.local.container_log import ContainerLog
from xscaler_istio.local.network import API_SERVER_PORT, Network, claim
from xscaler_istio.local.xscaler import service
from xscaler_istio.local.xscaler.admission import Scope, Token
from xscaler_istio.mesh import pods
from xscaler_istio.mesh.model import Kind, Version
from xscaler_istio.rendered.local_start import Surroundings
from xscaler_istio.rendered.log_agent import LOG_AGENT
from xscaler_istio.rendered.release import Release

from .environments import TENANT
from .paths import ci
from .rendering import template
from .tools import tool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xscaler_istio.local.log_agents import Agent
    from xscaler_istio.local.xscaler.service import XScaler
    from xscaler_istio.rendered.manifests import CollectorConfig

NODE = "node-1"


def log_config(*sets: str, json: str = "") -> CollectorConfig:
    """Render the chart with the ten-line values, logs enabled and these values; return the agent's configuration."""
    words = [word for pair in ("logs.enabled=true", "metrics.collector=none", *sets) for word in ("--set", pair)]
    words += ["--set-json", json] if json else []
    text = template("helm4", "--values", str(ci("default")), *words)
    return Release.of(text).log_agents[0]


@dataclasses.dataclass(frozen=True, kw_only=True)
class LogEnvironment:
    """What is up: the agent comes and goes with `agent`."""

    folder: Path
    network: Network
    xscaler: XScaler
    api: kubernetes.KubernetesApi
    surroundings: Surroundings

    @property
    def log_root(self) -> Path:
        """The folder that stands in for /var/log/pods."""
        return self.folder / "pods"

    async def container(
        self,
        name: str,
        *,
        container: str = "istio-proxy",
        kind: Kind = Kind.SIDECAR,
        node: str = NODE,
        namespace: str = "shop",
        docker: bool = False,
        **more: Any,
    ) -> ContainerLog:
        """Add a pod, and return the log of one of its containers."""
        made = pods.pod(
            kind,
            namespace=namespace,
            name=name,
            ip="127.9.0.1",
            workload=name,
            version=Version(1, 31),
            node=node,
            **more,
        )
        await self.api.apply(made.manifest)
        metadata: Any = made.manifest["metadata"]
        return ContainerLog(self.log_root, namespace, name, metadata["uid"], container, docker=docker)

    @contextlib.asynccontextmanager
    async def agent(self, config: CollectorConfig, *, node: str = NODE, number: int = 0) -> AsyncIterator[Agent]:
        """Run the agent until the end of the block; its state stays for the next one of the same number."""
        async with log_agents.running_agent(
            config,
            self.surroundings,
            network=self.network,
            folder=self.folder,
            binary=tool(LOG_AGENT.program),
            node=node,
            number=number,
        ) as running:
            yield running


@contextlib.asynccontextmanager
async def log_environment(*, loki: bool = True, structured_metadata: bool = True) -> AsyncIterator[LogEnvironment]:
    """Start everything but the agent; end it in reverse."""
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="xscaler-istio-test-")))
        network = stack.enter_context(claim())
        authority = certificates.create(folder)
        tokens = {"write": Token(TENANT, Scope.WRITE), "read": Token(TENANT, Scope.READ)}
        xscaler = await stack.enter_async_context(
            service.serving(
                network=network,
                authority=authority,
                folder=folder,
                backend="prometheus",
                binary=tool("prometheus"),
                tokens=tokens,
                reader=service.Reader("read", TENANT),
                loki_binary=tool("loki") if loki else None,
                structured_metadata=structured_metadata,
            )
        )
        api = await stack.enter_async_context(
            kubernetes.serving(
                host=network.infrastructure,
                port=API_SERVER_PORT,
                tls=authority.server_context(network.infrastructure),
                token="api",  # noqa: S106 - of this run alone
                pods=(),
            )
        )
        (folder / "api-token").write_text("api", encoding="utf-8")
        auth = folder / "auth"
        auth.mkdir()
        (auth / "token").write_text("write", encoding="utf-8")
        (auth / "tenant-id").write_text(TENANT, encoding="utf-8")
        (folder / "pods").mkdir()
        surroundings = Surroundings(
            api_server=api.url,
            api_token_file=folder / "api-token",
            ca_file=authority.ca_file,
            push_url=xscaler.push_url,
            auth_folder=auth,
            listen_address="",
            storage_folder=folder,
            scrape_interval="1s",
            scrape_timeout="1s",
            logs_url=xscaler.logs.push_url,
            log_folder=folder / "pods",
        )
        yield LogEnvironment(folder=folder, network=network, xscaler=xscaler, api=api, surroundings=surroundings)
