"""The one place that runs Helm."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import importlib.util
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from concurrent import futures
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from xscaler_istio import fetch, programs, render, scratch
from xscaler_istio import values as values_files
from xscaler_istio.errors import ExitCode, SetupError, XscalerError
from xscaler_istio.excerpt import may_be_secret

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Mapping, Sequence
    from concurrent.futures import Future
    from types import TracebackType

Result = TypeVar("Result")

TIMEOUT_SECONDS = 120.0
_NEEDS = re.compile(r"the values need changes:\n\n(.*)", re.DOTALL)
# A rule that has several things to say begins each with the key on a new line.
_BETWEEN_PROBLEMS = re.compile(
    r"\n\n(?=\S)|\n(?=[a-z][A-Za-z]*[.\[][\w.\[\]]+ (?:is|are|has|holds|needs|writes|removes|takes|and|\())"
)


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


class ChartError(XscalerError):
    """Helm refuses the values or cannot render the chart; `problems` are the chart's own, a paragraph each.

    `flag` is the one of the `--set` families that Helm cannot read, or empty.
    """

    exit_code = ExitCode.FINDINGS

    def __init__(
        self,
        message: str,
        problems: tuple[str, ...] = (),
        warnings: tuple[Warned, ...] = (),
        *,
        flag: str = "",
        fix: str = "",
    ) -> None:
        super().__init__(message, fix)
        self.problems = problems
        self.warnings = warnings
        self.flag = flag


@dataclasses.dataclass(frozen=True)
class Warned:
    """What Helm warns of, in the words of Helm 4 without its wrapping; `path` is the key that it names, or empty."""

    message: str
    path: str = ""


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


@dataclasses.dataclass(frozen=True)
class Release:
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
            # Not asyncio's: that can be cancelled halfway, with Helm running and nobody to end it. A session of its
            # own: what Helm itself starts can then be ended with it.
            process = subprocess.Popen(  # noqa: ASYNC220
                words, stdin=none if input is None else pipe, stdout=pipe, stderr=pipe, start_new_session=True
            )
        except OSError as error:
            raise SetupError(f"cannot run Helm: {error.strerror}: {words[0]}", programs.WHERE_TO_GET["helm"]) from error
        try:
            stdout, stderr = await asyncio.wait_for(asyncio.to_thread(process.communicate, input), seconds)
        except asyncio.TimeoutError as error:
            raise SetupError(f"helm {command[0]} took more than {seconds:.0f} s") from error
        finally:
            # The thread reads to the end, and takes the process in.
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        self.warnings = stderr.decode(errors="replace")
        if process.returncode and not (stdout + stderr).strip():
            raise _no_helm(words[0], f"ends with {process.returncode} and says nothing")
        if process.returncode:
            raise HelmError(process.returncode, stdout, stderr)
        return stdout

    async def template_text(self, release: Release) -> str:
        """Return exactly what `helm template` prints."""
        flags = ["--namespace", release.namespace, *release.values.flags(), *release.extra]
        printed = await self.run(["template", release.name, str(release.chart), *flags])
        if not printed:
            raise _no_helm(self._executable, "prints nothing for a chart")
        return printed.decode()

    async def lint(self, release: Release) -> tuple[bool, str]:
        """Return whether `helm lint --strict` is content, and its report."""
        try:
            words = ["lint", str(release.chart), "--strict", "--namespace", release.namespace]
            return True, (await self.run([*words, *release.values.flags()])).decode()
        except HelmError as error:
            return False, release.values.shown(error.stdout.decode() + error.stderr.decode())


def _no_helm(program: str, why: str) -> SetupError:
    return SetupError(f"{program} {why}: is it Helm?", "mend or unset HELM_BIN")


def template(release: Release) -> str:
    """Return what `helm template` prints; raise ChartError where Helm or the chart refuses."""
    return template_and_warnings(release)[0]


def template_and_warnings(release: Release) -> tuple[str, tuple[Warned, ...]]:
    """Return what `helm template` prints, and what it warns of; raise ChartError where Helm or the chart refuses."""
    return _run(rendered(release))


async def rendered(release: Release) -> tuple[str, tuple[Warned, ...]]:
    """Do what `template_and_warnings` does, for `Beside`."""
    command = _command()
    try:
        text = await command.template_text(release)
    except HelmError as error:
        raise chart_error(release.values.shown(error.stderr.decode(errors="replace"))) from error
    return text, warnings(command.warnings)


def lint(release: Release) -> tuple[bool, str]:
    """Return whether `helm lint --strict` is content, and its report."""
    return _run(_command().lint(release))


def of_release(namespace: str, *words: str, seconds: float = TIMEOUT_SECONDS) -> str:
    """Run a command on a release in the cluster, as `get values NAME`, and return what it prints.

    Raises HelmError, with standard output and error, when Helm fails, SetupError when it takes too long.
    """
    return _run(_command().run([*words, "--namespace", namespace], seconds=seconds)).decode()


def effective_values(chart: Path, values: ValuesArguments) -> dict[str, Any]:
    """Return the values as Helm merges and parses them; raise ChartError where Helm cannot read them."""
    return values_and_defaults(chart, values)[0]


def values_and_defaults(chart: Path, values: ValuesArguments) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values as Helm merges and parses them, and the chart's own: a probe chart prints them back.

    Raises ChartError where Helm cannot read them.
    """
    return _run(merged(chart, values))


