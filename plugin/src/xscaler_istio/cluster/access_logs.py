"""The access logs of a namespace's proxies, by Istio's mesh configuration and its Telemetry objects.

This follows istiod: `mergeLogs`, `applicableTelemetries` in pilot/pkg/model/telemetry.go, and the fallback to
accessLogFile in pilot/pkg/networking/core/accesslog.go.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from xscaler_istio.cluster.objects import MeshConfig, Provider
    from xscaler_istio.rendered.telemetry import Telemetry

_MODES = ("CLIENT", "SERVER")
# The streams that the container runtime keeps and a log agent reads.
_STREAMS = ("/dev/stdout", "/dev/stderr")


@dataclasses.dataclass(frozen=True)
class State:
    """The state of a namespace's access logs: `on` if a container's stream has them; `words` describe it."""

    on: bool
    words: str
    custom: bool = False


class _Use(NamedTuple):
    """The use of a provider: `filter` is an expression in CEL, or empty for all requests."""

    filter: str = ""
    disabled: bool = False


def wide(telemetries: Iterable[Telemetry], namespace: str) -> Telemetry | None:
    """Return the Telemetry object that applies to a whole namespace: of several Istio uses the oldest."""
    listed = [item for item in telemetries if item.namespace == namespace and not item.selects]
    return min(listed, key=lambda item: (item.created, item.name), default=None)


def state(namespace: str, mesh: MeshConfig, telemetries: Sequence[Telemetry], root_namespace: str) -> State:
    """Return the state of a namespace's access logs, without the pods that a selector chooses."""
    places = dict.fromkeys((root_namespace, namespace))
    chain = [found for place in places if (found := wide(telemetries, place)) and found.logging]
    by_mode = {mode: _written(mode, chain, mesh) for mode in _MODES}
    if by_mode["CLIENT"] == by_mode["SERVER"]:
        return by_mode["CLIENT"]
    sides = [f"{mode.lower()} side {found.words}" for mode, found in by_mode.items()]
    return State(any(item.on for item in by_mode.values()), "; ".join(sides), any(s.custom for s in by_mode.values()))


def _written(mode: str, chain: Sequence[Telemetry], mesh: MeshConfig) -> State:
    providers = _providers(mode, chain, mesh.default_logging)
    known = {name: entry for name, entry in providers.items() if name in mesh.providers}
    if not known:
        # Istio knows none of these providers and falls back to the mesh's own setting.
        own = mesh.own_file
        return _of_file(own, f"meshConfig.accessLogFile {own.path}") if own.path else State(False, "off")
    by = f"by {chain[-1]}" if chain else "by meshConfig.defaultProviders"
    alive = {name: entry for name, entry in known.items() if not entry.disabled}
    if not alive:
        return State(False, f"off, {by}")
    states = [_of_file(mesh.providers[name], f"provider {name}, {by}", entry.filter) for name, entry in alive.items()]
    best = max(states, key=lambda item: item.on)
    return dataclasses.replace(best, custom=any(item.custom for item in states))


def _of_file(provider: Provider, by: str, condition: str = "") -> State:
    if not provider.path:
        return State(False, f"sent elsewhere ({by})")
    if provider.path not in _STREAMS:
        return State(False, f"written to the file {provider.path} ({by})")
    kind = f"custom {provider.format} format" if provider.custom else provider.format
    only = f", only where {condition}" if condition else ""
    return State(True, f"on, {kind} ({by}{only})", provider.custom)


def _providers(mode: str, chain: Sequence[Telemetry], defaults: tuple[str, ...]) -> Mapping[str, _Use]:
    """Merge the objects from the mesh's down to the namespace's: a provider's last entry wins."""
    if not chain:
        return dict.fromkeys(defaults, _Use())
    in_scope, conditions = set(defaults), dict[str, str]()
    for telemetry in chain:
        entries = [entry for entry in telemetry.logging if mode in entry.mode]
        named = {name: entry.filter for entry in entries for name in entry.providers}
        conditions |= named
        in_scope = set(named) or in_scope
    found: dict[str, _Use] = {}
    inherited = defaults
    for entry in (entry for telemetry in chain for entry in telemetry.logging):
        inherited = entry.providers or inherited
        if mode in entry.mode:
            for name in sorted(in_scope & set(inherited)):
                found[name] = _Use(conditions.get(name, ""), entry.disabled)
    return found
