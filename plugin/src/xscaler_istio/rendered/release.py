"""A rendered release as one object: the meaning of its manifests, read back once."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

from xscaler_istio.rendered import manifests, network_policy, pod_security, telemetry
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.rendered.log_agent import LOG_AGENT
from xscaler_istio.rendered.manifests import LOGS
from xscaler_istio.system.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xscaler_istio.rendered.destination import Destination
    from xscaler_istio.rendered.log_agent import LogReading
    from xscaler_istio.rendered.manifests import CollectorConfig, Manifest
    from xscaler_istio.rendered.network_policy import Policy
    from xscaler_istio.rendered.pod_security import Need
    from xscaler_istio.rendered.scraping import Job, Scraping
    from xscaler_istio.rendered.telemetry import Telemetry

METRICS = "metrics"


@dataclasses.dataclass(frozen=True)
class Release:
    """The manifests and their meaning; each part is computed when it is first used."""

    manifests: tuple[Manifest, ...]

    @classmethod
    def of(cls, text: str) -> Release:
        """Read what `helm template` prints."""
        return cls(manifests.manifests(text))

    @functools.cached_property
    def configs(self) -> tuple[CollectorConfig, ...]:
        """The configurations of all workloads: of the metrics collector by shard, then of the log agents."""
        found = manifests.configs(self.manifests)
        return tuple(sorted(found, key=lambda config: (config.collector == LOGS, config.shard)))

    @functools.cached_property
    def collectors(self) -> tuple[CollectorConfig, ...]:
        """The configurations of the metrics collector, in the order of its shards."""
        return tuple(config for config in self.configs if config.collector != LOGS)

    @functools.cached_property
    def log_agents(self) -> tuple[CollectorConfig, ...]:
        """The configurations of the log agents."""
        return tuple(config for config in self.configs if config.collector == LOGS)

    @functools.cached_property
    def scraping(self) -> tuple[Scraping, ...]:
        """What the metrics collector does, by shard."""
        return tuple(COLLECTORS[config.collector].read(config.tree) for config in self.collectors)

    @functools.cached_property
    def log_reading(self) -> tuple[LogReading, ...]:
        """What the log agents do."""
        return tuple(LOG_AGENT.read(config.tree) for config in self.log_agents)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs of all shards."""
        return tuple(job for shard in self.scraping for job in shard.jobs)

    @property
    def destinations(self) -> Mapping[str, Destination]:
        """Where metrics and logs go, by METRICS and LOGS: each shard and each agent sends to the same place."""
        found = ((METRICS, self.scraping), (LOGS, self.log_reading))
        return {what: of_all[0].destination for what, of_all in found if of_all}

    @functools.cached_property
    def needs(self) -> tuple[Need, ...]:
        """What the workloads need of their namespace's pod security."""
        return pod_security.needs(self.manifests)

    @functools.cached_property
    def telemetries(self) -> tuple[Telemetry, ...]:
        """The Telemetry objects that it brings."""
        return tuple(telemetry.parse(item.document) for item in self.of_kind("Telemetry"))

    @functools.cached_property
    def policies(self) -> tuple[Policy, ...]:
        """The NetworkPolicies that it brings."""
        return tuple(network_policy.parse(item.document) for item in self.of_kind("NetworkPolicy"))

    def of_kind(self, kind: str) -> tuple[Manifest, ...]:
        """Return the objects of a kind."""
        return tuple(item for item in self.manifests if item.kind == kind)

    def config_text(self, name: str, shard: int) -> str:
        """Return the configuration of a collector's shard, or of the log agents; raise UsageError if it is missing."""
        of_name = {config.shard: config.text for config in self.configs if config.collector == name}
        if not of_name:
            raise UsageError(f"these values render no configuration for {name}", _HOW.get(name, ""))
        if name == LOGS:
            return "\n".join(of_name.values())
        if shard not in of_name:
            message = f"shard {shard} does not exist: metrics.shards is {len(of_name)}"
            raise UsageError(message, f"use 0 to {len(of_name) - 1}" if len(of_name) > 1 else "leave --shard out")
        return of_name[shard]


_HOW: Mapping[str, str] = {
    LOGS: "set logs.enabled: true",
    **{name: f"set metrics.collector: {name}" for name in COLLECTORS},
}
