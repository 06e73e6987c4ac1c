"""What the collectors with a YAML configuration share: Prometheus' jobs, mounted files, changes by path."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import yaml

from xscaler_istio.local.collectors import MOUNTED_AUTH, Override

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from xscaler_istio.local.collectors import Place, Surroundings


def scraping(place: Place, prometheus: dict[str, Any], surroundings: Surroundings) -> Iterator[Override]:
    """Yield the changes to `global` and `scrape_configs` of a Prometheus configuration that lies at `place`."""
    yield from _intervals((*place, "global"), prometheus["global"], surroundings)
    for number, job in enumerate(prometheus["scrape_configs"]):
        own = (*place, "scrape_configs", number)
        yield from _intervals(own, job, surroundings)
        for index in range(len(job["kubernetes_sd_configs"])):
            discovery = (*own, "kubernetes_sd_configs", index)
            yield Override((*discovery, "api_server"), surroundings.api_server, "no cluster to run in")
            token = str(surroundings.api_token_file)
            yield Override((*discovery, "authorization", "credentials_file"), token, "no service account")
            yield Override((*discovery, "tls_config", "ca_file"), str(surroundings.ca_file), "authority of this run")


def _intervals(place: Place, node: dict[str, Any], surroundings: Surroundings) -> Iterator[Override]:
    if "scrape_interval" in node:
        yield Override((*place, "scrape_interval"), surroundings.scrape_interval, "evidence in seconds")
    if "scrape_timeout" in node:
        yield Override((*place, "scrape_timeout"), surroundings.scrape_timeout, "not above the interval")


def mounted_files(place: Place, node: object, surroundings: Surroundings) -> Iterator[Override]:
    """Yield a change for each value under `place` that names a file of the mounted Secret."""
    if isinstance(node, str) and MOUNTED_AUTH in node:
        yield Override(place, node.replace(MOUNTED_AUTH, f"{surroundings.auth_folder}/"), "no mounted Secret")
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from mounted_files((*place, key), child, surroundings)


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
