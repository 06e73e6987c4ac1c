"""The command line as a user runs it, in this process or as one of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from xscaler_istio.cli import main
from xscaler_istio.system import programs

from .paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

SCRIPT = Path(sys.executable).parent / "xscaler-istio"


@dataclasses.dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str


def runner(helm: Path | str, folder: Path = ROOT) -> Callable[..., Ran]:
    """Return a function that runs the command line with a Helm in a folder, in this process: a third of what one costs.

    Streams, environment, working directory and exit code are those of a process. Not for what only a process has:
    signals, pipes, the end of what it started.
    """

    def run(*arguments: str | Path, stdin: bytes = b"", **environment: str) -> Ran:
        if threading.current_thread() is not threading.main_thread():
            # Beside other threads nothing of this process can be swapped, and only the main one sets signals.
            return script(helm, folder)(*arguments, stdin=stdin, **environment)
        words = [str(SCRIPT), *map(str, arguments)]
        with _like_a_process(words, stdin, _variables(helm, environment), folder) as (out, err):
            code = _exit_code()
        return Ran(code, out.getvalue().decode(), err.getvalue().decode())

    return run


def script(helm: Path | str, folder: Path = ROOT) -> Callable[..., Ran]:
    """Return a function that runs the console script with a Helm, where the process itself is the subject."""

    def run(*arguments: str | Path, stdin: bytes = b"", **environment: str) -> Ran:
        words = [str(SCRIPT), *map(str, arguments)]
        done = subprocess.run(
            words, check=False, input=stdin, capture_output=True, env=_variables(helm, environment), cwd=folder
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


def _variables(helm: Path | str, given: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, "HELM_BIN": str(helm), "NO_COLOR": "1", "COLUMNS": "200", **given}


def _exit_code() -> int:
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def _like_a_process(
    words: Sequence[str], stdin: bytes, variables: Mapping[str, str], folder: Path
) -> Iterator[tuple[io.BytesIO, io.BytesIO]]:
    """Give the block what a process has of its own, and take back afterwards what it changed."""
    out, err = io.BytesIO(), io.BytesIO()
    streams = {
        "stdin": io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"),
        "stdout": io.TextIOWrapper(out, encoding="utf-8"),
        "stderr": io.TextIOWrapper(err, encoding="utf-8", errors="backslashreplace", write_through=True),
    }
    environment, handlers = dict(os.environ), {number: signal.getsignal(number) for number in _SIGNALS}
    with pytest.MonkeyPatch.context() as patch:
        for name, stream in streams.items():
            patch.setattr(sys, name, stream)
        patch.setattr(sys, "argv", list(words))
        # Typer puts its own there.
        patch.setattr(sys, "excepthook", sys.excepthook)
        # It remembers what TMPDIR was.
        patch.setattr(tempfile, "tempdir", None)
        # Where the checkout's programs are is remembered too, and depends on these.
        if any(variables.get(name) != environment.get(name) for name in ("PATH", "HOME", "XSCALER_CACHE")):
            patch.setattr(programs, "_from_checkout", functools.cache(programs._from_checkout.__wrapped__))
        patch.chdir(folder)
        try:
            _set_environment(variables)
            yield out, err
        finally:
            for stream in streams.values():
                # Flushed, and what is below it stays open.
                stream.detach()
            _set_environment(environment)
            for number, handler in handlers.items():
                signal.signal(number, handler)


def _set_environment(variables: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)
