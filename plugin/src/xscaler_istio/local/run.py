"""The run of a local test: start the real collector in front of a mesh, and judge what arrives."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import secrets
import time
from typing import TYPE_CHECKING

from xscaler_istio.local import (
    certificates,
    histograms,
    history,
    kubernetes,
    log_agents,
    log_oracle,
    oracle,
    own_pods,
    questions,
    verdict,
)
from xscaler_istio.local.mesh import envoy, page_server, placed, traffic
from xscaler_istio.local.network import API_SERVER_PORT, Network, claim
from xscaler_istio.local.processes import responds, running, stop_all, together
from xscaler_istio.local.xscaler import limits, service
from xscaler_istio.local.xscaler.gateway import Scope, Token
from xscaler_istio.mesh import topology
from xscaler_istio.rendered.local_start import Surroundings
from xscaler_istio.rendered.log_agent import LOG_AGENT
from xscaler_istio.system.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from xscaler_istio.findings.findings import Problem
    from xscaler_istio.local.log_agents import Agent
    from xscaler_istio.local.mesh.envoy import EnvoyMesh
    from xscaler_istio.local.mesh.page_server import MeshServer
    from xscaler_istio.local.mesh.placed import Member
    from xscaler_istio.local.processes import Child
    from xscaler_istio.local.verdict import LogVerdict
    from xscaler_istio.local.xscaler.account import Account
    from xscaler_istio.local.xscaler.service import XScaler
    from xscaler_istio.mesh.topology import Workload
    from xscaler_istio.rendered.local_start import Override
    from xscaler_istio.rendered.manifests import CollectorConfig
    from xscaler_istio.wire.answers import Sample

# The tenant in the Secret's file if the values name none.
TENANT_OF_THE_FILE = "tenant-of-the-file"
# Addresses below this belong to the real Envoys, those above to generated pods.
FIRST_GENERATED_POD = 100
_POLL_SECONDS = 1.0
# Time for a collector's last pushes.
_STOP_SECONDS = 30.0
# Enough for a few hundred lines of the small mesh.
_LOGS_ALONE_SECONDS = 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """The input of a run.

    `configs`: the rendered configurations, one per shard; `tenant`: the tenant that they send, empty if they read it
    from the Secret; `programs`: paths by name (the collector's and the backend's); `backend`: mimir or prometheus;
    `interval` and `timeout` in seconds: between scrapes, and until the evidence must be complete; `folder`: the
    folder for all files of the run; `pods`: further v1 Pods of the cluster, which do not answer; `log_configs`: those
    of the agents that read files, which need the real Envoys; `parts`: the tested ones of verdict.PARTS. Without
    pushing the local xScaler has no limits.
    """

    configs: tuple[CollectorConfig, ...]
    choices: oracle.Choices
    tenant: str
    programs: Mapping[str, Path]
    backend: str
    interval: int
    timeout: float
    folder: Path
    workloads: tuple[Workload, ...] = dataclasses.field(default_factory=topology.small)
    real_envoys: bool = True
    request_rate: float = 20.0
    pods: tuple[Mapping[str, object], ...] = ()
    log_configs: tuple[CollectorConfig, ...] = ()
    log_choices: log_oracle.LogChoices = dataclasses.field(default_factory=log_oracle.LogChoices)
    parts: tuple[str, ...] = verdict.PARTS


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunResult:
    """The verdict, the answers, the account, and the changes to the rendered configurations.

    `parts` were tested; `history` is the course of the run.
    """

    verdict: verdict.Verdict
    answers: tuple[questions.Reply, ...]
    account: Account
    overrides: tuple[Override, ...]
    seconds: float
    parts: tuple[str, ...]
    history: history.History
    logs: LogVerdict | None = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The problems with metrics and with logs."""
        return (*self.verdict.problems, *(self.logs.problems if self.logs else ()))

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not self.problems


@dataclasses.dataclass(frozen=True, kw_only=True)
class Running:
    """Everything that runs until `started` ends."""

    plan: Plan
    network: Network
    xscaler: XScaler
    api: kubernetes.KubernetesApi
    mesh: MeshServer
    clock: page_server.Clock
    members: tuple[Member, ...]
    envoys: EnvoyMesh | None
    collectors: tuple[Child, ...]
    overrides: tuple[Override, ...]
    expected: tuple[oracle.ExpectedTarget, ...]
    reader: service.Reader
    log_agents: tuple[Agent, ...] = ()
    pods: tuple[Mapping[str, object], ...] = ()
    began: float = 0.0

    def scrapes(self) -> Mapping[verdict.PodName, int]:
        """Return the number of answered scrapes so far, by pod."""
        return {**self.mesh.scrapes, **(self.envoys.scrapes if self.envoys else {})}


