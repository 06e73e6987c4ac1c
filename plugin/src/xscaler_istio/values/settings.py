"""The effective values as frozen, typed settings, parsed once: what checks, the live and the local test look at.

Fields are named after the keys (`scrape_interval` is `scrapeInterval`); keys that no code reads are left out.
"""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.system.errors import SetupError

Block = TypeVar("Block")


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """`xscaler.metrics`, `xscaler.logs`."""

    url: str


@dataclasses.dataclass(frozen=True)
class ExistingSecret:
    """`xscaler.auth.existingSecret`."""

    name: str
    token_key: str
    tenant_id_key: str
    username_key: str


@dataclasses.dataclass(frozen=True)
class Auth:
    """`xscaler.auth`."""

    type: str
    token: str
    existing_secret: ExistingSecret


@dataclasses.dataclass(frozen=True)
class AuthorityBlock:
    """`xscaler.tls.ca`."""

    kind: str
    name: str
    key: str


@dataclasses.dataclass(frozen=True)
class Tls:
    """`xscaler.tls`."""

    ca: AuthorityBlock


@dataclasses.dataclass(frozen=True)
class Limits:
    """`xscaler.limits`."""

    labels_per_series: int
    labels_per_stream: int
    samples_per_request: int
    log_line_bytes: int


@dataclasses.dataclass(frozen=True)
class AccountPlan:
    """`xscaler.plan`: what the account holds; 0 or "" where it is not stated."""

    active_series: int
    min_scrape_interval: str
    log_bytes_per_second: int


@dataclasses.dataclass(frozen=True)
class ProxySecret:
    """`xscaler.proxySecret`."""

    name: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Xscaler:
    """`xscaler`."""

    region: str
    tenant_id: str
    metrics: Endpoint
    logs: Endpoint
    auth: Auth
    tls: Tls
    proxy_url: str
    proxy_secret: ProxySecret
    no_proxy: tuple[str, ...]
    allow_insecure_http: bool
    extra_headers: Mapping[str, str]
    limits: Limits
    plan: AccountPlan


@dataclasses.dataclass(frozen=True)
class Cluster:
    """`cluster`."""

    name: str
    labels: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Switch:
    """A block of which only `enabled` matters."""

    enabled: bool


@dataclasses.dataclass(frozen=True)
class TelemetryBlock:
    """`istio.telemetry`."""

    access_logging: Switch
    trim_tags: Switch


@dataclasses.dataclass(frozen=True)
class Istio:
    """`istio`."""

    custom_tags: tuple[str, ...]
    root_namespace: str
    telemetry: TelemetryBlock


@dataclasses.dataclass(frozen=True, kw_only=True)
class TargetKind:
    """One kind of `metrics.targets`. Port 0 is the pod's or Istio's usual one; a limit of 0 or "" is none."""

    enabled: bool
    scrape_interval: str
    port: int = 0
    sample_limit: int = 0
    body_size_limit: str = ""


@dataclasses.dataclass(frozen=True)
class Namespaces:
    """`namespaces`, `metrics.namespaces`, `logs.namespaces`."""

    include: tuple[str, ...]
    exclude: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.include or self.exclude)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Relabeling:
    """One of `metrics.extraMetricRelabelConfigs`, in Prometheus' spelling and with its defaults."""

    source_labels: tuple[str, ...] = ()
    separator: str = ";"
    regex: str = "(.*)"
    action: str = "replace"
    target_label: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Metrics:
    """`metrics`."""

    collector: str
    profile: str
    proxy_details: tuple[str, ...]
    histograms: str
    scrape_interval: str
    scrape_timeout: str
    targets: Mapping[str, TargetKind]
    namespaces: Namespaces
    include_metrics: tuple[str, ...]
    exclude_metrics: tuple[str, ...]
    extra_metric_relabel_configs: tuple[Relabeling, ...]
    honor_prometheus_opt_out: bool
    shards: int


