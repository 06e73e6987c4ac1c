"""Prometheus in agent mode, outside a cluster."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import yaml

from xscaler_istio.local.collectors import Override, Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

config_file = "prometheus.yml"
program = "prometheus"

# Where the chart mounts the token and the tenant.
MOUNTED_AUTH = "/etc/xscaler/auth/"


def overrides(config: str, surroundings: Surroundings) -> tuple[Override, ...]:
    """Return what must be changed in a rendered prometheus.yml."""
    loaded = yaml.safe_load(config)
    return (
        Override(("global", "scrape_interval"), surroundings.scrape_interval, "evidence in seconds"),
        Override(("global", "scrape_timeout"), surroundings.scrape_timeout, "not above the interval"),
        *_jobs(loaded, surroundings),
        *_destination(loaded["remote_write"][0], surroundings),
    )


def _jobs(loaded: dict[str, Any], surroundings: Surroundings) -> Iterator[Override]:
    for number, job in enumerate(loaded["scrape_configs"]):
        for setting, local in (
            ("scrape_interval", surroundings.scrape_interval),
            ("scrape_timeout", surroundings.scrape_timeout),
        ):
            if setting in job:
                yield Override(("scrape_configs", number, setting), local, "evidence in seconds")
        for index in range(len(job["kubernetes_sd_configs"])):
            place = ("scrape_configs", number, "kubernetes_sd_configs", index)
            yield Override((*place, "api_server"), surroundings.api_server, "no cluster to run in")
            token = str(surroundings.api_token_file)
            yield Override((*place, "authorization", "credentials_file"), token, "no service account")
            yield Override((*place, "tls_config", "ca_file"), str(surroundings.ca_file), "authority of this run")


def _destination(remote_write: dict[str, Any], surroundings: Surroundings) -> Iterator[Override]:
    place = ("remote_write", 0)
    yield Override((*place, "url"), surroundings.push_url, "the local xScaler")
    yield Override((*place, "tls_config", "ca_file"), str(surroundings.ca_file), "authority of this run")
    if "proxy_url" in remote_write:
        yield Override((*place, "proxy_url"), None, "nothing leaves this machine")
    for path, mounted in _mounted_files(remote_write, ()):
        local = surroundings.auth_folder / mounted.removeprefix(MOUNTED_AUTH)
        yield Override((*place, *path), str(local), "no mounted Secret")


def _mounted_files(node: object, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield each place that names a file of the mounted Secret."""
    if isinstance(node, str) and node.startswith(MOUNTED_AUTH):
        yield path, node
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from _mounted_files(child, (*path, key))


def apply(config: str, changes: Sequence[Override]) -> str:
    """Return the configuration with these changes and no other."""
    loaded = copy.deepcopy(yaml.safe_load(config))
    for change in changes:
        *parents, last = change.path
        node = loaded
        for step in parents:
            node = node.setdefault(step, {}) if isinstance(node, dict) else node[step]
        if change.local is None:
            del node[last]
        else:
            node[last] = change.local
    text: str = yaml.safe_dump(loaded, sort_keys=False)
    return text


def command(arguments: Sequence[str], config_file: Path, surroundings: Surroundings) -> list[str]:
    """Return the rendered arguments with file, folder and address changed."""
    local = {
        "--config.file": str(config_file),
        "--storage.agent.path": str(surroundings.storage_folder),
        "--web.listen-address": surroundings.listen_address,
    }
    return [f"{flag}={local[flag]}" if (flag := word.split("=")[0]) in local else word for word in arguments]
