"""Grafana Alloy, outside a cluster."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from xscaler_istio.local.collectors import MOUNTED_AUTH, Override, Surroundings, replace_values
from xscaler_istio.rendered.alloy import Blocks, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from xscaler_istio.local.collectors import Place

program = "alloy"

_API = 'discovery.kubernetes "pods"'
_ENDPOINT = ('prometheus.remote_write "xscaler"', "endpoint")


def _write(blocks: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    for key, value in blocks.items():
        if isinstance(value, dict):
            yield f"{indent}{key.partition('#')[0]} {{"
            yield from _write(value, indent + "  ")
            yield f"{indent}}}"
        else:
            yield f"{indent}{key} = {value}"


def overrides(config: str, surroundings: Surroundings) -> tuple[Override, ...]:
    """Return what must be changed in a rendered config.alloy."""
    blocks = parse(config)
    return (
        *discovery(surroundings),
        *_intervals(blocks, surroundings),
        Override((*_ENDPOINT, "url"), surroundings.push_url, "the local xScaler"),
        Override((*_ENDPOINT, "tls_config", "ca_file"), str(surroundings.ca_file), "authority of this run"),
        *proxy(blocks, _ENDPOINT),
        *mounted_files((), blocks, surroundings),
    )


def discovery(surroundings: Surroundings) -> Iterator[Override]:
    """Yield the changes that let it find pods without a cluster."""
    yield Override((_API, "api_server"), surroundings.api_server, "no cluster to run in")
    yield Override((_API, "authorization", "type"), "Bearer", "no service account")
    yield Override((_API, "authorization", "credentials_file"), str(surroundings.api_token_file), "no service account")
    yield Override((_API, "tls_config", "ca_file"), str(surroundings.ca_file), "authority of this run")


def _intervals(blocks: Blocks, surroundings: Surroundings) -> Iterator[Override]:
    for header in blocks:
        if header.startswith("prometheus.scrape "):
            yield Override((header, "scrape_interval"), surroundings.scrape_interval, "evidence in seconds")
            yield Override((header, "scrape_timeout"), surroundings.scrape_timeout, "not above the interval")


def proxy(blocks: Blocks, place: tuple[str, str]) -> Iterator[Override]:
    """Yield the removal of a proxy from the endpoint at `place`."""
    component, endpoint = place
    if "proxy_url" in blocks[component][endpoint]:
        yield Override((*place, "proxy_url"), None, "nothing leaves this machine")


def mounted_files(place: Place, node: Blocks, surroundings: Surroundings) -> Iterator[Override]:
    """Yield a change for each attribute under `place` that names a file of the mounted Secret."""
    for key, value in node.items():
        if isinstance(value, dict):
            yield from mounted_files((*place, key), value, surroundings)
        elif found := re.fullmatch(rf'"{MOUNTED_AUTH}(.*)"', value):
            yield Override((*place, key), str(surroundings.auth_folder / found[1]), "no mounted Secret")


def apply(config: str, changes: Sequence[Override]) -> str:
    """Return the configuration with these changes and no other."""
    blocks = parse(config)
    for change in changes:
        *parents, last = change.path
        node = blocks
        for step in parents:
            node = node.setdefault(str(step), {})
        if change.local is None:
            del node[str(last)]
        else:
            node[str(last)] = json.dumps(change.local)
    return "\n".join([*_write(blocks), ""])


def command(arguments: Sequence[str], config_file: Path, surroundings: Surroundings) -> list[str]:
    """Return the rendered arguments with file, folder and address changed."""
    local = {
        "--storage.path": str(surroundings.storage_folder),
        "--server.http.listen-addr": surroundings.listen_address,
    }
    *flags, _ = replace_values(arguments, local)
    return [*flags, str(config_file)]
