"""Running Helm: one run, or several beside the rest of the program."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import importlib.util
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from concurrent import futures
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from xscaler_istio.helm.messages import Warned, chart_error, warnings
from xscaler_istio.rendered import documents
from xscaler_istio.system import programs, scratch
from xscaler_istio.system.errors import SetupError
from xscaler_istio.values import renamed
from xscaler_istio.values.effective import Effective

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from concurrent.futures import Future
    from pathlib import Path
    from types import TracebackType

Result = TypeVar("Result")

TIMEOUT_SECONDS = 120.0


def _pyhelm3(name: str) -> Any:
    """Return a module of pyhelm3 without the package around it, which loads models and pydantic.

    That is a third of what `validate` costs in all (tests/bench/bench_plugin.py), and the command needs none of it.
    """
    if "pyhelm3" in sys.modules or not (spec := importlib.util.find_spec("pyhelm3")):
        return importlib.import_module(f"pyhelm3.{name}")
    sys.modules["pyhelm3"] = importlib.util.module_from_spec(spec)
    try:
        return importlib.import_module(f"pyhelm3.{name}")
    finally:
        # Whoever wants the whole package gets it, with this very module in it.
        del sys.modules["pyhelm3"]


HelmError = _pyhelm3("errors").Error


@dataclasses.dataclass(frozen=True)
class ValuesArguments:
    """Values as the user gave them: files in order, then `--set` families as (flag, text) in order.

    `names` are what to call the files in messages, in their order: standard input and URLs are kept in temporary ones.
    """

    files: tuple[str, ...] = ()
    sets: tuple[tuple[str, str], ...] = ()
    names: tuple[str, ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        """What to call the files in findings."""
        return self.names or self.files

    def flags(self) -> list[str]:
        """Return them as Helm's flags."""
        files = [word for file in self.files for word in ("--values", file)]
        return [*files, *(word for pair in self.sets for word in pair)]

    def shown(self, text: str) -> str:
        """Return what Helm says of the files with their names in it."""
        for file, name in zip(self.files, self.names, strict=False):
            text = text.replace(file, name)
        return text


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inputs:
    """What to render and as what. `extra` are further flags of `helm template`."""

    chart: Path
    values: ValuesArguments
    name: str = "xscaler-istio"
    namespace: str = "default"
    extra: tuple[str, ...] = ()


class HelmCommand(_pyhelm3("command").Command):  # type: ignore[misc] # the library has no type information
    """pyhelm3's command without a shell between, with a time limit, and with the warnings kept."""

    def __init__(self, executable: str) -> None:
        super().__init__(executable=executable)
        self.warnings = ""

    async def run(
        self,
        command: list[str],
        input: bytes | None = None,  # noqa: A002 - the base's name
        seconds: float = TIMEOUT_SECONDS,
    ) -> bytes:
        """Run Helm; raise HelmError when it fails and SetupError when it cannot run or takes too long."""
        words = [str(word) for word in (self._executable, *command)]
        pipe, none = subprocess.PIPE, subprocess.DEVNULL
        try:
            # Not asyncio's: that can be cancelled halfway, with Helm running and nothing to end it. In a new
            # session, what Helm itself starts can be ended with it.
            process = subprocess.Popen(  # noqa: ASYNC220
                words, stdin=none if input is None else pipe, stdout=pipe, stderr=pipe, start_new_session=True
            )
        except OSError as error:
            raise SetupError(f"cannot run Helm: {error.strerror}: {words[0]}", programs.WHERE_TO_GET["helm"]) from error
        try:
            # Shielded: cancelled before its thread has begun, it would leave a process that is never waited for.
            read = asyncio.get_running_loop().run_in_executor(None, process.communicate, input)
            stdout, stderr = await asyncio.wait_for(asyncio.shield(read), seconds)
        except asyncio.TimeoutError as error:
            raise SetupError(f"helm {command[0]} took more than {seconds:.0f} s") from error
        finally:
            # The thread reads to the end, and takes the process in.
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        self.warnings = stderr.decode(errors="replace")
        if process.returncode and not (stdout + stderr).strip():
            raise no_helm(f"exits with {process.returncode} and prints nothing")
        if process.returncode:
            raise HelmError(process.returncode, stdout, stderr)
        return stdout

    async def template_text(self, inputs: Inputs) -> str:
        """Return exactly what `helm template` prints."""
        flags = ["--namespace", inputs.namespace, *inputs.values.flags(), *inputs.extra]
        printed = await self.run(["template", inputs.name, str(inputs.chart), *flags])
        if not printed:
            raise no_helm("prints nothing for a chart")
        return printed.decode()

    async def lint(self, inputs: Inputs) -> tuple[bool, str]:
        """Return whether `helm lint --strict` is content, and its report."""
        try:
            words = ["lint", str(inputs.chart), "--strict", "--namespace", inputs.namespace]
            return True, (await self.run([*words, *inputs.values.flags()])).decode()
        except HelmError as error:
            return False, inputs.values.shown(error.stdout.decode() + error.stderr.decode())


def no_helm(why: str) -> SetupError:
    """Return the error of a program that does not do what Helm does."""
    return SetupError(f"{programs.require('helm')} {why}: is it Helm?", "fix or unset HELM_BIN")


