"""Values in words, as Grafana's units have them, chosen by Grafana's name of the unit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


def number(value: float) -> str:
    """Return three significant digits, and whole numbers unchanged."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "-"
    if abs(value) >= 100 or value == int(value):
        return f"{value:.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{min(digits, 5)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _scaled(*steps: tuple[float, str], turn: float = 1.0) -> Callable[[float], str]:
    """Return what writes a value with the largest unit of which there are `turn` at least."""

    def say(value: float) -> str:
        factor, unit = next((step for step in steps if abs(value) >= turn * step[0]), steps[-1])
        return f"{number(value / factor)} {unit}".strip()

    return say


def _suffixed(suffix: str) -> Callable[[float], str]:
    return lambda value: f"{_short(value)} {suffix}"


_short = _scaled((1e9, "Bil"), (1e6, "Mil"), (1e3, "K"), (1, ""), turn=10)
_UNITS: Mapping[str, Callable[[float], str]] = {
    "short": _short,
    "percentunit": lambda value: f"{number(value * 100)}%",
    "reqps": _suffixed("req/s"),
    "ms": _scaled((60_000, "min"), (1000, "s"), (1, "ms"), (0.001, "µs")),
    "s": _scaled((_HOUR, "h"), (_MINUTE, "min"), (1, "s"), (0.001, "ms"), (1e-6, "µs")),
    "dtdurations": _scaled((365 * _DAY, "years"), (_DAY, "days"), (_HOUR, "hours"), (_MINUTE, "min"), (1, "s"), turn=2),
    "bytes": _scaled((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1, "B")),
    "Bps": _scaled((1e9, "GB/s"), (1e6, "MB/s"), (1e3, "kB/s"), (1, "B/s")),
}


def say(value: float, unit: str) -> str:
    """Return a value in a unit. Raises KeyError for a unit that is not known here."""
    if not math.isfinite(value):
        return "-"
    if unit.startswith("suffix:"):
        return f"{number(value)} {unit.removeprefix('suffix:')}"
    return "0" + _ZERO.get(unit, "") if value == 0 else _UNITS[unit](value)


_ZERO = {"percentunit": "%", "reqps": " req/s", "ms": " ms", "s": " s", "bytes": " B", "Bps": " B/s"}


def ticks(top: float, unit: str, count: int = 4) -> tuple[float, ...]:
    """Return values from 0 to `top` or just above it, round ones of the unit."""
    if top <= 0:
        return (0.0, 1.0)
    raw = top / count
    base, factors = (2.0, (1.0, 2.0)) if unit == "bytes" else (10.0, (1.0, 2.0, 2.5, 5.0, 10.0))
    magnitude = base ** math.floor(math.log(raw, base) + 1e-9)
    step = next(factor * magnitude for factor in factors if factor * magnitude >= raw * (1 - 1e-9))
    return tuple(step * index for index in range(math.ceil(top / step - 1e-9) + 1))
