"""Prometheus in agent mode, outside a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from xscaler_istio.local.collectors import Override, Surroundings, replace_values
from xscaler_istio.local.collectors.yaml_config import apply, mounted_files, scraping

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["apply", "command", "overrides", "program"]

program = "prometheus"


def overrides(config: str, surroundings: Surroundings) -> tuple[Override, ...]:
    """Return what must be changed in a rendered prometheus.yml."""
    loaded = yaml.safe_load(config)
    return (
        *scraping((), loaded, surroundings),
        *_destination(loaded["remote_write"][0], surroundings),
    )


def _destination(remote_write: dict[str, Any], surroundings: Surroundings) -> Iterator[Override]:
    place = ("remote_write", 0)
    yield Override((*place, "url"), surroundings.push_url, "the local xScaler")
    yield Override((*place, "tls_config", "ca_file"), str(surroundings.ca_file), "authority of this run")
    if "proxy_url" in remote_write:
        yield Override((*place, "proxy_url"), None, "nothing leaves this machine")
    yield from mounted_files(place, remote_write, surroundings)


def command(arguments: Sequence[str], config_file: Path, surroundings: Surroundings) -> list[str]:
    """Return the rendered arguments with file, folder and address changed."""
    local = {
        "--config.file": str(config_file),
        "--storage.agent.path": str(surroundings.storage_folder),
        "--web.listen-address": surroundings.listen_address,
    }
    return replace_values(arguments, local)
