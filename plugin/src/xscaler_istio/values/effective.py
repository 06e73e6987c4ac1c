"""The values of a release as Helm merges them: JSON that the schema judges, and settings once it admits them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from xscaler_istio.values import places

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xscaler_istio.values.settings import Settings


@dataclasses.dataclass(frozen=True)
class Effective:
    """The merged values and, in `defaults`, the chart's own. They may be anything: only the schema looks at them."""

    values: Mapping[str, Any]
    defaults: Mapping[str, Any]

    def settings(self) -> Settings:
        """Return values that the schema admits; raise SetupError where the chart lacks a key."""
        # Helm runs beside the rest of the program: what is imported only then costs no time.
        from xscaler_istio.values import settings

        return settings.parse(self.values)

    def default_settings(self) -> Settings:
        """Return the chart's own values; raise SetupError where the chart lacks a key."""
        from xscaler_istio.values import settings

        return settings.parse(self.defaults)

    def settings_of_any_version(self) -> Settings:
        """Return the values of a chart that may be an earlier one: a key that it lacks is off, zero or empty."""
        from xscaler_istio.values import settings

        return settings.parse_any_version(self.values)

    def changed(self) -> tuple[str, ...]:
        """Return the keys, dotted, whose values are not the chart's own."""
        return tuple(places.changed(self.values, self.defaults))
