"""Expected failures and the one boundary that turns them into exit codes."""

from __future__ import annotations

import contextlib
import enum
import errno
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING

from xscaler_istio.system.masks import hidden
from xscaler_istio.system.terminal import visible

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import NoReturn


class ExitCode(enum.IntEnum):
    """What the process says to its caller; documented in docs/plugin.md."""

    OK = 0
    FINDINGS = 1
    USAGE = 2
    ENVIRONMENT = 3
    UNREACHABLE = 4
    BUG = 5
    BOOTSTRAP = 70
    INTERRUPTED = 130


class XscalerError(Exception):
    """A failure that the user can fix: `message` names the place, `fix` says what to do.

    Both are printed on one line each; neither may hold a secret, and what looks like a token is hidden.
    """

    exit_code = ExitCode.ENVIRONMENT

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


class UsageError(XscalerError):
    """Options that contradict each other or make no sense here."""

    exit_code = ExitCode.USAGE


class SetupError(XscalerError):
    """The machine lacks something: Helm, a collector, a readable file, a free port."""


class UnreachableError(XscalerError):
    """The cluster or the backend does not answer."""

    exit_code = ExitCode.UNREACHABLE


# What the extra `local` of the package installs, by the names of import.
LOCAL_MODULES = frozenset({"aiohttp", "cramjam", "envoy", "google", "trustme", "vl_convert"})


@contextlib.contextmanager
def exit_code_boundary() -> Iterator[None]:
    """Print expected errors in at most two lines and exit with their code; a bug gets a hint for a report."""
    _have_signals_interrupt()
    try:
        _need_streams_and_folder()
        with extra_explained("test --local"):
            yield
    except XscalerError as error:
        print(f"error: {visible(hidden(error.message))}", file=sys.stderr)  # noqa: T201
        if error.fix:
            print(f"  fix: {visible(hidden(error.fix))}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output went away (`| head`): what it read was right.
        _drop_output()
        sys.exit(ExitCode.OK)
    except OSError as error:
        if error.errno not in _OF_THE_MACHINE:
            _report_bug(error)
        # What is left in the buffer would fail again at the end.
        _drop_output()
        print(f"error: cannot read or write {error.filename or 'the output'}: {error.strerror}", file=sys.stderr)  # noqa: T201
        sys.exit(ExitCode.ENVIRONMENT)
    except Exception as error:  # noqa: BLE001 - the boundary: everything unexpected is a bug of ours
        _report_bug(error)


# A disk or a table that is full, broken or not to be written to: no fault of the program.
_OF_THE_MACHINE = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EFBIG}
)


def _need_streams_and_folder() -> None:
    """Raise SetupError where a command could not even begin; open what else it needs where it was closed (`2>&-`)."""
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115 - as long as the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stdout is None:
        raise SetupError("standard output is closed", "leave it open, or send it to /dev/null")
    try:
        os.getcwd()  # noqa: PTH109 - no import for it
    except OSError as error:
        raise SetupError(f"cannot read the working directory: {error.strerror}", "cd into one that exists") from error


def _drop_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _report_bug(error: Exception) -> NoReturn:
    if os.environ.get("XSCALER_DEBUG") or os.environ.get("HELM_DEBUG") == "true":
        print(hidden(traceback.format_exc()), end="", file=sys.stderr)  # noqa: T201
    print(  # noqa: T201
        f"bug: {type(error).__name__} in {_where(error)}; please report it with the output of "
        "the same command under XSCALER_DEBUG=1 (it may show values: look before you paste)",
        file=sys.stderr,
    )
    sys.exit(ExitCode.BUG)


_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _have_signals_interrupt() -> None:
    """Have what ends a process unwind it like ^C: files with values are removed, and programs ended."""
    for number in _ENDING:
        # A shell lets its background jobs ignore ^C, and nohup the end of the terminal.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - what the system passes
    # Once: another one must not break off the removal.
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextlib.contextmanager
def extra_explained(command: str) -> Iterator[None]:
    """Say which extra is missing for a command where the package was installed without it."""
    try:
        yield
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        if name not in LOCAL_MODULES:
            raise
        fix = "install the extra: pipx install 'xscaler-istio[local]', or uvx --from 'xscaler-istio[local]' …"
        raise SetupError(f"the Python package {name} is missing, which {command} needs", fix) from error


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "unknown"  # noqa: PTH119
