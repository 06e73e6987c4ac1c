"""The OpenTelemetry Collector."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from xscaler_istio.rendered import documents, own_metrics, yaml_config
from xscaler_istio.rendered.destination import Bearer, Destination, File, Literal
from xscaler_istio.rendered.local_start import Override, Surroundings, replace_values, without_proxy
from xscaler_istio.rendered.own_metrics import Pushes, metric
from xscaler_istio.rendered.scraping import REMOTE_WRITE_2, Scraping, form
from xscaler_istio.rendered.shipper import Collector, IgnoredKeys, Validator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from xscaler_istio.rendered.destination import Value
    from xscaler_istio.rendered.own_metrics import Fetch
    from xscaler_istio.rendered.shipper import Tree

# Its receiver's, which the chart lets answer as Prometheus does.
_API_PORT = 9090
_METRICS_PORT = 8888
_VARIABLE = re.compile(r"\$\{file:(.+)\}")


def _read(tree: Tree) -> Scraping:
    http, extensions = tree["exporters"]["prometheus_remote_write"]["http"], tree["extensions"]
    basic = extensions.get("basicauth")
    destination = Destination.of(
        url=_expanded(http["endpoint"]),
        headers={name: _value(text) for name, text in http["headers"].items()},
        authentication=yaml_config.basic(_expanded(basic["client_auth"]))
        if basic
        else Bearer(File(extensions["bearertokenauth"]["filename"])),
        proxy=_expanded(http.get("proxy_url", "")),
        authority=http.get("tls", {}).get("ca_file", ""),
    )
    exporter = tree["exporters"]["prometheus_remote_write"]
    # The exporter converts what the jobs have relabelled; one that sends 2.0 needs no further switch.
    histograms = form(
        native=exporter.get("convert_explicit_histograms_to_nhcb", False),
        classic=exporter.get("keep_classic_histograms", False),
    )
    carries = exporter.get("protobuf_message") == REMOTE_WRITE_2
    jobs = yaml_config.jobs(_expanded(tree["receivers"]["prometheus"]["config"]))
    return Scraping(jobs, destination, histograms, carries_native=carries)


def _value(text: str) -> Value:
    found = _VARIABLE.fullmatch(text)
    return File(found[1]) if found else Literal(_expanded(text))


def _expanded(node: Any) -> Any:
    """Return a part of a configuration as the collector has it: it expands variables, so `$` is written twice."""
    if isinstance(node, dict):
        return {key: _expanded(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_expanded(item) for item in node]
    return node.replace("$$", "$") if isinstance(node, str) else node


def _overrides(config: str, surroundings: Surroundings) -> tuple[Override, ...]:
    loaded = documents.load(config)
    receiver = ("receivers", "prometheus", "config")
    http = ("exporters", "prometheus_remote_write", "http")
    return (
        *_addresses(loaded, surroundings),
        *yaml_config.mounted_files(("extensions",), loaded["extensions"], surroundings),
        *yaml_config.scraping(receiver, loaded["receivers"]["prometheus"]["config"], surroundings),
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
    host = urlsplit(surroundings.push_url).hostname
    yield Override((*place, "tls", "server_name_override"), host, "the local xScaler")
    yield from without_proxy(place, http)
    yield from yaml_config.mounted_files(place, http, surroundings)


def _command(arguments: Sequence[str], config_file: Path, surroundings: Surroundings) -> list[str]:  # noqa: ARG001 - one shape
    """Return the rendered arguments with the file changed; it listens where its configuration says."""
    return replace_values(arguments, {"--config": str(config_file)})


def _pushes(fetch: Fetch) -> Pushes:
    page = fetch(_METRICS_PORT, "/metrics")
    names = ("sent_metric_points", "send_failed_metric_points", "queue_size")
    delivered, failed, waiting = (metric(page, f"otelcol_exporter_{name}(?:_total)?") for name in names)
    redirected = metric(page, "http_client_request_duration_count", 'http_response_status_code="3')
    return Pushes(delivered=delivered, failed=failed, waiting=waiting, redirected=redirected)


_WHERE = (
    "https://github.com/open-telemetry/opentelemetry-collector-releases/releases (otelcol-contrib, 0.163 or newer), or"
    " set XSCALER_OTELCOL to its path"
)

COLLECTOR = Collector(
    program="otelcol",
    where_to_get={"otelcol": _WHERE},
    validator=Validator("otelcol", ("validate",), "--config="),
    config_file="otelcol.yaml",
    metrics_port=_METRICS_PORT,
    # Prometheus' by the ratio in docs/collectors.md, Cost.
    parse=documents.load,
    read=_read,
    rest=yaml_config.rest,
    overrides=_overrides,
    apply=yaml_config.apply,
    command=_command,
    targets=own_metrics.targets_of_api(_API_PORT),
    pushes=_pushes,
    refusal=re.compile(r"Exporting failed.*?\"error\": (?P<reason>\"(?:[^\"\\]|\\.)*\")"),
    ignored=(IgnoredKeys(("opentelemetry.persistence.size",), "the OpenTelemetry Collector keeps nothing on disk"),),
)
