"""The values of a release as Helm merges them: JSON that the schema judges, and settings once it admits them."""

from __future__ import annotations

import dataclasses
import functools
import re
from typing import TYPE_CHECKING, Any

from xscaler_istio.values import places, renamed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xscaler_istio.values.renamed import Renamed
    from xscaler_istio.values.settings import Settings


@dataclasses.dataclass(frozen=True)
class FreeText:
    """A text among the values: a value at a path, as `--set` spells it, or a key of the map there."""

    path: str
    text: str
    of_key: bool = False


@dataclasses.dataclass(frozen=True)
class Effective:
    """The merged values as they were given, and, in `defaults`, the chart's own. They may be anything: only the schema
    looks at them. Settings and changed keys have the new names of `renames`."""

    values: Mapping[str, Any]
    defaults: Mapping[str, Any]
    renames: tuple[Renamed, ...] = ()

    @functools.cached_property
    def _moved(self) -> Mapping[str, Any]:
        return renamed.moved(self.values, self._moved_defaults, self.renames)

    @functools.cached_property
    def _moved_defaults(self) -> Mapping[str, Any]:
        return renamed.moved(self.defaults, {}, self.renames)

    def settings(self) -> Settings:
        """Return values that the schema admits; raise SetupError where the chart lacks a key."""
        # Helm runs beside the rest of the program: what is imported only then costs no time.
        from xscaler_istio.values import settings

        return settings.parse(self._moved)

    def default_settings(self) -> Settings:
        """Return the chart's own values; raise SetupError where the chart lacks a key."""
        from xscaler_istio.values import settings

        return settings.parse(self._moved_defaults)

    def settings_of_any_version(self) -> Settings:
        """Return the values of a chart that may be an earlier one: a key that it lacks is off, zero or empty."""
        from xscaler_istio.values import settings

        return settings.parse_any_version(self._moved)

    def changed(self) -> Mapping[str, object]:
        """Return the values that are not the chart's own, by their keys, dotted."""
        found = places.changed(self._moved, self._moved_defaults)
        return {".".join(map(str, path)): value for path, value in found}

    def texts(self) -> tuple[FreeText, ...]:
        """Return the texts that are not the chart's own, and the keys that are not the chart's."""
        ours = {key: value for key, value in self._moved.items() if key not in _NOT_OF_USERS}
        return tuple(_texts(ours, self._moved_defaults, ()))


# What the chart leaves for itself, and what a parent chart shares with charts that are not this one.
_NOT_OF_USERS = frozenset({"x-renamed", "global"})


def _texts(value: object, default: object, path: tuple[str | int, ...]) -> Iterator[FreeText]:
    if value == default:
        return
    if isinstance(value, str) and value:
        yield FreeText(_spelt(path), value)
    if isinstance(value, dict):
        known = default if isinstance(default, dict) else {}
        for key, child in value.items():
            if key not in known:
                yield FreeText(_spelt(path), key, of_key=True)
            yield from _texts(child, known.get(key), (*path, key))
    if isinstance(value, list):
        for index, child in enumerate(value):
            yield from _texts(child, None, (*path, index))


def _spelt(path: tuple[str | int, ...]) -> str:
    return places.dotted(step if isinstance(step, int) else re.sub(r"([.\\\[])", r"\\\1", step) for step in path)