async def judge(run: Running, progress: Callable[[str], None]) -> RunResult:
    """Wait for the evidence of a running plan and judge it. Raises SetupError when a collector ends."""
    moments: list[history.Moment] = []
    evidence = await _complete_evidence(run, moments, progress)
    answers = await questions.ask(run.xscaler, run.plan.choices.histograms) if run.plan.configs else ()
    account = await run.xscaler.account()
    final = dataclasses.replace(evidence, accepted=account.accepted, rejected=account.rejected)
    judged = verdict.judge(final, run.plan.parts)
    logs = await _judge_logs(run, moments, progress)
    shown = await history.ask(run.xscaler, moments, run.plan.interval, run.plan.choices.histograms)
    return RunResult(
        verdict=judged,
        answers=answers,
        account=account,
        overrides=run.overrides,
        seconds=time.monotonic() - run.began,
        parts=run.plan.parts,
        history=shown,
        logs=logs,
    )


@contextlib.asynccontextmanager
async def started(plan: Plan, progress: Callable[[str], None]) -> AsyncIterator[Running]:
    """Start everything in the order of dependencies, and stop it in reverse order.

    The collector stops before its backend, so that it can flush its last samples.
    """
    began = time.monotonic()
    tenant = plan.tenant or TENANT_OF_THE_FILE
    write, read, api_token = (secrets.token_urlsafe(16) for _ in range(3))
    reader = service.Reader(read, tenant)
    async with contextlib.AsyncExitStack() as stack:
        network = stack.enter_context(claim())
        authority = certificates.create(plan.folder)
        progress(f"starting a local xScaler ({plan.backend}) on {network.infrastructure}")
        xscaler = await stack.enter_async_context(
            service.serving(
                network=network,
                authority=authority,
                folder=plan.folder,
                backend=plan.backend,
                binary=plan.programs[plan.backend],
                tokens={write: Token(tenant, Scope.WRITE), read: Token(tenant, Scope.READ)},
                reader=reader,
                limits=limits.XSCALER if "pushing" in plan.parts else limits.NONE,
                loki_binary=plan.programs.get("loki"),
            )
        )
        clock = page_server.Clock(plan.interval)
        members = placed.build(plan.workloads, network, FIRST_GENERATED_POD)
        progress(f"starting a mesh: {len(members)} generated pods" + (", and real Envoys" if plan.real_envoys else ""))
        mesh = await stack.enter_async_context(page_server.serving(members, clock))
        envoys = await stack.enter_async_context(_envoys(plan, network))
        served = [member.pod for member in members] + list(envoys.pods if envoys else ())
        pods = [*(pod.manifest for pod in served), *plan.pods, *_own_pods(plan, network)]
        api = await stack.enter_async_context(
            kubernetes.serving(
                host=network.infrastructure,
                port=API_SERVER_PORT,
                tls=authority.server_context(network.infrastructure),
                token=api_token,
                pods=pods,
            )
        )
        auth = _auth_folder(plan.folder, write, tenant)
        (plan.folder / "api-token").write_text(api_token, encoding="utf-8")
        surroundings = Surroundings(
            api_server=api.url,
            api_token_file=plan.folder / "api-token",
            ca_file=authority.ca_file,
            push_url=xscaler.push_url,
            auth_folder=auth,
            listen_address="",
            storage_folder=plan.folder,
            scrape_interval=f"{plan.interval}s",
            scrape_timeout=f"{plan.interval}s",
            logs_url=xscaler.logs.push_url,
            log_folder=_log_root(plan),
        )
        collectors, overrides = await _collectors(stack, plan, network, surroundings, progress)
        agents = await _log_agents(stack, plan, network, surroundings, progress)
        collectors += tuple(agent.child for agent in agents)
        overrides += tuple(change for agent in agents for change in agent.overrides)
        expected = oracle.expected_targets(pods, plan.choices)
        yield Running(
            plan=plan,
            network=network,
            xscaler=xscaler,
            api=api,
            mesh=mesh,
            clock=clock,
            members=members,
            envoys=envoys,
            collectors=collectors,
            overrides=overrides,
            expected=expected,
            reader=reader,
            log_agents=tuple(agents),
            pods=tuple(pods),
            began=began,
        )


@contextlib.asynccontextmanager
async def _envoys(plan: Plan, network: Network) -> AsyncIterator[EnvoyMesh | None]:
    if not plan.real_envoys:
        yield None
        return
    log_root = _log_root(plan) if plan.log_configs else None
    async with envoy.running_envoys(
        network, first_index=0, folder=plan.folder, requests_per_second=plan.request_rate, log_root=log_root
    ) as mesh:
        yield mesh


