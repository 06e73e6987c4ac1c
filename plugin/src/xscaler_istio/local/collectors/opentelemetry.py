"""The OpenTelemetry Collector, outside a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from xscaler_istio.local.collectors import Override, Surroundings, replace_values
from xscaler_istio.local.collectors.yaml_config import apply, mounted_files, scraping

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["apply", "command", "overrides", "program"]

program = "otelcol"


def overrides(config: str, surroundings: Surroundings) -> tuple[Override, ...]:
    """Return what must be changed in a rendered otelcol.yaml."""
    loaded = yaml.safe_load(config)
    receiver = ("receivers", "prometheus", "config")
    http = ("exporters", "prometheus_remote_write", "http")
    return (
        *_addresses(loaded, surroundings),
        *mounted_files(("extensions",), loaded["extensions"], surroundings),
        *scraping(receiver, loaded["receivers"]["prometheus"]["config"], surroundings),
        *_destination(http, loaded["exporters"]["prometheus_remote_write"]["http"], surroundings),
    )


def _addresses(loaded: dict[str, Any], surroundings: Surroundings) -> Iterator[Override]:
    host = surroundings.listen_address.rpartition(":")[0]
    yield Override(("extensions", "health_check", "endpoint"), surroundings.listen_address, "loopback of this run")
    server = loaded["receivers"]["prometheus"]["api_server"]["server_config"]
    api = ("receivers", "prometheus", "api_server", "server_config", "endpoint")
    yield Override(api, f"{host}:{server['endpoint'].rpartition(':')[2]}", "loopback of this run")
    reader = ("service", "telemetry", "metrics", "readers", 0, "pull", "exporter", "prometheus")
    yield Override((*reader, "host"), host, "loopback of this run")


def _destination(place: tuple[str, ...], http: dict[str, Any], surroundings: Surroundings) -> Iterator[Override]:
    yield Override((*place, "endpoint"), surroundings.push_url, "the local xScaler")
    yield Override((*place, "tls", "ca_file"), str(surroundings.ca_file), "authority of this run")
    if "proxy_url" in http:
        yield Override((*place, "proxy_url"), None, "nothing leaves this machine")
    yield from mounted_files(place, http, surroundings)


def command(arguments: Sequence[str], config_file: Path, surroundings: Surroundings) -> list[str]:  # noqa: ARG001 - one shape
    """Return the rendered arguments with the file changed; it listens where its configuration says."""
    return replace_values(arguments, {"--config": str(config_file)})
