"""The local test runs the rendered configuration: nothing differs but the listed overrides."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.chart.conftest import CI_FILES, template
from xscaler_istio import render
from xscaler_istio.local import run
from xscaler_istio.local.collectors import Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator

SURROUNDINGS = Surroundings(
    api_server="https://127.10.0.1:6443",
    api_token_file=Path("/run/api-token"),
    ca_file=Path("/run/ca.crt"),
    push_url="https://127.10.0.1:8443/api/v1/push",
    auth_folder=Path("/run/auth"),
    listen_address="127.10.0.1:9090",
    storage_folder=Path("/run/storage"),
    scrape_interval="5s",
    scrape_timeout="5s",
)
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
        "remote_write.*.http_headers.X-Scope-OrgID.files.*",
    }
}
ALLOWED_ARGUMENTS = {"prometheus": {"--config.file", "--storage.agent.path", "--web.listen-address"}}


def leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield every leaf with its place; positions in lists are kept."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else None
    if children is None:
        yield ".".join(path), node
        return
    for key, child in children:
        yield from leaves(child, (*path, str(key)))


def general(place: str) -> str:
    return ".".join("*" if step.isdigit() else step for step in place.split("."))


@pytest.mark.parametrize("file", CI_FILES, ids=lambda file: file.stem)
def test_nothing_else_differs(file: Path) -> None:
    for config in render.collector_configs(render.manifests(template("helm4", "--values", str(file)))):
        collector = run.COLLECTORS[config.collector]
        changes = collector.overrides(config.text, SURROUNDINGS)
        before = dict(leaves(yaml.safe_load(config.text)))
        after = dict(leaves(yaml.safe_load(collector.apply(config.text, changes))))
        differing = {place for place in before.keys() | after.keys() if before.get(place) != after.get(place)}
        assert {general(place) for place in differing} <= ALLOWED[config.collector]
        # Every difference is listed, and everything listed is a difference or was so already.
        assert differing <= {".".join(map(str, change.path)) for change in changes}
        assert all(change.reason for change in changes)
        # Nothing of the cluster is left.
        assert not [value for value in after.values() if str(value).startswith(("/etc/", "/var/run/"))]


@pytest.mark.parametrize("file", CI_FILES, ids=lambda file: file.stem)
def test_arguments_keep_their_number_and_order(file: Path) -> None:
    for config in render.collector_configs(render.manifests(template("helm4", "--values", str(file)))):
        collector = run.COLLECTORS[config.collector]
        local = collector.command(config.arguments, Path("/run/config"), SURROUNDINGS)
        pairs = list(zip(config.arguments, local, strict=True))
        assert {old.split("=")[0] for old, new in pairs if old != new} == ALLOWED_ARGUMENTS[config.collector]
        assert all(old.split("=")[0] == new.split("=")[0] for old, new in pairs)