def _log_root(plan: Plan) -> Path:
    """Return the folder that stands in for /var/log/pods."""
    root = plan.folder / "pods"
    root.mkdir(exist_ok=True)
    return root


def _auth_folder(folder: Path, token: str, tenant: str) -> Path:
    auth = folder / "auth"
    auth.mkdir(mode=0o700)
    (auth / "token").write_text(token, encoding="utf-8")
    (auth / "tenant-id").write_text(tenant, encoding="utf-8")
    # xScaler accepts any user name.
    (auth / "username").write_text("local", encoding="utf-8")
    return auth


def _own_pods(plan: Plan, network: Network) -> list[Mapping[str, object]]:
    collectors = [own_pods.pod(config, network.collector(config.shard)) for config in plan.configs]
    agents = [own_pods.pod(config, network.log_agent(n), envoy.NODE) for n, config in enumerate(plan.log_configs)]
    return [*collectors, *agents]


async def _collectors(
    stack: contextlib.AsyncExitStack,
    plan: Plan,
    network: Network,
    surroundings: Surroundings,
    progress: Callable[[str], None],
) -> tuple[tuple[Child, ...], tuple[Override, ...]]:
    async def start(config: CollectorConfig) -> tuple[Child, tuple[Override, ...]]:
        collector = config.shipper
        progress(f"starting {config.collector}, shard {config.shard}, with the rendered configuration")
        storage = plan.folder / f"{config.collector}-{config.shard}"
        address = f"{network.collector(config.shard)}:{config.port}"
        own = dataclasses.replace(surroundings, listen_address=address, storage_folder=storage)
        changes = collector.overrides(config.text, own)
        file = plan.folder / config.unique_file
        file.write_text(collector.apply(config.text, changes), encoding="utf-8")
        command = [str(plan.programs[collector.program]), *collector.command(config.arguments, file, own)]
        child = await stack.enter_async_context(
            running(f"{config.collector}-{config.shard}", command, folder=plan.folder, stop_timeout=_STOP_SECONDS)
        )
        await child.wait_until(functools.partial(responds, f"http://{address}{config.readiness_path}"))
        return child, changes

    started_ = await together(start(config) for config in plan.configs)
    children = tuple(child for child, _ in started_)
    # Each flushes its last samples; together this takes as long as the slowest one.
    stack.push_async_callback(stop_all, children, timeout=_STOP_SECONDS)
    return children, started_[-1][1] if started_ else ()


async def _log_agents(
    stack: contextlib.AsyncExitStack,
    plan: Plan,
    network: Network,
    surroundings: Surroundings,
    progress: Callable[[str], None],
) -> list[log_agents.Agent]:
    def start(number: int, config: CollectorConfig) -> Awaitable[Agent]:
        progress("starting the log agent of a node with the rendered configuration")
        running_agent = log_agents.running_agent(
            config,
            surroundings,
            network=network,
            folder=plan.folder,
            binary=plan.programs[LOG_AGENT.program],
            node=envoy.NODE,
            number=number,
            stop_timeout=_STOP_SECONDS,
        )
        return stack.enter_async_context(running_agent)

    agents = await together(start(number, config) for number, config in enumerate(plan.log_configs))
    stack.push_async_callback(stop_all, [agent.child for agent in agents], timeout=_STOP_SECONDS)
    return agents


async def _judge_logs(
    run: Running, moments: list[history.Moment], progress: Callable[[str], None]
) -> verdict.LogVerdict | None:
    """Stop the traffic, wait for the last lines, and compare; None without log agents."""
    if not (run.plan.log_configs and run.envoys):
        return None
    progress("waiting for the last lines of the access logs")
    await run.envoys.freeze()
    deadline, chosen = time.monotonic() + run.plan.timeout, run.plan.log_choices
    since = 0 if chosen.old else min(agent.first_start() for agent in run.log_agents)
    while True:
        await asyncio.sleep(_POLL_SECONDS)
        account = await run.xscaler.logs.account()
        written = [line for line in run.envoys.written if line.nanoseconds >= since]
        moments.append(
            dataclasses.replace(moments[-1], time=time.time(), written=len(written), arrived=account.accepted)
        )
        counted = log_oracle.count(written, account.entries, redacts=chosen.redacts)
        secrets_seen = sum(traffic.SECRET in f"{entry.line}{entry.metadata}" for entry in account.entries)
        judged = verdict.judge_logs(verdict.LogEvidence(counted, chosen, account, secrets_seen))
        if judged.ok or time.monotonic() > deadline:
            return judged