async def merged(chart: Path, values: ValuesArguments) -> tuple[dict[str, Any], dict[str, Any]]:
    """Do what `values_and_defaults` does, for `Beside`."""
    with scratch.folder() as folder:
        probe = folder / "probe"
        (probe / "templates").mkdir(parents=True)
        (probe / "Chart.yaml").write_text("apiVersion: v2\nname: probe\nversion: 0.0.1\n", encoding="utf-8")
        for name in ("values.yaml", "defaults.yaml"):
            (probe / name).write_bytes((chart / "values.yaml").read_bytes())
        (probe / "templates" / "values.yaml").write_text(f"{_filled_in(chart, probe)}{_PROBE}", encoding="utf-8")
        text, _ = await rendered(Release(probe, values))
    printed = render.load(text)
    if not isinstance(printed, dict):
        raise _no_helm(str(programs.require("helm")), "does not print what a chart renders")
    return json.loads(printed["values"]), json.loads(printed["defaults"])


_PROBE = """\
values: {{ toJson .Values | quote }}
defaults: {{ .Files.Get "defaults.yaml" | fromYaml | toJson | quote }}
"""


def _filled_in(chart: Path, probe: Path) -> str:
    """Copy what puts the chart's defaults where a key was taken away, and return the action that calls it."""
    parts = ("templates/_defaults.tpl", "files/defaults.yaml")
    if not all((chart / part).exists() for part in parts):
        # A chart from before it had them.
        return ""
    for part in parts:
        (probe / part).parent.mkdir(exist_ok=True)
        (probe / part).write_bytes((chart / part).read_bytes())
    defaults = '(.Files.Get "files/defaults.yaml" | fromYaml)'
    return f'{{{{- include "xscaler-istio.fillIn" (dict "values" .Values "defaults" {defaults}) }}}}'


def chart_error(stderr: str) -> ChartError:
    """Turn what Helm 3 or 4 says into one error, without its wrapping."""
    text = stderr.replace("Use --debug flag to render out invalid YAML", "").strip()
    if found := _NEEDS.search(text):
        problems = tuple(part.strip() for part in _BETWEEN_PROBLEMS.split(found[1].strip()))
        return ChartError("the values need changes:\n\n" + "\n\n".join(problems), problems, warnings(stderr))
    if found := _FLAG.search(text):
        return _unreadable_flag(found["flag"], found["said"])
    lines = [_masked(line) for line in text.splitlines() if line and not _LOGGED.match(line)]
    said = _MAP_AS_KEY.sub(r"\1", "\n".join(lines).removeprefix("Error: "))
    # Of Helm 4 alone.
    return ChartError(_of_either(said.replace("cannot unmarshal yaml document: ", "")), (), warnings(stderr))


# Of a value that the schema refuses: a URL with a password may be among them.
_SCHEMA_VALUE = re.compile(r"(: )'.*' (does not match pattern)")


def _masked(line: str) -> str:
    if "dditional propert" in line:
        line = re.sub("'([^']*)'", lambda key: "'…'" if may_be_secret(key[1]) else key[0], line)
    return _SCHEMA_VALUE.sub(r"\1… \2", line)


# `{{ token }}` that nobody filled in is a map as a key, which Helm shows.
_MAP_AS_KEY = re.compile(r"(invalid map key): .*")
_FLAG = re.compile(r"failed parsing (?P<flag>--set[a-z-]*) data:?(?P<said>.*)", re.DOTALL)
# What Helm says of a flag's text, our words for it, and the fix. Helm's own may hold a part of a token: to it what
# stands behind a comma is a key, and of JSON it repeats the whole.
_UNREADABLE_FLAGS = (
    ("has no value", "a part has no =", r"write key=value; a comma within a value takes a backslash: \,"),
    ("parsing index", "an index is no number", "write list[0]=value, from 0"),
    ("maximum supported index", "an index is too large", "write list[0]=value, from 0"),
    ("list must terminate", "a list is not closed", "write key={a,b}; a brace within a value takes a backslash"),
    ("open ", "a file cannot be read", "check the path behind key="),
)
_NO_JSON = (
    "what is given is no JSON",
    """write key=JSON with quotes for the shell: 'limits={"labelsPerSeries": 30}'""",
)
_OTHERWISE = ("what is given cannot be read", "write key=value, as https://helm.sh/docs/intro/using_helm explains")


