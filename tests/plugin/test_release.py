"""A rendered release as one object: the same for all collectors, read once, whatever extraObjects add."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.paths import EXAMPLE
from tests.support.rendering import template
from tests.support.surroundings import SURROUNDINGS
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.rendered.destination import Basic, Bearer, Destination, File, Header, Literal
from xscaler_istio.rendered.manifests import LOGS
from xscaler_istio.rendered.mounts import ObjectName, Source
from xscaler_istio.rendered.release import METRICS, Release

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKEN = File("/etc/xscaler/auth/token")
# What a reader could take for something else than text.
ODD = {
    "X-Comma": 'a, "b" = {c}',
    "X-Dollar": "$1 $$ ${file:/etc/passwd}",
    "X-Reference": "string.trim_space(local.file.tenant.content)",
}
CASES: Mapping[str, tuple[tuple[str, ...], Mapping[str, object]]] = {
    "bearer": ((), {"tenant": Literal("acme"), "authentication": Bearer(TOKEN)}),
    "a file of another program": (
        ("--set", "xscaler.auth.existingSecret.name=,xscaler.auth.tokenFile=/a/token,commonAnnotations.a=b"),
        {"tenant": Literal("acme"), "authentication": Bearer(File("/a/token"))},
    ),
    "basic": (
        ("--set", "xscaler.auth.type=basic"),
        {"tenant": Literal("acme"), "authentication": Basic(Literal(""), TOKEN)},
    ),
    "user name in the values": (
        ("--set", "xscaler.auth.type=basic", "--set", r"xscaler.auth.username=i${file:/x}$$o"),
        {"tenant": Literal("acme"), "authentication": Basic(Literal("i${file:/x}$$o"), TOKEN)},
    ),
    "all in the Secret": (
        (
            *("--set", "xscaler.auth.type=basic,xscaler.auth.existingSecret.usernameKey=user"),
            *("--set", "xscaler.tenantId=,xscaler.auth.existingSecret.tenantIdKey=tenant"),
        ),
        {
            "tenant": File("/etc/xscaler/auth/tenant-id"),
            "authentication": Basic(File("/etc/xscaler/auth/username"), TOKEN),
        },
    ),
    "headers": (
        ("--set-json", f"xscaler.extraHeaders={json.dumps(ODD)}"),
        {
            "tenant": Literal("acme"),
            "headers": tuple(Header(name, Literal(text)) for name, text in ODD.items()),
            "authentication": Bearer(TOKEN),
        },
    ),
    "proxy and authority": (
        ("--set", "xscaler.proxyUrl=http://proxy.example:3128,xscaler.tls.ca.name=ours"),
        {
            "tenant": Literal("acme"),
            "authentication": Bearer(TOKEN),
            "proxy": "http://proxy.example:3128",
            "authority": File("/etc/xscaler/ca/ca.crt"),
        },
    ),
}


@pytest.mark.parametrize("collector", COLLECTORS)
@pytest.mark.parametrize("case", CASES)
def test_destinations_are_read_as_they_are_written(case: str, collector: str) -> None:
    values, said = CASES[case]
    chosen = ("--set", f"logs.enabled=true,metrics.collector={collector}")
    release = Release.of(template("helm4", "-f", str(EXAMPLE), *chosen, *values))
    common = {"headers": (), "proxy": "", "authority": None, **said}
    urls = {
        METRICS: "https://euw1-01.xscalerlabs.com/api/v1/push",
        LOGS: "https://euw1-01.l.xscalerlabs.com/api/v1/logs/push",
    }
    assert release.destinations == {what: Destination(url=url, **common) for what, url in urls.items()}  # type: ignore[arg-type]


@pytest.mark.parametrize("collector", COLLECTORS)
def test_a_token_of_another_program_is_replaced_in_a_local_run(collector: str) -> None:
    file = "xscaler.auth.existingSecret.name=,xscaler.auth.tokenFile=/vault/secrets/token,commonAnnotations.a=b"
    chosen = ("--set", f"logs.enabled=true,metrics.collector={collector},{file}")
    for basic in ((), ("--set", "xscaler.auth.type=basic")):
        release = Release.of(template("helm4", "-f", str(EXAMPLE), *chosen, *basic))
        assert [dict(config.mounts) for config in release.configs] == [{}, {}]
        for config in release.configs:
            changes = config.shipper.overrides(config.text, SURROUNDINGS)
            assert "/vault/secrets/token" not in config.shipper.apply(config.text, changes)
            assert [change.local for change in changes].count(str(SURROUNDINGS.auth_folder / "token")) == 1


def test_what_is_behind_mounted_files() -> None:
    values = (
        *("--set", "xscaler.auth.type=basic,xscaler.auth.existingSecret.usernameKey=user"),
        *("--set", "xscaler.tenantId=,xscaler.auth.existingSecret.tenantIdKey=tenant"),
        *("--set", "xscaler.tls.ca.name=ours,xscaler.tls.ca.key=root.pem,logs.enabled=true"),
    )
    release = Release.of(template("helm4", "-f", str(EXAMPLE), *values))
    secret = ObjectName("Secret", "telemetry", "xscaler-token")
    assert [dict(config.mounts) for config in release.configs] == 2 * [
        {
            "/etc/xscaler/auth/token": Source(secret, "token"),
            "/etc/xscaler/auth/tenant-id": Source(secret, "tenant"),
            "/etc/xscaler/auth/username": Source(secret, "user"),
            "/etc/xscaler/ca/ca.crt": Source(ObjectName("ConfigMap", "telemetry", "ours"), "root.pem"),
        }
    ]
    (metrics, logs) = release.destinations.values()
    assert metrics.files == logs.files == release.configs[0].mounts.keys()


def test_each_configuration_is_parsed_once() -> None:
    release = Release.of(template("helm4", "-f", str(EXAMPLE), "--set", "metrics.shards=2,logs.enabled=true"))
    assert [config.shard for config in release.collectors] == [0, 1]
    assert len(release.jobs) == 2 * len(release.scraping[0].jobs)
    for config in release.configs:
        assert config.tree is config.tree
    assert release.scraping is release.scraping
    assert release.log_reading is release.log_reading


def test_workloads_of_others_are_no_collectors() -> None:
    labels = {"app.kubernetes.io/component": "metrics"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    others = [
        {
            "apiVersion": "apps/v1",
            "kind": kind,
            "metadata": {"name": kind.lower()},
            "spec": {"selector": {"matchLabels": labels}, "template": pod},
        }
        for kind in ("Deployment", "DaemonSet")
    ]
    text = template("helm4", "-f", str(EXAMPLE), "--set-json", f"extraObjects={json.dumps(others)}")
    release = Release.of(text)
    assert {"deployment", "daemonset"} < {item.name for item in release.manifests}
    assert [config.collector for config in release.configs] == ["prometheus"]
