"""`test --local` as a function: from a release to the text of a report."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from xscaler_istio import helm
from xscaler_istio.local import about, html_report, log_oracle, look_around, oracle, report
from xscaler_istio.local.run import Plan, judge, started
from xscaler_istio.local.verdict import PARTS
from xscaler_istio.local.xscaler.backends import BACKENDS
from xscaler_istio.mesh import topology
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.rendered.log_agent import LOG_AGENT
from xscaler_istio.rendered.release import Release
from xscaler_istio.system import programs, scratch
from xscaler_istio.system.errors import SetupError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xscaler_istio.helm import Inputs
    from xscaler_istio.local.about import About
    from xscaler_istio.local.run import RunResult
    from xscaler_istio.rendered.manifests import CollectorConfig


def known_programs() -> tuple[str, ...]:
    """Return the programs that --program may name: collectors, the log agent, and backends."""
    shippers = (*(collector.program for collector in COLLECTORS.values()), LOG_AGENT.program)
    return tuple(dict.fromkeys((*shippers, *BACKENDS, "loki")))


@dataclasses.dataclass(frozen=True, kw_only=True)
class LocalTest:
    """The options of the command. `interval` and `timeout` in seconds; `proxies` 0 means the small mesh.

    `only` is one of verdict.PARTS, or empty for all parts in the values; `keep` leaves everything running after the
    report until a signal; `programs` are strings NAME=PATH.
    """

    backend: str
    interval: int
    timeout: float
    proxies: int
    series: int
    output_dir: Path | None
    output: str
    only: str = ""
    keep: bool = False
    programs: tuple[str, ...] = ()


def run(inputs: Inputs, options: LocalTest, *, write: Callable[[str], None], progress: Callable[[str], None]) -> bool:
    """Write the report and return whether the test passed. Raises UsageError, ChartError or SetupError."""
    given = programs.given(options.programs, known_programs())
    progress("rendering the chart")
    answer = helm.answered(inputs)
    text = answer.text
    rendered = Release.of(text)
    settings = answer.effective.settings()
    log_choices = log_oracle.choices(settings.logs)
    configs, log_configs = _chosen(rendered, log_choices, options)
    backend = _backend(options, given, progress)
    with scratch.folder("xscaler-istio-") as folder:
        plan = Plan(
            configs=configs,
            choices=oracle.choices(settings, inputs.name, inputs.namespace),
            tenant=settings.xscaler.tenant_id,
            programs=_programs(configs, log_configs, backend, given, progress),
            backend=backend,
            interval=options.interval,
            timeout=options.timeout,
            folder=folder,
            workloads=_workloads(options),
            real_envoys=not options.proxies,
            log_configs=log_configs,
            log_choices=log_choices,
            parts=_parts(options, configs, log_configs),
        )
        subject = about.about(
            inputs,
            answer.effective,
            [
                (role, config.shipper.program, plan.programs[config.shipper.program])
                for role, found in (("collector", configs[:1]), ("log agent", log_configs))
                for config in found
            ],
        )

        async def session() -> bool:
            look_around.on_signals(functools.partial(_cancel, asyncio.current_task()))
            async with started(plan, progress) as running:
                outcome = await judge(running, progress)
                output = report.REPORTERS[options.output](outcome, subject)
                if options.output_dir:
                    output += _keep_files(options, text, (*configs, *log_configs), outcome, subject, plan.folder)
                write(output)
                if options.keep:
                    progress(look_around.directions(running))
                    await look_around.until_signal()
                    progress("stopping all processes")
            return outcome.ok

        try:
            return asyncio.run(session())
        except asyncio.CancelledError:
            progress("interrupted: all started processes have been stopped")
            raise KeyboardInterrupt from None


def _cancel(task: asyncio.Task[bool] | None) -> None:
    if task:
        task.cancel()


def _chosen(
    rendered: Release, logs: log_oracle.LogChoices, options: LocalTest
) -> tuple[tuple[CollectorConfig, ...], tuple[CollectorConfig, ...]]:
    """Return the configurations of the collectors and log agents to run; raise UsageError for none."""
    configs = rendered.collectors if options.only != "logs" else ()
    # Reading logs through an API server needs a kubelet, which does not exist here.
    readable = logs.files and not options.proxies and options.only in ("", "logs")
    log_configs = rendered.log_agents[:1] if readable else ()
    if options.only == "logs" and not log_configs:
        fix = "add --set logs.enabled=true, use logs.source: files, and remove --proxies"
        raise UsageError("no log agent can be tested with these values", fix)
    if not (configs or log_configs):
        fix = "choose a collector with --collector"
        raise UsageError("metrics.collector is none, so there is nothing to test", fix)
    return configs, log_configs


def _parts(
    options: LocalTest, configs: tuple[CollectorConfig, ...], log_configs: tuple[CollectorConfig, ...]
) -> tuple[str, ...]:
    there = {"scraping": configs, "pushing": configs, "logs": log_configs}
    return tuple(part for part in PARTS if there[part] and options.only in ("", part))


def _workloads(options: LocalTest) -> tuple[topology.Workload, ...]:
    if not options.proxies:
        return topology.small()
    try:
        return topology.scaled(options.proxies, options.series)
    except ValueError as error:
        raise UsageError(str(error), "raise --series") from error


def _backend(options: LocalTest, given: Mapping[str, Path], progress: Callable[[str], None]) -> str:
    if options.backend != "auto":
        return options.backend
    if "mimir" in given or programs.find("mimir"):
        return "mimir"
    where = programs.WHERE_TO_GET["mimir"]
    progress(f"Mimir is not installed, so Prometheus stores the series and the gateway applies the limits: {where}")
    return "prometheus"


def _programs(
    configs: tuple[CollectorConfig, ...],
    log_configs: tuple[CollectorConfig, ...],
    backend: str,
    given: Mapping[str, Path],
    progress: Callable[[str], None],
) -> dict[str, Path]:
    shippers = [config.shipper for config in (*configs, *log_configs)]
    needed = {backend, *(shipper.program for shipper in shippers)} - given.keys()
    where = {name: text for shipper in shippers for name, text in shipper.where_to_get.items()}
    found = {**programs.require_all(needed, where), **given}
    if log_configs and "loki" not in found:
        if loki := programs.find("loki"):
            found["loki"] = loki
        else:
            progress(f"Loki is not installed, so lines are counted and not stored: {programs.WHERE_TO_GET['loki']}")
    return found


def _keep_files(
    options: LocalTest,
    text: str,
    configs: tuple[CollectorConfig, ...],
    outcome: RunResult,
    subject: About,
    folder: Path,
) -> str:
    """Write the files of the run into the output folder; return their paths, unless the output is for programs."""
    target = options.output_dir or Path()
    try:
        target.mkdir(parents=True, exist_ok=True)
        (target / "manifests.yaml").write_text(text, encoding="utf-8")
        for config in configs:
            (target / config.unique_file).write_text(config.text, encoding="utf-8")
        (target / "overrides.txt").write_text(report.overrides_as_text(outcome), encoding="utf-8")
        (target / "report.json").write_text(report.as_json(outcome, subject), encoding="utf-8")
        (target / "report.html").write_text(html_report.as_html(outcome, subject), encoding="utf-8")
        for log in folder.glob("*.log"):
            shutil.copy(log, target)
    except OSError as error:
        raise SetupError(f"cannot write to {target}: {error.strerror}", "choose another --output-dir") from error
    if options.output != "text":
        return ""
    return (
        f"\n{report.overrides_as_text(outcome)}\nRendered chart: {target / 'manifests.yaml'}\n"
        f"Full report:    {target / 'report.html'}, {target / 'report.json'}\n"
    )