@dataclasses.dataclass(frozen=True)
class Sampling:
    """`logs.sampling`."""

    success_percent: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Logs:
    """`logs`."""

    enabled: bool
    source: str
    namespaces: Namespaces
    start_at: str
    structured_metadata: bool
    redact_query_strings: bool
    mask_forwarded_for: bool
    stream_labels: tuple[str, ...]
    sampling: Sampling


@dataclasses.dataclass(frozen=True)
class Image:
    """A container image."""

    registry: str
    repository: str
    tag: str
    digest: str


@dataclasses.dataclass(frozen=True)
class Resources:
    """Compute resources."""

    limits: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Persistence:
    """`<collector>.persistence`."""

    enabled: bool
    size: str


@dataclasses.dataclass(frozen=True)
class Variable:
    """An environment variable; its value is empty if it comes from elsewhere."""

    name: str
    value: str = ""


@dataclasses.dataclass(frozen=True)
class PodBlock:
    """`pod`, `<collector>.pod`, `logAgent.pod`; the last two may lack each key."""

    extra_env: tuple[Variable, ...] = ()


@dataclasses.dataclass(frozen=True)
class CollectorBlock:
    """The block of one collector."""

    image: Image
    resources: Resources
    persistence: Persistence
    pod: PodBlock


@dataclasses.dataclass(frozen=True)
class LogAgent:
    """`logAgent`."""

    image: Image
    pod: PodBlock


@dataclasses.dataclass(frozen=True)
class Tests:
    """`tests`."""

    enabled: bool
    image: Image


@dataclasses.dataclass(frozen=True)
class ServiceAccount:
    """`serviceAccount`."""

    create: bool


@dataclasses.dataclass(frozen=True)
class Rbac:
    """`rbac`."""

    create: bool
    namespaces: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """All of it."""

    name_override: str
    namespace_override: str
    xscaler: Xscaler
    cluster: Cluster
    namespaces: Namespaces
    istio: Istio
    metrics: Metrics
    logs: Logs
    pod: PodBlock
    log_agent: LogAgent
    tests: Tests
    service_account: ServiceAccount
    rbac: Rbac
    self_monitoring: Switch
    network_policy: Switch
    pod_disruption_budget: Switch
    service_monitor: Switch
    prometheus_rule: Switch
    # By name.
    collectors: Mapping[str, CollectorBlock] = dataclasses.field(default_factory=dict)

    @property
    def chosen_namespaces(self) -> Mapping[str, tuple[str, Namespaces]]:
        """The choice of namespaces that metrics and logs follow, with the key that makes it."""
        parts = {"metrics": self.metrics.namespaces, "logs": self.logs.namespaces}
        return {
            part: (f"{part}.namespaces", own) if own else ("namespaces", self.namespaces) for part, own in parts.items()
        }

    @property
    def switches(self) -> Mapping[str, Switch | Tests]:
        """The parts beside collectors and logs that are on or off, by key."""
        return {
            "tests": self.tests,
            "networkPolicy": self.network_policy,
            "podDisruptionBudget": self.pod_disruption_budget,
            "serviceMonitor": self.service_monitor,
            "prometheusRule": self.prometheus_rule,
        }

    @property
    def collector(self) -> CollectorBlock | None:
        """The block of the chosen collector; None for `none`."""
        return self.collectors.get(self.metrics.collector)

    @property
    def scraped(self) -> Mapping[str, TargetKind]:
        """The kinds of targets that a collector scrapes."""
        enabled = {name: target for name, target in self.metrics.targets.items() if target.enabled}
        return enabled if self.collector else {}

    @property
    def intervals(self) -> Mapping[str, str]:
        """The scrape intervals in use, by the key that sets them."""
        own = {
            f"metrics.targets.{name}.scrapeInterval": target.scrape_interval
            for name, target in self.scraped.items()
            if target.scrape_interval
        }
        common = {"metrics.scrapeInterval": self.metrics.scrape_interval}
        return {**(common if len(own) < len(self.scraped) else {}), **own}

    @property
    def variables(self) -> Mapping[str, tuple[Variable, ...]]:
        """The environment variables that the values give, by the key that gives them."""
        blocks = {"": self.pod, "logAgent.": self.log_agent.pod if self.logs.enabled else PodBlock()}
        if self.collector:
            blocks[f"{self.metrics.collector}."] = self.collector.pod
        return {f"{block}pod.extraEnv": pod.extra_env for block, pod in blocks.items() if pod.extra_env}

    @property
    def all_images(self) -> Mapping[str, Image]:
        """Every image by the block that holds it, in use or not."""
        collectors = {f"{name}.image": block.image for name, block in self.collectors.items()}
        return {**collectors, "logAgent.image": self.log_agent.image, "tests.image": self.tests.image}

    @property
    def images(self) -> Mapping[str, Image]:
        """The images that the release runs, by the block that holds them."""
        used = {
            f"{self.metrics.collector}.image": True,
            "logAgent.image": self.logs.enabled,
            "tests.image": self.tests.enabled,
        }
        return {block: image for block, image in self.all_images.items() if used.get(block)}


