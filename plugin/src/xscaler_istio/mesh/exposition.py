"""Metrics in the Prometheus text format whose counters advance with a tick.

A response is rendered once into line prefixes; each line's value is `base + rate * tick`, so that serving it is one
join over integers. Histograms keep their invariants at every tick because each bucket's base and rate grow with its
bound.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class Line:
    """One sample: everything before its value (comment lines that precede it included), and its value's course."""

    prefix: bytes
    base: int
    rate: int = 0


@dataclasses.dataclass(frozen=True)
class Page:
    """An immutable response to a scrape; `series` is the number of its samples."""

    lines: tuple[Line, ...]

    @property
    def series(self) -> int:
        """The number of samples."""
        return len(self.lines)

    def render(self, tick: int) -> bytes:
        """Return the response at a tick (0 or more)."""
        return b"".join([b"%b %d\n" % (line.prefix, line.base + line.rate * tick) for line in self.lines])

    def __add__(self, other: Page) -> Page:
        """Return both responses in one, as Istio's agent concatenates them."""
        return Page(self.lines + other.lines)


@dataclasses.dataclass(frozen=True)
class Course:
    """The value of one series: its labels, where it starts and what each tick adds."""

    labels: Mapping[str, str]
    base: int
    rate: int = 0


@dataclasses.dataclass(frozen=True)
class Spread:
    """One histogram: its labels, observations at the start and per tick, and their typical size."""

    labels: Mapping[str, str]
    base: int
    rate: int
    typical: float


@dataclasses.dataclass(frozen=True)
class Style:
    """How a program writes: HELP lines or not, `{}` on series without labels, suffix of OpenMetrics counters."""

    helps: bool = True
    empty_braces: bool = False
    counter_family_without_total: bool = False


ENVOY = Style(helps=False, empty_braces=True)
GO = Style()
RUST = Style(counter_family_without_total=True)


def family(style: Style, name: str, kind: str, courses: Iterable[Course]) -> Page:
    """Return a family of counters or gauges (`kind`: counter | gauge)."""
    header = _header(style, name, kind)
    lines = [Line(_series(style, name, course.labels), course.base, course.rate) for course in courses]
    return _with_header(header, lines)


def histogram(style: Style, name: str, bounds: Sequence[str], spreads: Iterable[Spread]) -> Page:
    """Return a family of classic histograms over `bounds` (without +Inf), spelled as in the response."""
    lines = [line for spread in spreads for line in _histogram_lines(style, name, bounds, spread)]
    return _with_header(_header(style, name, "histogram"), lines)


def _histogram_lines(style: Style, name: str, bounds: Sequence[str], spread: Spread) -> Iterable[Line]:
    for bound in (*bounds, "+Inf"):
        share = _share(float(bound), spread.typical)
        labels = {**spread.labels, "le": bound}
        yield Line(_series(style, f"{name}_bucket", labels), int(spread.base * share), int(spread.rate * share))
    total = max(1, round(spread.typical))
    yield Line(_series(style, f"{name}_sum", spread.labels), spread.base * total, spread.rate * total)
    yield Line(_series(style, f"{name}_count", spread.labels), spread.base, spread.rate)


def _share(bound: float, typical: float) -> float:
    """Return the share of observations up to a bound: half at the typical size, all from ten times that on."""
    if bound >= 10 * typical:
        return 1.0
    return min(0.99, 0.5 * bound / typical) if bound < typical else 0.5 + 0.49 * (bound - typical) / (9 * typical)


def _header(style: Style, name: str, kind: str) -> bytes:
    described = name.removesuffix("_total") if style.counter_family_without_total and kind == "counter" else name
    text = f"# HELP {described} {described.replace('_', ' ')}.\n" if style.helps else ""
    # Text format 0.0.4 knows the counter by its full name only: a family name without _total is untyped there.
    return f"{text}# TYPE {described} {kind}\n".encode()


def _with_header(header: bytes, lines: Sequence[Line]) -> Page:
    if not lines:
        return Page(())
    first = dataclasses.replace(lines[0], prefix=header + lines[0].prefix)
    return Page((first, *lines[1:]))


def _series(style: Style, name: str, labels: Mapping[str, str]) -> bytes:
    if not labels:
        return f"{name}{{}}".encode() if style.empty_braces else name.encode()
    escaped = ",".join(f'{key}="{_escape(value)}"' for key, value in labels.items())
    return f"{name}{{{escaped}}}".encode()


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
