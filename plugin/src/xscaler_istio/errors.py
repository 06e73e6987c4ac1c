"""Expected failures and the one boundary that turns them into exit codes."""

from __future__ import annotations

import contextlib
import enum
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


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
    """A failure that the user can mend: `message` names the place, `fix` says what to do.

    Both are printed on one line each; neither may hold a secret.
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
LOCAL_MODULES = frozenset({"aiohttp", "cramjam", "envoy", "google", "trustme"})


@contextlib.contextmanager
def exit_code_boundary() -> Iterator[None]:
    """Print expected errors in at most two lines and exit with their code; a bug gets a hint for a report."""
    _have_signals_interrupt()
    try:
        with _extra_explained():
            yield
    except XscalerError as error:
        print(f"error: {error.message}", file=sys.stderr)  # noqa: T201
        if error.fix:
            print(f"  fix: {error.fix}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output went away (`| head`): what it read was right.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.OK)
    except Exception as error:  # noqa: BLE001 - the boundary: everything unexpected is a bug of ours
        if os.environ.get("XSCALER_DEBUG") or os.environ.get("HELM_DEBUG") == "true":
            traceback.print_exc()
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
def _extra_explained() -> Iterator[None]:
    """Say which extra is missing where the package was installed without it."""
    try:
        yield
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        if name not in LOCAL_MODULES:
            raise
        fix = "install the extra: pipx install 'xscaler-istio[local]', or uvx --from 'xscaler-istio[local]' …"
        raise SetupError(f"the Python package {name} is missing, which test --local needs", fix) from error


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "unknown"  # noqa: PTH119
