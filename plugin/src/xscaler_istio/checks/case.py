"""What a check is given: typed settings, and what is known of the chart and of its environment."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from xscaler_istio.checks import facts
from xscaler_istio.system.errors import UsageError

if TYPE_CHECKING:
    from xscaler_istio.checks.facts import Facts
    from xscaler_istio.helm import Inputs
    from xscaler_istio.values.effective import Effective
    from xscaler_istio.values.settings import Settings

POD_SECURITY_LEVELS = ("privileged", "baseline", "restricted")


@dataclasses.dataclass(frozen=True)
class Mesh:
    """The size of a mesh: its proxies, the peers that each talks to, and the response codes between two of them."""

    proxies: int
    peers: int
    codes: int


@dataclasses.dataclass(frozen=True)
class Environment:
    """What values do not tell; each may be unknown. `pod_security` is the level that the namespace enforces."""

    mesh: Mesh | None = None
    pod_security: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """One release. `defaults` are the chart's; `changed` are the keys, dotted, that differ from them."""

    settings: Settings
    defaults: Settings
    facts: Facts
    changed: tuple[str, ...] = ()
    environment: Environment = dataclasses.field(default_factory=Environment)


def mesh(text: str) -> Mesh:
    """Parse `proxies=300,peers=10,codes=3`, in any order; raise UsageError for anything else."""
    pairs = dict(part.strip().partition("=")[::2] for part in text.split(","))
    names = [field.name for field in dataclasses.fields(Mesh)]
    try:
        sizes = {name: int(pairs[name]) for name in names}
    except (KeyError, ValueError):
        sizes = {}
    if not sizes or len(pairs) != len(names) or min(sizes.values()) < 1:
        raise UsageError(f"--mesh {text} is not a size", "whole numbers, for example proxies=300,peers=10,codes=3")
    return Mesh(**sizes)


def case_of(inputs: Inputs, effective: Effective, environment: Environment) -> Case:
    """Return what the checks are given of values that the schema admits."""
    settings = effective.settings()
    known = facts.read(inputs.chart, settings.metrics.profile)
    return Case(
        settings=settings,
        defaults=effective.default_settings(),
        facts=known,
        changed=effective.changed(),
        environment=environment,
    )
