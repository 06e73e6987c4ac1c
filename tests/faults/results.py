"""The results of cells, kept in results.json: one a cell, the newest."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FILE = Path(__file__).parent / "results.json"
_ORDER = {cell.name: place for place, cell in enumerate(rows.CELLS)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """What a cell gave. `seconds` is how long the fault lasted.

    `disturbed` counts scrapes of a sound target that a slow machine spoiled.
    """

    row: str
    contestant: str
    version: str
    date: str
    seconds: float
    written: int
    doubled: int
    lost: int
    catch_up: float
    metrics: tuple[str, ...]
    alerts: tuple[str, ...]
    followed: tuple[str, ...] = ()
    disturbed: int = 0

    @property
    def spoiled(self) -> bool:
        """Whether some of the loss may be that of scrapes which a busy machine gave up."""
        return bool(self.lost and self.disturbed)

    @property
    def name(self) -> str:
        """The name of the cell."""
        return f"{self.row}/{self.contestant}"


def load(file: Path = FILE) -> Mapping[str, Result]:
    """Return the kept results by name of the cell, in the order of the rows."""
    if not file.exists():
        return {}
    kept = (_read(item) for item in json.loads(file.read_text(encoding="utf-8")))
    found = {item.name: item for item in kept if item.name in _ORDER}
    return dict(sorted(found.items(), key=lambda item: _ORDER[item[0]]))


def keep(result: Result, file: Path = FILE) -> None:
    """Write a result in the place of the one before; other processes may do so too."""
    with (Path(tempfile.gettempdir()) / "xscaler-istio-faults.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        save([*{**load(file), result.name: result}.values()], file)


def save(found: Iterable[Result], file: Path = FILE) -> None:
    """Write results in the order of the rows."""
    ordered = sorted(found, key=lambda item: _ORDER[item.name])
    lines = (f"  {json.dumps(dataclasses.asdict(item))}" for item in ordered)
    file.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


# What `save` wrote: JSON is Any by nature.
def _read(item: dict[str, Any]) -> Result:
    read: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in item.items()}
    return Result(**read)


def line(found: Result) -> str:
    """Write a result for people."""
    numbers = f"{found.lost} of {found.written} lost, {found.doubled} twice, {found.catch_up} s to catch up"
    shown = ", ".join(found.metrics) or "no counter"
    return f"{found.name}: {numbers}; {shown}; alerts: {', '.join(found.alerts) or 'none'}"
