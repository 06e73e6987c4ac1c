"""`test --local` as a function: from a release to the text of a report."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from xscaler_istio import helm, programs, render
from xscaler_istio.errors import SetupError, UsageError
from xscaler_istio.local import log_oracle, oracle, report
from xscaler_istio.local import run as runs
from xscaler_istio.local.mesh import topology

if TYPE_CHECKING:
    from collections.abc import Callable

    from xscaler_istio.helm import Release
    from xscaler_istio.render import CollectorConfig

BACKENDS = ("auto", "mimir", "prometheus")


@dataclasses.dataclass(frozen=True)
class Request:
    """The options of the command. `interval` and `timeout` in seconds; `proxies` 0 means the small mesh."""

    backend: str
    interval: int
    timeout: float
    proxies: int
    series: int
    output_dir: Path | None
    output: str


def run(release: Release, request: Request, *, local: bool, progress: Callable[[str], None]) -> tuple[str, bool]:
    """Return the report and whether all is well. Raises UsageError, ChartError or SetupError."""
    if not local:
        raise UsageError("what shall be tested?", "name a release, or add --local, which needs no cluster")
    if request.backend not in BACKENDS:
        raise UsageError(f"--backend {request.backend} is unknown", f"use one of: {', '.join(BACKENDS)}")
    progress("rendering the chart")
    text = helm.template(release)
    rendered = render.manifests(text)
    configs = render.collector_configs(rendered)
    if not configs:
        raise UsageError("metrics.collector is none, so there is nothing to test", "choose a collector with --set")
    values = helm.effective_values(release.chart, release.values)
    log_choices = log_oracle.choices(values)
    # Reading logs through an API server takes a kubelet, which is not here.
    log_configs = render.log_configs(rendered)[:1] if log_choices.files and not request.proxies else ()
    # A signal to end is an interruption: everything that was started is ended, as with ^C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="xscaler-istio-") as folder:
        plan = runs.Plan(
            configs=configs,
            choices=oracle.choices(values, release.name, release.namespace),
            tenant=values["xscaler"]["tenantId"],
            programs=_programs(configs, log_configs, request),
            backend=_backend(request),
            interval=request.interval,
            timeout=request.timeout,
            folder=Path(folder),
            workloads=_workloads(request),
            real_envoys=not request.proxies,
            log_configs=log_configs,
            log_choices=log_choices,
        )
        try:
            outcome = asyncio.run(runs.test(plan, progress))
        except KeyboardInterrupt:
            progress("interrupted: everything that was started has ended")
            raise
        said = report.REPORTERS[request.output](outcome)
        if request.output_dir:
            said += _keep(request, text, (*configs, *log_configs), outcome, plan.folder)
    return said, outcome.ok


def _workloads(request: Request) -> tuple[topology.Workload, ...]:
    if not request.proxies:
        return topology.small()
    try:
        return topology.scaled(request.proxies, request.series)
    except ValueError as error:
        raise UsageError(str(error), "raise --series") from error


def _backend(request: Request) -> str:
    if request.backend != "auto":
        return request.backend
    return "mimir" if programs.find("mimir") else "prometheus"


def _programs(
    configs: tuple[CollectorConfig, ...], log_configs: tuple[CollectorConfig, ...], request: Request
) -> dict[str, Path]:
    names = {runs.COLLECTORS[config.collector].program for config in configs} | {_backend(request)}
    names |= {"alloy"} if log_configs else set()
    found = {name: programs.require(name) for name in sorted(names)}
    # Without a Loki every line is counted all the same, and none is stored.
    loki = programs.find("loki") if log_configs else None
    return {**found, "loki": loki} if loki else found


def _keep(
    request: Request, text: str, configs: tuple[CollectorConfig, ...], outcome: runs.Outcome, folder: Path
) -> str:
    """Put what is worth reading into the output folder; return where it lies, unless the output is for programs."""
    target = request.output_dir or Path()
    try:
        target.mkdir(parents=True, exist_ok=True)
        (target / "manifests.yaml").write_text(text, encoding="utf-8")
        for config in configs:
            (target / config.unique_file).write_text(config.text, encoding="utf-8")
        (target / "overrides.txt").write_text(report.overrides_as_text(outcome), encoding="utf-8")
        (target / "report.json").write_text(report.as_json(outcome), encoding="utf-8")
        for log in folder.glob("*.log"):
            shutil.copy(log, target)
    except OSError as error:
        raise SetupError(f"cannot write to {target}: {error.strerror}", "choose another --output-dir") from error
    if request.output != "text":
        return ""
    return (
        f"\n{report.overrides_as_text(outcome)}\nRendered chart: {target / 'manifests.yaml'}\n"
        f"Full report:    {target / 'report.json'}\n"
    )
