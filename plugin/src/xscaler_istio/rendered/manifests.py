"""Rendered manifests and the collector configurations in them."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

from xscaler_istio.rendered import documents, mounts
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.rendered.log_agent import LOG_AGENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xscaler_istio.rendered.mounts import Source
    from xscaler_istio.rendered.shipper import Shipper, Tree

# The name of the log agents' configurations, beside the names of collectors.
LOGS = "logs"
_LOG_COMPONENTS = ("logs", "logs-api")
_WORKLOADS = ("Deployment", "DaemonSet")
_SHARD = "xscaler.io/shard"


@dataclasses.dataclass(frozen=True)
class Manifest:
    """One rendered object. `document` is arbitrary YAML by nature."""

    kind: str
    name: str
    document: Mapping[str, Any]

    @property
    def namespace(self) -> str:
        """Its namespace; empty for an object of the cluster."""
        return str(documents.mapping(self.document, "metadata").get("namespace", ""))


@dataclasses.dataclass(frozen=True, kw_only=True)
class CollectorConfig:
    """The configuration of one workload, as text, and how its container starts and is asked whether it is ready.

    `collector` is one of COLLECTORS, or LOGS; `shard` counts the workloads of one collector from 0; `port` is the
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
    def name(self) -> str:
        """The name of the workload, which its ConfigMap has too."""
        name: str = self.workload["metadata"]["name"]
        return name

    @property
    def namespace(self) -> str:
        """The namespace of the workload."""
        namespace: str = self.workload["metadata"]["namespace"]
        return namespace

    @property
    def unique_file(self) -> str:
        """A file name that no other workload has."""
        return f"{self.collector}-{self.shard}.{self.file.rpartition('.')[2]}"

    @property
    def shipper(self) -> Shipper[Any]:
        """What is known of the program that reads it."""
        return LOG_AGENT if self.collector == LOGS else COLLECTORS[self.collector]

    @functools.cached_property
    def tree(self) -> Tree:
        """The configuration, parsed once."""
        return self.shipper.parse(self.text)

    @functools.cached_property
    def mounts(self) -> Mapping[str, Source]:
        """What is behind the files that the container has mounted, by path."""
        return mounts.sources(self.workload)

    @property
    def pod_labels(self) -> Mapping[str, str]:
        """The labels of the workload's pods."""
        labels: Mapping[str, str] = self.workload["spec"]["template"]["metadata"]["labels"]
        return labels


def manifests(text: str) -> tuple[Manifest, ...]:
    """Parse what `helm template` prints."""
    found = [document for document in documents.documents(text) if document]
    return tuple(Manifest(item["kind"], _name(item), item) for item in found)


def _name(document: Mapping[str, Any]) -> str:
    metadata = documents.mapping(document, "metadata")
    return str(metadata.get("name") or metadata.get("generateName", ""))


def configs(rendered: tuple[Manifest, ...]) -> Iterator[CollectorConfig]:
    """Yield the configuration of each of the chart's workloads; what extraObjects add has none."""
    maps = {item.name: item.document for item in rendered if item.kind == "ConfigMap"}
    for item in rendered:
        if item.kind in _WORKLOADS and _is_ours(item.document):
            yield _config(item.document, maps[item.name]["data"])


def _is_ours(workload: Mapping[str, Any]) -> bool:
    pod = documents.mapping(workload, "spec", "template")
    labels = documents.mapping(pod, "metadata", "labels")
    known = _SHARD in labels or labels.get("app.kubernetes.io/component") in _LOG_COMPONENTS
    first = next(iter(documents.mappings(documents.mapping(pod, "spec"), "containers")), {})
    return known and first.get("name") == "collector"


def _config(workload: Mapping[str, Any], files: Mapping[str, str]) -> CollectorConfig:
    pod = workload["spec"]["template"]
    labels, container = pod["metadata"]["labels"], pod["spec"]["containers"][0]
    ((file, text),) = files.items()
    component = labels["app.kubernetes.io/component"]
    reads_logs = component in _LOG_COMPONENTS
    return CollectorConfig(
        collector=LOGS if reads_logs else next(name for name, found in COLLECTORS.items() if found.config_file == file),
        shard=_LOG_COMPONENTS.index(component) if reads_logs else int(labels[_SHARD]),
        file=file,
        text=text,
        arguments=tuple(container["args"]),
        readiness_path=container["readinessProbe"]["httpGet"]["path"],
        port=container["ports"][0]["containerPort"],
        workload=workload,
    )