def parse(values: Mapping[str, Any]) -> Settings:
    """Return values that the schema admits as settings; raise SetupError where the chart lacks a key."""
    return _settings(values, strict=True)


def parse_any_version(values: Mapping[str, Any]) -> Settings:
    """Return values of a chart that may be an earlier one as settings: a key that it lacks is off, zero or empty."""
    return _settings(values, strict=False)


def _settings(values: Mapping[str, Any], *, strict: bool) -> Settings:
    found = vars(_block(_collector_blocks(tuple(COLLECTORS)), values, (), strict=strict))
    return dataclasses.replace(_block(Settings, values, (), strict=strict), collectors=found)


# Kept, as `_fields` keeps what it finds for a class.
@functools.cache
def _collector_blocks(names: tuple[str, ...]) -> type[Any]:
    """Return a class of the blocks of collectors, which are keys of the values like any other."""
    return dataclasses.make_dataclass("Blocks", [(name, CollectorBlock) for name in names])


def _block(kind: type[Block], values: Mapping[str, Any], path: tuple[str, ...], *, strict: bool) -> Block:
    found = {}
    for field, hint in _fields(kind):  # type: ignore[arg-type] # a class is hashable
        key = next((name for name in (_camel(field.name), field.name) if name in values), "")
        optional = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        if key and (strict or values[key] is not None):
            found[field.name] = _value(hint, values[key], (*path, key), strict=strict)
        elif strict and not optional:
            name = ".".join((*path, _camel(field.name)))
            raise SetupError(f"the chart has no value {name}", "use the plugin that came with this chart")
        elif not optional:
            found[field.name] = _empty(hint)
    return kind(**found)


def _empty(hint: Any) -> Any:
    """Return what stands for a value that an earlier chart does not have."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _block(hint, {}, (), strict=False)
    return {tuple: (), Mapping: {}}[origin] if (origin := typing.get_origin(hint)) else hint()


@functools.cache
def _fields(kind: type[Any]) -> tuple[tuple[dataclasses.Field[Any], Any], ...]:
    hints = typing.get_type_hints(kind)
    return tuple((field, hints[field.name]) for field in dataclasses.fields(kind))


def _value(hint: Any, value: Any, path: tuple[str, ...], *, strict: bool) -> Any:
    """Turn one JSON value into what its annotation says."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return tuple(_value(arguments[0], item, path, strict=strict) for item in value)
    if origin is Mapping:
        return {str(key): _value(arguments[1], item, (*path, str(key)), strict=strict) for key, item in value.items()}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _block(hint, value, path, strict=strict)
    return hint(value)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)
