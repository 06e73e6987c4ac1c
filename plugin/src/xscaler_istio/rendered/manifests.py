"""Rendered manifests and the collector configurations in them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import yaml

from xscaler_istio.system.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The file in a ConfigMap that is a collector's configuration, by collector.
CONFIG_FILES: Mapping[str, str] = {
    "prometheus": "prometheus.yml",
    "alloy": "config.alloy",
    "opentelemetry": "otelcol.yaml",
}
# What the configurations of the log agents are called, beside the collectors.
LOGS = "logs"
_LOG_COMPONENTS = ("logs", "logs-api")
_WORKLOADS = ("Deployment", "DaemonSet")


@dataclasses.dataclass(frozen=True)
class Manifest:
    """One rendered object. `document` is its content: arbitrary YAML by nature."""

    kind: str
    name: str
    document: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class CollectorConfig:
    """The configuration of one workload, as text, and how its container starts and is asked whether it is ready.

    `collector` is one of CONFIG_FILES, or LOGS; `shard` counts the workloads of one collector from 0; `port` is the
    one that the container is asked at; `workload` is the object that makes its pods: arbitrary YAML by nature.
    """

    collector: str
    shard: int
    file: str
    text: str
    arguments: tuple[str, ...]
    readiness_path: str
    port: int
    workload: Mapping[str, Any]

    @property
    def unique_file(self) -> str:
        """A file name that no other workload has."""
        return f"{self.collector}-{self.shard}.{self.file.rpartition('.')[2]}"


def manifests(text: str) -> tuple[Manifest, ...]:
    """Parse what `helm template` prints."""
    documents = [document for document in _documents(text) if document]
    return tuple(Manifest(item["kind"], item["metadata"]["name"], item) for item in documents)


def load(text: str) -> Any:
    """Return what one YAML document holds."""
    return next(_documents(text), None)


def _documents(text: str) -> Iterator[Any]:
    # In C where PyYAML has it: ten times as fast.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    yield from yaml.load_all(text, Loader=loader)


def configs(rendered: tuple[Manifest, ...]) -> tuple[CollectorConfig, ...]:
    """Return the configurations of all workloads: of the metrics collector by shard, then of the log agents."""
    maps = {item.name: item.document for item in rendered if item.kind == "ConfigMap"}
    found = [_config(item.document, maps[item.name]["data"]) for item in rendered if item.kind in _WORKLOADS]
    return tuple(sorted(found, key=lambda config: (config.collector == LOGS, config.shard)))


def collector_configs(rendered: tuple[Manifest, ...]) -> tuple[CollectorConfig, ...]:
    """Return the configurations of the metrics collector, in the order of its shards."""
    return tuple(config for config in configs(rendered) if config.collector != LOGS)


def log_configs(rendered: tuple[Manifest, ...]) -> tuple[CollectorConfig, ...]:
    """Return the configurations of the log agents."""
    return tuple(config for config in configs(rendered) if config.collector == LOGS)


def _config(workload: Mapping[str, Any], files: Mapping[str, str]) -> CollectorConfig:
    pod = workload["spec"]["template"]
    labels, container = pod["metadata"]["labels"], pod["spec"]["containers"][0]
    ((file, text),) = files.items()
    component = labels["app.kubernetes.io/component"]
    collectors = {name: collector for collector, name in CONFIG_FILES.items()}
    return CollectorConfig(
        LOGS if component in _LOG_COMPONENTS else collectors[file],
        _LOG_COMPONENTS.index(component) if component in _LOG_COMPONENTS else int(labels["xscaler.io/shard"]),
        file,
        text,
        tuple(container["args"]),
        container["readinessProbe"]["httpGet"]["path"],
        container["ports"][0]["containerPort"],
        workload,
    )


def chosen_config(found: tuple[CollectorConfig, ...], name: str, shard: int) -> str:
    """Return the configuration of one workload; raise UsageError when there is none of that name or shard."""
    of_name = {config.shard: config.text for config in found if config.collector == name}
    if not of_name:
        raise UsageError(f"no configuration for {name} is rendered with these values", _HOW.get(name, ""))
    if name == LOGS:
        return "\n".join(of_name.values())
    if shard not in of_name:
        raise UsageError(f"there is no shard {shard}: metrics.shards is {len(of_name)}", f"use 0 to {len(of_name) - 1}")
    return of_name[shard]


_HOW: Mapping[str, str] = {
    LOGS: "set logs.enabled: true",
    **{name: f"set metrics.collector: {name}" for name in CONFIG_FILES},
}
