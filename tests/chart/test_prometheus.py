"""The configuration of Prometheus: loaded by the real program, and the wire contract's settings in it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from .conftest import HELMS, ci, of_kind, prometheus_config, template, tool

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT = ("--values", str(ci("default")))


def config(*sets: str) -> dict[str, Any]:
    flags = [word for item in sets for word in ("--set", item)]
    return prometheus_config(template("helm4", *DEFAULT, *flags))


def test_promtool_accepts_every_configuration(helm: str, ci_file: Path, tmp_path: Path) -> None:
    config_maps = of_kind(template(helm, "--values", str(ci_file)), "ConfigMap")
    assert config_maps
    # promtool reads the credential files that a configuration names.
    for name in ("auth/token", "auth/tenant-id", "ca/ca.crt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    for config_map in config_maps:
        text = config_map["data"]["prometheus.yml"].replace("/etc/xscaler", str(tmp_path))
        (tmp_path / "prometheus.yml").write_text(text)
        command = [
            str(tool("promtool")),
            "check",
            "config",
            "--agent",
            "--lint=all",
            "--lint-fatal",
            str(tmp_path / "prometheus.yml"),
        ]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_job_discovers_with_the_same_words() -> None:
    discoveries = [job["kubernetes_sd_configs"] for job in config()["scrape_configs"]]
    assert len(discoveries) == 4
    assert all(discovery == [{"role": "pod"}] for discovery in discoveries)


def test_every_job_asks_for_text_and_keeps_its_own_labels() -> None:
    for job in config()["scrape_configs"]:
        assert job["scrape_protocols"] == ["PrometheusText0.0.4"]
        assert job["honor_labels"] is False


def test_no_external_labels() -> None:
    # They do not replace a label that a page already has: cluster must be a target label.
    assert "external_labels" not in config()["global"]


def test_remote_write_keeps_within_the_limits_and_retries() -> None:
    queue = config()["remote_write"][0]["queue_config"]
    assert queue["max_samples_per_send"] == 2000
    assert queue["retry_on_http_429"] is True
    assert queue["sample_age_limit"] == "2h"


SETTINGS = [
    # (what is set, where it shows, what is there)
    ("metrics.scrapeInterval=45s", "global.scrape_interval", "45s"),
    ("metrics.scrapeTimeout=7s", "global.scrape_timeout", "7s"),
    ("limits.samplesPerRequest=500", "remote_write.0.queue_config.max_samples_per_send", 500),
    ("limits.samplesPerRequest=500", "remote_write.0.metadata_config.max_samples_per_send", 500),
    ("prometheus.queue.maxShards=3", "remote_write.0.queue_config.max_shards", 3),
    ("prometheus.queue.capacity=777", "remote_write.0.queue_config.capacity", 777),
    ("prometheus.queue.sampleAgeLimit=30m", "remote_write.0.queue_config.sample_age_limit", "30m"),
    ("xscaler.region=use1-02", "remote_write.0.url", "https://use1-02.xscalerlabs.com/api/v1/push"),
    ("xscaler.metrics.url=https://a.example/push", "remote_write.0.url", "https://a.example/push"),
    ("xscaler.tenantId=other", "remote_write.0.headers.X-Scope-OrgID", "other"),
    ("xscaler.proxyUrl=http://p:3128", "remote_write.0.proxy_url", "http://p:3128"),
    ("xscaler.auth.type=basic", "remote_write.0.basic_auth.password_file", "/etc/xscaler/auth/token"),
    ("xscaler.auth.type=bearer", "remote_write.0.authorization.credentials_file", "/etc/xscaler/auth/token"),
    ("xscaler.tls.ca.name=ca", "remote_write.0.tls_config.ca_file", "/etc/xscaler/ca/ca.crt"),
]


@pytest.mark.parametrize(("setting", "path", "expected"), SETTINGS, ids=str)
def test_a_setting_shows(setting: str, path: str, expected: object) -> None:
    value: Any = config(setting)
    for key in path.split("."):
        value = value[int(key) if key.isdigit() else key]
    assert value == expected


def test_the_tenant_can_come_from_the_secret() -> None:
    auth = ci("auth")
    remote_write = prometheus_config(template("helm4", "--values", str(auth)))["remote_write"][0]
    assert remote_write["http_headers"] == {"X-Scope-OrgID": {"files": ["/etc/xscaler/auth/tenant-id"]}}
    assert "headers" not in remote_write


@pytest.mark.parametrize("kind", ["proxies", "ztunnel", "istiod", "cni", "agentgateway"])
def test_a_target_kind_has_its_switch(kind: str) -> None:
    def jobs(enabled: str) -> set[str]:
        return {job["job_name"] for job in config(f"metrics.targets.{kind}.enabled={enabled}")["scrape_configs"]}

    assert jobs("true") - jobs("false") == {kind}


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("scrapeInterval=2m", {"scrape_interval": "2m"}),
        # The common timeout is 10s, which Prometheus refuses beside a shorter interval.
        ("scrapeInterval=5s", {"scrape_interval": "5s", "scrape_timeout": "5s"}),
        ("sampleLimit=20000", {"sample_limit": 20000}),
        ("sampleLimit=30000000", {"sample_limit": 30000000}),
        ("bodySizeLimit=50MB", {"body_size_limit": "50MB"}),
    ],
)
@pytest.mark.parametrize("kind", ["proxies", "ztunnel", "istiod", "cni"])
def test_a_target_kind_has_settings_of_its_own(kind: str, setting: str, expected: dict[str, object]) -> None:
    plain = {job["job_name"]: job for job in config()["scrape_configs"]}
    changed = {job["job_name"]: job for job in config(f"metrics.targets.{kind}.{setting}")["scrape_configs"]}
    assert changed == {**plain, kind: {**plain[kind], **expected}}


def test_shards_share_a_configuration_but_for_their_number() -> None:
    text = template("helm4", *DEFAULT, "--set", "metrics.shards=3")
    configs = [item["data"]["prometheus.yml"] for item in of_kind(text, "ConfigMap")]
    for shard, shard_config in enumerate(configs):
        for job in yaml.safe_load(shard_config)["scrape_configs"]:
            assert {"source_labels": ["__tmp_shard"], "regex": str(shard), "action": "keep"} in job["relabel_configs"]
    assert configs[0] == configs[2].replace('regex: "2"', 'regex: "0"')


def test_one_shard_hashes_nothing() -> None:
    assert "hashmod" not in yaml.safe_dump(config())


@pytest.mark.parametrize("helm", HELMS)
def test_the_secret_volume_holds_only_the_keys_in_use(helm: str) -> None:
    auth = ci("auth")
    pod = of_kind(template(helm, "--values", str(auth)), "Deployment")[0]["spec"]["template"]["spec"]
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "auth"]
    keys = {item["key"]: item["path"] for item in volume["secret"]["items"]}
    assert keys == {"api-token": "token", "tenant": "tenant-id"}
