"""The local test runs the rendered configuration: nothing differs but the listed overrides."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.paths import CI_FILES
from tests.support.rendering import configs, log_configs, parsed, template
from tests.support.surroundings import SURROUNDINGS
from tests.support.thinned import thinned
from xscaler_istio.rendered import alloy, manifests
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.rendered.log_agent import LOG_AGENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xscaler_istio.rendered.manifests import CollectorConfig

_OTHERS = "every fifth values file is tried, for each collector"
by_file = pytest.mark.parametrize("file", thinned(CI_FILES, _OTHERS, name=lambda file: file.stem))
SHIPPERS = {**COLLECTORS, manifests.LOGS: LOG_AGENT}
# What may differ between a cluster and this machine, and nothing else (design: API server, credential and authority
# files, push URL, listen address, storage folder, intervals; a proxy has no place on loopback).
ALLOWED = {
    "prometheus": {
        "global.scrape_interval",
        "global.scrape_timeout",
        "scrape_configs.*.scrape_interval",
        "scrape_configs.*.scrape_timeout",
        "scrape_configs.*.kubernetes_sd_configs.*.api_server",
        "scrape_configs.*.kubernetes_sd_configs.*.authorization.credentials_file",
        "scrape_configs.*.kubernetes_sd_configs.*.tls_config.ca_file",
        "remote_write.*.url",
        "remote_write.*.tls_config.ca_file",
        "remote_write.*.proxy_url",
        "remote_write.*.authorization.credentials_file",
        "remote_write.*.basic_auth.password_file",
        "remote_write.*.basic_auth.username_file",
        "remote_write.*.http_headers.X-Scope-OrgID.files.*",
    },
    "alloy": {
        'discovery.kubernetes "pods".api_server',
        'discovery.kubernetes "pods".authorization.type',
        'discovery.kubernetes "pods".authorization.credentials_file',
        'discovery.kubernetes "pods".tls_config.ca_file',
        'prometheus.scrape "*".scrape_interval',
        'prometheus.scrape "*".scrape_timeout',
        'prometheus.remote_write "xscaler".endpoint.url',
        'prometheus.remote_write "xscaler".endpoint.tls_config.ca_file',
        'prometheus.remote_write "xscaler".endpoint.proxy_url',
        'prometheus.remote_write "xscaler".endpoint.authorization.credentials_file',
        'prometheus.remote_write "xscaler".endpoint.basic_auth.password_file',
        'local.file "tenant".filename',
        'local.file "username".filename',
    },
    "opentelemetry": {
        "extensions.health_check.endpoint",
        "receivers.prometheus.api_server.server_config.endpoint",
        "extensions.bearertokenauth.filename",
        "extensions.basicauth.client_auth.password_file",
        "extensions.basicauth.client_auth.username_file",
        "service.telemetry.metrics.readers.*.pull.exporter.prometheus.host",
        "receivers.prometheus.config.global.scrape_interval",
        "receivers.prometheus.config.global.scrape_timeout",
        "receivers.prometheus.config.scrape_configs.*.scrape_interval",
        "receivers.prometheus.config.scrape_configs.*.scrape_timeout",
        "receivers.prometheus.config.scrape_configs.*.kubernetes_sd_configs.*.api_server",
        "receivers.prometheus.config.scrape_configs.*.kubernetes_sd_configs.*.authorization.credentials_file",
        "receivers.prometheus.config.scrape_configs.*.kubernetes_sd_configs.*.tls_config.ca_file",
        "exporters.prometheus_remote_write.http.endpoint",
        "exporters.prometheus_remote_write.http.tls.ca_file",
        "exporters.prometheus_remote_write.http.tls.server_name_override",
        "exporters.prometheus_remote_write.http.proxy_url",
        "exporters.prometheus_remote_write.http.headers.X-Scope-OrgID",
    },
    manifests.LOGS: {
        'discovery.kubernetes "pods".api_server',
        'discovery.kubernetes "pods".authorization.type',
        'discovery.kubernetes "pods".authorization.credentials_file',
        'discovery.kubernetes "pods".tls_config.ca_file',
        # The folders of the node: logs, and the agent's own.
        'discovery.relabel "pods".rule.replacement',
        'local.file "first_start".filename',
        'loki.source.file "pods".file_match.sync_period',
        'loki.write "xscaler".endpoint.url',
        'loki.write "xscaler".endpoint.tls_config.ca_file',
        'loki.write "xscaler".endpoint.proxy_url',
        'loki.write "xscaler".endpoint.authorization.credentials_file',
        'loki.write "xscaler".endpoint.basic_auth.password_file',
        'local.file "tenant".filename',
        'local.file "username".filename',
    },
}
ALLOWED_ARGUMENTS = {
    "prometheus": {"--config.file", "--storage.agent.path", "--web.listen-address"},
    "alloy": {"/etc/collector/config.alloy", "--storage.path", "--server.http.listen-addr"},
    "opentelemetry": {"--config"},
    manifests.LOGS: {"/etc/collector/config.alloy", "--storage.path", "--server.http.listen-addr"},
}


def leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield every leaf with its place; positions in lists are kept."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else None
    if children is None:
        yield ".".join(path), node
        return
    for key, child in children:
        yield from leaves(child, (*path, str(key)))


def general(place: str) -> str:
    steps = ".".join("*" if step.isdigit() else step for step in place.split("."))
    steps = re.sub(r"rule#\d+", "rule", steps)
    return re.sub(r'^prometheus.scrape "\w+"', 'prometheus.scrape "*"', steps)


@pytest.fixture(params=SHIPPERS)
def rendered(request: pytest.FixtureRequest, file: Path) -> tuple[CollectorConfig, ...]:
    if request.param == manifests.LOGS:
        # The agent that reads files: the other one needs the log endpoints of a kubelet.
        return log_configs(template("helm4", "--values", str(file), "--set", "logs.enabled=true,xscaler.region=x"))[:1]
    return configs(template("helm4", "--values", str(file), "--set", f"metrics.collector={request.param}"))


@by_file
def test_nothing_else_differs(rendered: tuple[CollectorConfig, ...]) -> None:
    for config in rendered:
        collector = config.shipper
        changes = collector.overrides(config.text, SURROUNDINGS)
        applied = dataclasses.replace(config, text=collector.apply(config.text, changes))
        before, after = dict(leaves(parsed(config))), dict(leaves(parsed(applied)))
        differing = {place for place in before.keys() | after.keys() if before.get(place) != after.get(place)}
        assert {general(place) for place in differing} <= ALLOWED[config.collector]
        # Every difference is listed, and everything listed is a difference or was so already.
        assert differing <= {".".join(map(str, change.path)) for change in changes}
        assert all(change.reason for change in changes)
        # Nothing of the cluster is left.
        assert not [value for value in after.values() if re.search(r"/etc/|/var/", str(value))]


@by_file
def test_arguments_keep_their_number_and_order(rendered: tuple[CollectorConfig, ...]) -> None:
    for config in rendered:
        local = config.shipper.command(config.arguments, Path("/run/config"), SURROUNDINGS)
        pairs = list(zip(config.arguments, local, strict=True))
        assert {old.split("=")[0] for old, new in pairs if old != new} == ALLOWED_ARGUMENTS[config.collector]
        assert all(old.split("=")[0] == new.split("=")[0] for old, new in pairs if old.startswith("-"))


def test_alloy_is_read_and_written_without_loss() -> None:
    text = configs(template("helm4", "--values", str(CI_FILES[0]), "--set", "metrics.collector=alloy"))[0].text
    statements = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("//")]
    again = alloy.apply(text, ())
    assert [line.strip() for line in again.splitlines()] == statements
