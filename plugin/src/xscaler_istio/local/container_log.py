"""Log files of containers as container runtimes and the kubelet write them.

containerd and CRI-O write `<time> <stream> P|F <text>` and cut a line into pieces of 16 KiB, of which all but the last
have a P. Docker's json-file writes an object a piece, whose text ends with a newline only in the last. The kubelet
renames a file that is full to `<n>.log.<time>`, and packs it when the next one is full.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import gzip
import json
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PIECE_BYTES = 16 * 1024


@dataclasses.dataclass(frozen=True, kw_only=True)
class Written:
    """One line as it was written: its container, its stream, its time and its text."""

    namespace: str
    pod: str
    container: str
    stream: str
    nanoseconds: int
    text: bytes


class ContainerLog:
    """The log of one container. `written` has every line that was written to it."""

    def __init__(self, root: Path, namespace: str, pod: str, uid: str, container: str, *, docker: bool = False) -> None:
        self.folder = root / f"{namespace}_{pod}_{uid}" / container
        self.folder.mkdir(parents=True)
        self.written: list[Written] = []
        self._line = functools.partial(Written, namespace=namespace, pod=pod, container=container)
        self._frame: Callable[[bytes, str, str, bool], bytes] = _docker if docker else _cri
        self._restarts = 0
        self.path.touch()

    @property
    def path(self) -> Path:
        """The current file."""
        return self.folder / f"{self._restarts}.log"

    def write(self, text: bytes, stream: str = "stdout", nanoseconds: int | None = None) -> None:
        """Write one line without a newline in it. `nanoseconds` since 1970, or now."""
        at = time.time_ns() if nanoseconds is None else nanoseconds
        self.written.append(self._line(stream=stream, nanoseconds=at, text=text))
        pieces = [text[start : start + PIECE_BYTES] for start in range(0, len(text), PIECE_BYTES)] or [b""]
        moment = timestamp(at)
        last = len(pieces) - 1
        framed = [self._frame(piece, moment, stream, number == last) for number, piece in enumerate(pieces)]
        self._append(b"".join(framed))

    def _append(self, framed: bytes) -> None:
        with self.path.open("ab", buffering=0) as file:
            file.write(framed)

    def size(self) -> int:
        """Return the size of the file in bytes."""
        return self.path.stat().st_size

    def rotate(self) -> None:
        """Start a new file of the same name, as the kubelet does when one is full."""
        for old in self.folder.glob(f"{self._restarts}.log.*[0-9]"):
            old.with_name(f"{old.name}.gz").write_bytes(gzip.compress(old.read_bytes(), 1))
            old.unlink()
        moment = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d-%H%M%S%f")
        self.path.rename(self.folder / f"{self._restarts}.log.{moment}")
        self.path.touch()

    def restart(self) -> None:
        """Begin the file of the container's next life."""
        self._restarts += 1
        self.path.touch()


def timestamp(nanoseconds: int) -> str:
    """Write a time as container runtimes do: RFC 3339 in nanoseconds, UTC."""
    seconds, rest = divmod(nanoseconds, 10**9)
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _cri(piece: bytes, moment: str, stream: str, last: bool) -> bytes:
    return f"{moment} {stream} {'F' if last else 'P'} ".encode() + piece + b"\n"


def _docker(piece: bytes, moment: str, stream: str, last: bool) -> bytes:
    # Docker replaces bytes that are not UTF-8.
    text = piece.decode("utf-8", errors="replace") + ("\n" if last else "")
    return json.dumps({"log": text, "stream": stream, "time": moment}, ensure_ascii=False).encode() + b"\n"