def _unreadable_flag(flag: str, said: str) -> ChartError:
    known = ((reason, fix) for sign, reason, fix in _UNREADABLE_FLAGS if sign in said)
    reason, fix = _NO_JSON if flag == "--set-json" else next(known, _OTHERWISE)
    return ChartError(f"Helm cannot read {flag}: {reason}", flag=flag, fix=fix)


# Helm 3 writes `coalesce.go:316: warning: …` and `WARNING: …`, Helm 4 `level=INFO msg="warning: …"` and `level=WARN`.
_LOGGED = re.compile(r"level=\w+ |\w+\.go:\d+: |WARNING: ")
_WARNINGS = (
    re.compile(r"\w+\.go:\d+: [Ww]arning: (?P<text>.*)"),
    re.compile(r"WARNING: (?P<text>.*)"),
    re.compile(r'level=\w+ msg=(?P<quoted>"[Ww]arning: (?:[^"\\]|\\.)*")'),
    re.compile(r'level=WARN msg=(?P<quoted>"(?:[^"\\]|\\.)*"|\S+)'),
)
# A key after the chart's name: `for xscaler-istio.metrics (map[…])`. What it holds is not told, as it may be a secret.
_WARNED_KEY = re.compile(r"\bfor [\w-]+\.(?P<key>[\w.-]*\w)(?P<rest>[^(]*)(?:\(.*)?$")
# Of this machine, not of the release.
_OF_THE_MACHINE = "Kubernetes configuration file is"


def warnings(stderr: str) -> tuple[Warned, ...]:
    """Return what either Helm warns of on standard error, each once, in the same words."""
    found = (pattern.match(line) for line in stderr.splitlines() for pattern in _WARNINGS)
    texts = (match.groupdict() for match in found if match)
    return tuple(dict.fromkeys(_warned(groups) for groups in texts if _OF_THE_MACHINE not in str(groups)))


def _warned(groups: Mapping[str, str]) -> Warned:
    text = groups.get("text") or groups["quoted"]
    if text.startswith('"'):
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    text = re.sub("^[Ww]arning: ", "", text).rstrip(". ")
    text = text[:1].lower() + text[1:]
    if found := _WARNED_KEY.search(text):
        return Warned(f"{text[: found.start()]}for {found['key']}{found['rest']}".rstrip(". "), found["key"])
    return Warned(text)


def _of_either(text: str) -> str:
    """Write a template's error in one way: Helm 3 says it in one line, Helm 4 in several."""
    if not re.search(r":\d+:\d+:?\s+executing ", text):
        return text
    return re.sub(r"(:\d+:\d+):? executing ", r"\1 executing ", " ".join(text.split()).replace("template: ", ""))


def _command() -> HelmCommand:
    return HelmCommand(str(programs.require("helm")))


# pyhelm3 logs each failing command, arguments and all, through logging's last resort.
logging.getLogger("pyhelm3").addHandler(logging.NullHandler())


def _run(coroutine: Coroutine[Any, Any, Result]) -> Result:
    # Signals reach the main thread alone, and so never between the start of Helm and what ends it.
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
        """Start `rendered` or `merged`."""
        return Run(asyncio.run_coroutine_threadsafe(coroutine, self._loop))


async def _end_the_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_default_executor()


def _can_be_read_once(file: str) -> bool:
    return Path(file).exists() and not Path(file).is_file() and not Path(file).is_dir()


def _bounded(content: bytes, name: str) -> bytes:
    if len(content) > values_files.MAX_BYTES:
        raise SetupError(f"{name} is larger than 1 MiB [XS016]", "is it the right file?")
    return content


@contextlib.contextmanager
def spooled(files: Sequence[str], stdin: bytes | None) -> Iterator[tuple[str, ...]]:
    """Put standard input, `-`, pipes and what URLs give into files: Helm may run several times, and all see the same.

    Raises SetupError where a URL gives nothing, and where any of them gives more than values may be.
    """
    once = {
        **({} if stdin is None else {"-": _bounded(stdin, "standard input")}),
        **{file: _bounded(values_files.content(file), file) for file in files if _can_be_read_once(file)},
        **{file: fetch.get(file) for file in files if fetch.is_url(file)},
    }
    if not once:
        yield tuple(files)
        return
    with scratch.folder() as folder:
        spools = {file: folder / f"{number}.yaml" for number, file in enumerate(once)}
        for file, spool in spools.items():
            spool.write_bytes(once[file])
        yield tuple(str(spools.get(file, file)) for file in files)