async def _complete_evidence(
    run: Running, moments: list[history.Moment], progress: Callable[[str], None]
) -> verdict.Evidence:
    """Wait until all expected series have arrived twice (rates need two samples), or until the timeout.

    Without a collector, wait until there are lines to compare.
    """
    if run.plan.configs:
        progress(f"waiting for {len(run.expected)} targets and their metrics (at most {run.plan.timeout:.0f} s)")
    else:
        progress(f"writing access logs for {_LOGS_ALONE_SECONDS} s")
    began = time.monotonic()
    deadline = began + (run.plan.timeout if run.plan.configs else _LOGS_ALONE_SECONDS)
    first_scrapes = dict(run.scrapes())
    while True:
        await asyncio.sleep(_POLL_SECONDS)
        for child in run.collectors:
            if child.process.returncode is not None:
                raise SetupError(f"{child.name} exited: {child.log_tail(1)}", f"read its log: {child.log_file}")
        evidence = await _evidence(run, first_scrapes, time.monotonic() - began)
        judged = verdict.judge(dataclasses.replace(evidence, accepted=1, rejected={}), run.plan.parts)
        moments.append(await _moment(run, judged))
        complete = bool(run.plan.configs) and judged.ok and await _twice(run)
        if complete or time.monotonic() > deadline:
            return evidence


async def _moment(run: Running, judged: verdict.Verdict) -> history.Moment:
    account = await run.xscaler.account()
    lines = await run.xscaler.logs.account()
    written = len(run.envoys.written) if run.envoys and run.plan.log_configs else 0
    refused = {reason: count for reason, count in account.rejected.items() if count}
    return history.Moment(
        time=time.time(),
        targets=judged.by_kind,
        accepted=account.accepted,
        refused=refused,
        written=written,
        arrived=lines.accepted,
    )


async def _twice(run: Running) -> bool:
    counts = await run.xscaler.query(f'min(count_over_time(up{{job="{oracle.JOB_LABEL}"}}[5m]))')
    form = run.plan.choices.histograms
    answers = await questions.ask(run.xscaler, form) if counts and counts[0].value >= 3 else ()
    drops = run.plan.choices.drops
    dropped = histograms.names({name for rule in drops for name in questions.METRICS if rule.drops(name)}, form)
    return bool(answers) and all(answer.lines or answer.metric in dropped for answer in answers)


async def _evidence(run: Running, first: Mapping[verdict.PodName, int], seconds: float) -> verdict.Evidence:
    up = await run.xscaler.query(f'up{{job=~"{oracle.JOB_LABEL}|{oracle.OWN_JOB_LABEL}"}}')
    # Only of what fails is it asked why.
    measured = {} if all(sample.value == 1 for sample in up) else await _measured(run)
    names = await run.xscaler.query(f'count by (__name__) ({{job="{oracle.JOB_LABEL}"}})')
    # There may be one scrape more than whole intervals; count it.
    intervals = seconds / run.plan.interval + 1
    rates = {pod: (count - first.get(pod, 0)) / intervals for pod, count in run.scrapes().items()}
    return verdict.Evidence(
        expected=run.expected,
        scraped=tuple(
            verdict.Scraped(labels, sample.value == 1, measured.get(frozenset(labels.items())))
            for sample in up
            for labels in [_without_name(sample)]
        ),
        scrapes_per_interval=rates,
        accepted=0,
        rejected={},
        metrics=frozenset(sample.labels["__name__"] for sample in names),
        drops=run.plan.choices.drops,
        limits=run.plan.choices.limits,
        timeout=run.plan.interval,
        histograms=run.plan.choices.histograms,
    )


async def _measured(run: Running) -> Mapping[frozenset[tuple[str, str]], verdict.Measured]:
    """Return what collectors report of the last scrape of each target, by its labels."""
    jobs = f"{oracle.JOB_LABEL}|{oracle.OWN_JOB_LABEL}"
    found: dict[frozenset[tuple[str, str]], dict[str, float]] = {}
    for sample in await run.xscaler.query(f'{{__name__=~"{"|".join(_REPORTS)}", job=~"{jobs}"}}'):
        labels = frozenset(_without_name(sample).items())
        found.setdefault(labels, {})[sample.labels["__name__"]] = sample.value
    return {
        labels: verdict.Measured(*(values[name] for name in _REPORTS))
        for labels, values in found.items()
        if values.keys() == set(_REPORTS)
    }


# What every collector sends beside `up`: https://prometheus.io/docs/concepts/jobs_instances/
_REPORTS = ("scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling")


def _without_name(sample: Sample) -> dict[str, str]:
    return {name: value for name, value in sample.labels.items() if name != "__name__"}
