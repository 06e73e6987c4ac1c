"""The log agent, outside a cluster: Grafana Alloy with another configuration."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from xscaler_istio.local.collectors import Override, Surroundings, alloy
from xscaler_istio.rendered.alloy import Blocks, parse

if TYPE_CHECKING:
    from collections.abc import Iterator


__all__ = ["apply", "command", "overrides", "program"]

program = alloy.program
apply, command = alloy.apply, alloy.command

_ENDPOINT = ('loki.write "xscaler"', "endpoint")
_MOUNTED_LOGS = "/var/log/pods/"
_MOUNTED_STATE = "/var/lib/alloy/"


def overrides(config: str, surroundings: Surroundings) -> tuple[Override, ...]:
    """Return what must be changed in a rendered config.alloy of a log agent."""
    blocks = parse(config)
    return (
        *alloy.discovery(surroundings),
        *_folders((), blocks, surroundings),
        *_intervals(blocks),
        Override((*_ENDPOINT, "url"), surroundings.logs_url, "the local xScaler"),
        Override((*_ENDPOINT, "tls_config", "ca_file"), str(surroundings.ca_file), "authority of this run"),
        *alloy.proxy(blocks, _ENDPOINT),
        *alloy.mounted_files((), blocks, surroundings),
    )


def _intervals(blocks: Blocks) -> Iterator[Override]:
    source = 'loki.source.file "pods"'
    if source in blocks:
        yield Override((source, "file_match", "sync_period"), "500ms", "evidence in seconds")


def _folders(place: tuple[str, ...], node: Blocks, surroundings: Surroundings) -> Iterator[Override]:
    for key, value in node.items():
        if isinstance(value, dict):
            yield from _folders((*place, key), value, surroundings)
        elif found := re.fullmatch(rf'"{_MOUNTED_LOGS}(.*)"', value):
            yield Override((*place, key), f"{surroundings.log_folder}/{found[1]}", "no node to read")
        elif found := re.fullmatch(rf'"{_MOUNTED_STATE}(.*)"', value):
            yield Override((*place, key), f"{surroundings.storage_folder}/{found[1]}", "no node to write to")
