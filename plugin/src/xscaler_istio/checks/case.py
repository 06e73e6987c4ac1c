"""The input of a check: typed settings, and the known facts about the chart and its environment."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from xscaler_istio.checks import facts
from xscaler_istio.system.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xscaler_istio.checks.facts import Facts
    from xscaler_istio.helm import Inputs
    from xscaler_istio.values.effective import Effective, FreeText
    from xscaler_istio.values.settings import Settings

POD_SECURITY_LEVELS = ("privileged", "baseline", "restricted")


@dataclasses.dataclass(frozen=True)
class Mesh:
    """The size of a mesh: its proxies, the peers that each talks to, and the response codes between two of them.

    `requests` a second may be left out: 0 is not stated.
    """

    proxies: int
    peers: int
    codes: int
    requests: int = 0


_OPTIONAL = ("requests",)
_REQUIRED = tuple(field.name for field in dataclasses.fields(Mesh) if field.name not in _OPTIONAL)


@dataclasses.dataclass(frozen=True)
class Environment:
    """Facts that the values do not contain, if known; `pod_security` is the level that the namespace enforces."""

    mesh: Mesh | None = None
    pod_security: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """One release. `defaults` are the chart's; `changed` are the dotted keys with other values, `texts` those values
    that are texts."""

    settings: Settings
    defaults: Settings
    facts: Facts
    changed: tuple[str, ...] = ()
    texts: tuple[FreeText, ...] = ()
    environment: Environment = dataclasses.field(default_factory=Environment)


# Beyond any mesh, and what is computed from three of them is a number that can be written.
LARGEST = 10_000_000
_LONGEST = 80


def is_mesh(names: Iterable[str]) -> bool:
    """Return whether these are the parts of a size: all that are required, and no other."""
    return {*_REQUIRED} <= {*names} <= {*_REQUIRED, *_OPTIONAL}


def is_size(number: int) -> bool:
    """Return whether a mesh may have this many proxies, peers, codes or requests a second."""
    return 1 <= number <= LARGEST


def mesh(text: str) -> Mesh:
    """Parse `proxies=300,peers=10,codes=3`, in any order, maybe with `requests=100`; raise UsageError for others."""
    pairs = dict(part.strip().partition("=")[::2] for part in text.split(","))
    try:
        sizes = {name: int(size) for name, size in pairs.items()}
    except ValueError:
        sizes = {}
    if not is_mesh(sizes) or not all(map(is_size, sizes.values())):
        fix = f"use whole numbers from 1 to {LARGEST}, for example proxies=300,peers=10,codes=3"
        shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
        left_out = [name for name in _REQUIRED if name not in sizes]
        if sizes and left_out and is_mesh([*sizes, *left_out]):
            raise UsageError(f"--mesh {shown} lacks {' and '.join(left_out)}", fix)
        raise UsageError(f"--mesh {shown} is not the size of a mesh", fix)
    return Mesh(**sizes)


def case_of(inputs: Inputs, effective: Effective, environment: Environment) -> Case:
    """Return the input of the checks for values that the schema accepts."""
    settings = effective.settings()
    known = facts.read(inputs.chart, settings.metrics.profile)
    return Case(
        settings=settings,
        defaults=effective.default_settings(),
        facts=known,
        changed=tuple(effective.changed()),
        texts=effective.texts(),
        environment=environment,
    )
