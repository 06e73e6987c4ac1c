"""Real collectors in front of a mesh and a local xScaler, started once for many tests."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from xscaler_istio.local import oracle, run
from xscaler_istio.rendered import collectors
from xscaler_istio.rendered.log_agent import LOG_AGENT

from . import rendering
from .paths import ci
from .rendering import template
from .tools import tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from anyio.from_thread import BlockingPortal

    from xscaler_istio.rendered.manifests import CollectorConfig
    from xscaler_istio.wire.answers import Sample

COLLECTORS = tuple(collectors.COLLECTORS)
# Where each serves its own metrics.
METRICS_PORTS = {name: entry.metrics_port for name, entry in collectors.COLLECTORS.items()}
# What ci/default-values.yaml says.
TENANT = "acme"


# Of collectors that do the same, `make test` runs this one.
FIRST = COLLECTORS[0]


def by_collector(*names: str) -> pytest.MarkDecorator:
    """Run a test for these collectors, by default all; `make test` takes the first."""
    others = pytest.mark.whole("make test shows it for one collector")
    return pytest.mark.parametrize(
        "collector", [pytest.param(name, marks=() if name == FIRST else others) for name in names or COLLECTORS]
    )


def whole(request: pytest.FixtureRequest) -> bool:
    """Report whether tests marked `whole` of a file are among those to run: they ask for more of its environment."""
    chosen = (item for item in request.session.items if item.path == request.path)
    return any(item.get_closest_marker("whole") for item in chosen)


def asked_for(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Return the collectors that a file's tests `by_collector` ask for, in this session."""
    return COLLECTORS if whole(request) else (FIRST,)


def configs(*sets: str, metrics: Mapping[str, Any] | None = None) -> tuple[CollectorConfig, ...]:
    """Render the chart with its default ci/ values, these --set values and this block `metrics`.

    The mesh alone is scraped, unless a test asks for the release's own pods.
    """
    words = [word for pair in ("selfMonitoring.enabled=false", *sets) for word in ("--set", pair)]
    if metrics:
        words += ["--set-json", f"metrics={json.dumps(metrics)}"]
    return rendering.configs(template("helm4", "--values", str(ci("default")), *words))


def release(collector: str, *sets: str) -> tuple[CollectorConfig, CollectorConfig]:
    """Render a release with self-monitoring and access logs, named after its collector: its collector and log agent.

    Each release knows its own pods by its name, which its cluster label has too.
    """
    own = (f"{setting}={collector}" for setting in ("metrics.collector", "cluster.name", "nameOverride"))
    words = [word for pair in (*own, "logs.enabled=true", *sets) for word in ("--set", pair)]
    text = template("helm4", "--values", str(ci("default")), *words)
    (metrics,), (logs,) = rendering.configs(text), rendering.log_configs(text)
    return metrics, logs


def numbered(*found: CollectorConfig) -> tuple[CollectorConfig, ...]:
    """Give configurations of several releases numbers, and so ports and folders, of their own."""
    return tuple(dataclasses.replace(config, shard=number) for number, config in enumerate(found))


@dataclasses.dataclass(frozen=True)
class Environment:
    """A running mesh with collectors, for tests that are not asynchronous themselves."""

    run: run.Running
    portal: BlockingPortal

    def query(self, promql: str) -> tuple[Sample, ...]:
        """Ask the local xScaler."""
        return self.portal.call(self.run.xscaler.query, promql)

    def account(self) -> Any:
        """Return the gateway's books."""
        return self.portal.call(self.run.xscaler.account)

    def metric(self, number: int, name: str) -> float:
        """Return the sum of a metric's series that a collector gives of itself, whether they get through or not."""
        port = METRICS_PORTS[self.run.plan.configs[number].collector]
        found: float = self.call(own_metric, f"http://{self.run.network.collector(number)}:{port}/metrics", name)
        return found

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function in the loop that everything runs in."""
        return self.portal.call(function, *arguments)


async def own_metric(url: str, name: str) -> float:
    """Return the sum of a metric's series that a program gives of itself."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        text = await response.text()
    return sum(float(value) for value in re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE))


def change(file: Path, content: str) -> None:
    """Change a file at once, as the kubelet changes what it mounts: nobody reads half of it."""
    new = file.with_name(f"{file.name}.new")
    new.write_text(content, encoding="utf-8")
    new.replace(file)


@contextlib.contextmanager
def environment(portal: BlockingPortal, **plan: Any) -> Iterator[Environment]:
    """Run a plan until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="xscaler-istio-test-") as folder:
        names = {config.shipper.program for config in plan["configs"]} | {plan["backend"]}
        names |= {LOG_AGENT.program, "loki"} if plan.get("log_configs") else set()
        programs = {name: tool(name) for name in names}
        whole = run.Plan(
            choices=oracle.Choices(cluster=""),
            tenant=TENANT,
            programs=programs,
            timeout=60,
            folder=Path(folder),
            **plan,
        )
        with portal.wrap_async_context_manager(run.started(whole, print)) as running:
            yield Environment(running, portal)