def template(inputs: Inputs) -> str:
    """Return what `helm template` prints; raise ChartError where Helm or the chart refuses."""
    return template_and_warnings(inputs)[0]


def template_and_warnings(inputs: Inputs) -> tuple[str, tuple[Warned, ...]]:
    """Return what `helm template` prints, and what it warns of; raise ChartError where Helm or the chart refuses."""
    return _run(rendered(inputs))


async def rendered(inputs: Inputs) -> tuple[str, tuple[Warned, ...]]:
    """Do what `template_and_warnings` does, for `Beside`."""
    done = await printed(inputs)
    if done.code:
        raise chart_error(inputs.values.shown(done.stderr))
    return done.stdout, warnings(done.stderr)


@dataclasses.dataclass(frozen=True)
class Printed:
    """What `helm template` printed, and its exit code."""

    code: int
    stdout: str
    stderr: str


async def printed(inputs: Inputs) -> Printed:
    """Run `helm template`; raise SetupError where Helm cannot run."""
    command = _command()
    try:
        return Printed(0, await command.template_text(inputs), command.warnings)
    except HelmError as error:
        return Printed(error.returncode, "", error.stderr.decode(errors="replace"))


def lint(inputs: Inputs) -> tuple[bool, str]:
    """Return whether `helm lint --strict` is content, and its report."""
    return _run(_command().lint(inputs))


def of_release(namespace: str, *words: str, seconds: float = TIMEOUT_SECONDS) -> str:
    """Run a command on a release in the cluster, as `get values NAME`, and return what it prints.

    Raises HelmError, with standard output and error, when Helm fails, SetupError when it takes too long.
    """
    return _run(_command().run([*words, "--namespace", namespace], seconds=seconds)).decode()


async def merged(chart: Path, values: ValuesArguments) -> Effective:
    """Return the values as Helm merges and parses them, and the chart's own: a probe chart prints them back.

    Raises ChartError where Helm cannot read them.
    """
    with scratch.folder() as folder:
        probe = folder / "probe"
        (probe / "templates").mkdir(parents=True)
        (probe / "Chart.yaml").write_text("apiVersion: v2\nname: probe\nversion: 0.0.1\n", encoding="utf-8")
        for name in ("values.yaml", "defaults.yaml"):
            (probe / name).write_bytes((chart / "values.yaml").read_bytes())
        fill_in = FILLED_IN if filled_in(chart) else ""
        for part in filled_in(chart):
            (probe / part).parent.mkdir(exist_ok=True)
            (probe / part).write_bytes((chart / part).read_bytes())
        (probe / "templates" / "values.yaml").write_text(f"{fill_in}{_PROBE}", encoding="utf-8")
        text, _ = await rendered(Inputs(chart=probe, values=values))
    said = documents.load(text)
    if not isinstance(said, dict):
        raise no_helm("does not print a rendered chart")
    return Effective(json.loads(said["values"]), json.loads(said["defaults"]), renamed.known(chart))


_PROBE = """\
values: {{ toJson .Values | quote }}
defaults: {{ .Files.Get "defaults.yaml" | fromYaml | toJson | quote }}
"""


# The action that calls them.
FILLED_IN = """\
{{- $defaults := .Files.Get "files/defaults.yaml" | fromYaml -}}
{{- include "xscaler-istio.fillIn" (dict "values" .Values "defaults" $defaults) -}}
"""
# The action that brings values to the form that templates read, after that.
SETTLED = """\
{{- $renamed := .Files.Get "files/renamed.yaml" | fromYamlArray -}}
{{- include "xscaler-istio.settle" (dict "values" .Values "defaults" $defaults "renamed" $renamed) -}}
"""


def filled_in(chart: Path) -> tuple[str, ...]:
    """Return the files that put the chart's defaults where a key was taken away; none of a chart from before."""
    parts = ("templates/_defaults.tpl", "files/defaults.yaml")
    return parts if all((chart / part).exists() for part in parts) else ()


def _command() -> HelmCommand:
    return HelmCommand(str(programs.require("helm")))


# pyhelm3 logs each failing command, arguments and all, through logging's last resort.
logging.getLogger("pyhelm3").addHandler(logging.NullHandler())


def _run(coroutine: Coroutine[Any, Any, Result]) -> Result:
    # Signals reach only the main thread, and so never between the start of Helm and what ends it.
    with Beside() as beside:
        return beside.start(coroutine).result()


@dataclasses.dataclass(frozen=True)
class Run(Generic[Result]):
    """One run of Helm, which goes on beside the rest of the program."""

    future: Future[Result]

    def result(self) -> Result:
        """Wait for what comes of it. Raises what the run raised."""
        # In steps: a signal that the system hands to another thread does not wake this one.
        while not self.future.done():
            futures.wait([self.future], _STEP_SECONDS)
        return self.future.result()


_STEP_SECONDS = 0.2


class Beside:
    """Runs of Helm beside the rest of the program, and beside each other: two take as long as one.

    Those that have not ended when the context ends, be it by an error or by ^C, are killed, and not waited for.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Beside:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(_end_the_others(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def start(self, coroutine: Coroutine[Any, Any, Result]) -> Run[Result]:
        """Start one that runs Helm, such as `rendered`."""
        return Run(asyncio.run_coroutine_threadsafe(coroutine, self._loop))


async def _end_the_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_default_executor()
