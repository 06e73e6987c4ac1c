"""Rendered manifests and the collector configurations in them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import yaml

from xscaler_istio.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

# The file in a ConfigMap that is a collector's configuration, by collector.
CONFIG_FILES: Mapping[str, str] = {
    "prometheus": "prometheus.yml",
    "alloy": "config.alloy",
    "opentelemetry": "otelcol.yaml",
}


@dataclasses.dataclass(frozen=True)
class Manifest:
    """One rendered object. `document` is its content: arbitrary YAML by nature."""

    kind: str
    name: str
    document: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class CollectorConfig:
    """The configuration of one shard, as text, and how its container starts and is asked whether it is ready."""

    collector: str
    shard: int
    file: str
    text: str
    arguments: tuple[str, ...]
    readiness_path: str

    @property
    def unique_file(self) -> str:
        """A file name that no other shard has."""
        return f"{self.collector}-{self.shard}.{self.file.rpartition('.')[2]}"


def manifests(text: str) -> tuple[Manifest, ...]:
    """Parse what `helm template` prints."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    documents = [document for document in yaml.load_all(text, Loader=loader) if document]
    return tuple(Manifest(item["kind"], item["metadata"]["name"], item) for item in documents)


def collector_configs(rendered: tuple[Manifest, ...]) -> tuple[CollectorConfig, ...]:
    """Return the configurations of the metrics collectors, in the order of their shards."""
    deployments = {item.name: item.document for item in rendered if item.kind == "Deployment"}
    found = [
        _config(collector, item, deployments[item.name])
        for item in rendered
        if item.kind == "ConfigMap"
        for collector, file in CONFIG_FILES.items()
        if file in item.document["data"]
    ]
    return tuple(sorted(found, key=lambda config: config.shard))


def _config(collector: str, item: Manifest, deployment: Mapping[str, Any]) -> CollectorConfig:
    pod = deployment["spec"]["template"]
    container = pod["spec"]["containers"][0]
    file = CONFIG_FILES[collector]
    return CollectorConfig(
        collector,
        int(pod["metadata"]["labels"]["xscaler.io/shard"]),
        file,
        item.document["data"][file],
        tuple(container["args"]),
        container["readinessProbe"]["httpGet"]["path"],
    )


def config_of_shard(configs: tuple[CollectorConfig, ...], shard: int) -> str:
    """Return the configuration of one shard; raise UsageError when there is no such shard."""
    for config in configs:
        if config.shard == shard:
            return config.text
    raise UsageError(f"there is no shard {shard}: metrics.shards is {len(configs)}", f"use 0 to {len(configs) - 1}")
