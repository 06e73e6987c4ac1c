"""Puts the chart, with its schema, into the wheel: `pipx install xscaler-istio` then needs no checkout.

An editable installation lies in a checkout and uses the chart there; a copy would grow old beside it.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ChartHook(BuildHookInterface[BuilderConfig]):
    """Hatchling's custom build hook of the wheel; pyproject.toml names this file."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the folder to what a wheel of the version `standard` holds; the other one is `editable`."""
        if version == "standard":
            build_data["force_include"]["chart"] = "xscaler_istio/chart"
