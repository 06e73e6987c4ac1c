"""What a local test is about: the programs that ran, the versions, and the values, with nothing secret."""

from __future__ import annotations

import dataclasses
import datetime
import re
import subprocess
from typing import TYPE_CHECKING

import yaml

from xscaler_istio import __version__
from xscaler_istio.values import excerpt, places

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from xscaler_istio.helm import Inputs
    from xscaler_istio.values.effective import Effective

_SECONDS = 5


@dataclasses.dataclass(frozen=True)
class RanProgram:
    """A program that ran; `role` is collector or log agent, and `version` is empty where it reports none."""

    role: str
    name: str
    version: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class About:
    """The subject of a report: `values` are names of files and keys of flags, `changed` what differs from defaults."""

    date: datetime.datetime
    programs: tuple[RanProgram, ...]
    chart_version: str
    plugin_version: str
    values: tuple[str, ...]
    changed: tuple[tuple[str, str], ...]


def about(inputs: Inputs, effective: Effective, programs: Iterable[tuple[str, str, Path]]) -> About:
    """Return the subject of a test now; `programs` are roles, names and paths."""
    chart = yaml.safe_load((inputs.chart / "Chart.yaml").read_text(encoding="utf-8"))
    return About(
        date=datetime.datetime.now(datetime.timezone.utc),
        programs=tuple(RanProgram(role, name, _version(path)) for role, name, path in programs),
        chart_version=str(chart["version"]),
        plugin_version=__version__,
        values=(*inputs.values.named, *(f"{item.flag} {item.key}" for item in places.set_keys(inputs.values.sets))),
        changed=tuple((key, excerpt.shown(key, value)) for key, value in effective.changed().items()),
    )


def _version(program: Path) -> str:
    """Return what a program says of its version, or nothing."""
    try:
        done = subprocess.run([program, "--version"], check=False, capture_output=True, text=True, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"\bv?(\d+\.\d+[\w.+-]*)", done.stdout + done.stderr)
    return found[1] if found else ""
