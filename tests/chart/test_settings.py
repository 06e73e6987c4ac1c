"""Every setting shows in the configuration of every collector: one row a setting, one column a collector."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
import yaml

from tests.support.paths import CHART, ci
from tests.support.rendering import configs, of_kind, parsed, template
from xscaler_istio.rendered.collectors import COLLECTORS

DEFAULT = ("--values", str(ci("default")))
ABSENT = "absent"
SCRAPES = ('prometheus.scrape "cni"', 'prometheus.scrape "istiod"', 'prometheus.scrape "proxies"')
ENDPOINT = 'prometheus.remote_write "xscaler"/endpoint'
EXPORTER = "exporters/prometheus_remote_write"
RECEIVER = "receivers/prometheus/config"
ELSEWHERE = "xscaler.auth.existingSecret.name=,xscaler.auth.tokenFile=/vault/secrets/token,pod.annotations.a=b"


@dataclasses.dataclass(frozen=True)
class Row:
    """What is set, and by collector where it shows (steps joined by /) and as what."""

    sets: str
    prometheus: tuple[str, object]
    alloy: tuple[str, object]
    opentelemetry: tuple[str, object]


def the_same_queue(key: str, value: str, setting: str, alloy: object, prometheus: object, c: tuple[str, object]) -> Row:
    return Row(
        f"COLLECTOR.queue.{key}={value}",
        (f"remote_write/0/queue_config/{setting}", prometheus),
        (f"{ENDPOINT}/queue_config/{setting}", alloy),
        c,
    )


ROWS = [
    Row(
        "metrics.scrapeInterval=45s",
        ("global/scrape_interval", "45s"),
        (f"{SCRAPES[0]}/scrape_interval", '"45s"'),
        (f"{RECEIVER}/global/scrape_interval", "45s"),
    ),
    Row(
        "metrics.scrapeTimeout=7s",
        ("global/scrape_timeout", "7s"),
        (f"{SCRAPES[2]}/scrape_timeout", '"7s"'),
        (f"{RECEIVER}/global/scrape_timeout", "7s"),
    ),
    Row(
        "xscaler.limits.samplesPerRequest=500",
        ("remote_write/0/queue_config/max_samples_per_send", 500),
        (f"{ENDPOINT}/queue_config/max_samples_per_send", "500"),
        (f"{EXPORTER}/max_batch_size_bytes", 62500),
    ),
    # It counts points here and bytes above, since neither limits the samples of a request for itself.
    Row(
        "xscaler.limits.samplesPerRequest=500",
        ("remote_write/0/queue_config/max_samples_per_send", 500),
        (f"{ENDPOINT}/queue_config/max_samples_per_send", "500"),
        ("processors/batch/send_batch_max_size", 500),
    ),
    Row(
        "xscaler.limits.samplesPerRequest=500",
        ("remote_write/0/metadata_config/max_samples_per_send", 500),
        (f"{ENDPOINT}/metadata_config/max_samples_per_send", "500"),
        # It sends no metadata.
        (f"{EXPORTER}/send_metadata", ABSENT),
    ),
    the_same_queue("maxShards", "3", "max_shards", "3", 3, (f"{EXPORTER}/max_batch_request_parallelism", 3)),
    the_same_queue("capacity", "777", "capacity", "777", 777, (f"{EXPORTER}/remote_write_queue/queue_size", 777)),
    the_same_queue(
        "sampleAgeLimit",
        "30m",
        "sample_age_limit",
        '"30m"',
        "30m",
        (f"{EXPORTER}/retry_on_failure/max_elapsed_time", "30m"),
    ),
    Row(
        "xscaler.region=use1-02",
        ("remote_write/0/url", "https://use1-02.xscalerlabs.com/api/v1/push"),
        (f"{ENDPOINT}/url", '"https://use1-02.xscalerlabs.com/api/v1/push"'),
        (f"{EXPORTER}/http/endpoint", "https://use1-02.xscalerlabs.com/api/v1/push"),
    ),
    Row(
        "xscaler.metrics.url=https://a.example/$1",
        ("remote_write/0/url", "https://a.example/$1"),
        (f"{ENDPOINT}/url", '"https://a.example/$1"'),
        (f"{EXPORTER}/http/endpoint", "https://a.example/$$1"),
    ),
    Row(
        "xscaler.tenantId=other",
        ("remote_write/0/http_headers/X-Scope-OrgID/values/0", "other"),
        (f"{ENDPOINT}/headers", '{"X-Scope-OrgID" = "other"}'),
        (f"{EXPORTER}/http/headers/X-Scope-OrgID", "other"),
    ),
    Row(
        "xscaler.tenantId=,xscaler.auth.existingSecret.tenantIdKey=t",
        ("remote_write/0/http_headers/X-Scope-OrgID/files/0", "/etc/xscaler/auth/tenant-id"),
        (f"{ENDPOINT}/headers", '{"X-Scope-OrgID" = string.trim_space(local.file.tenant.content)}'),
        (f"{EXPORTER}/http/headers/X-Scope-OrgID", "${file:/etc/xscaler/auth/tenant-id}"),
    ),
    Row(
        "xscaler.proxyUrl=http://p:3128",
        ("remote_write/0/proxy_url", "http://p:3128"),
        (f"{ENDPOINT}/proxy_url", '"http://p:3128"'),
        (f"{EXPORTER}/http/proxy_url", "http://p:3128"),
    ),
    Row(
        "xscaler.extraHeaders.X-Team=mesh",
        ("remote_write/0/http_headers/X-Team/values/0", "mesh"),
        (f"{ENDPOINT}/headers", '{"X-Scope-OrgID" = "acme", "X-Team" = "mesh"}'),
        (f"{EXPORTER}/http/headers/X-Team", "mesh"),
    ),
    Row(
        "xscaler.auth.type=basic",
        ("remote_write/0/basic_auth/password_file", "/etc/xscaler/auth/token"),
        (f"{ENDPOINT}/basic_auth/password_file", '"/etc/xscaler/auth/token"'),
        ("extensions/basicauth/client_auth/password_file", "/etc/xscaler/auth/token"),
    ),
    Row(
        "xscaler.auth.type=basic,xscaler.auth.username=u$1",
        ("remote_write/0/basic_auth/username", "u$1"),
        (f"{ENDPOINT}/basic_auth/username", '"u$1"'),
        ("extensions/basicauth/client_auth/username", "u$$1"),
    ),
    Row(
        "xscaler.auth.type=basic,xscaler.auth.existingSecret.usernameKey=user",
        ("remote_write/0/basic_auth/username_file", "/etc/xscaler/auth/username"),
        (f"{ENDPOINT}/basic_auth/username", "string.trim_space(local.file.username.content)"),
        ("extensions/basicauth/client_auth/username_file", "/etc/xscaler/auth/username"),
    ),
    Row(
        "xscaler.auth.type=bearer",
        ("remote_write/0/authorization/credentials_file", "/etc/xscaler/auth/token"),
        (f"{ENDPOINT}/authorization/credentials_file", '"/etc/xscaler/auth/token"'),
        ("extensions/bearertokenauth/filename", "/etc/xscaler/auth/token"),
    ),
    Row(
        ELSEWHERE,
        ("remote_write/0/authorization/credentials_file", "/vault/secrets/token"),
        (f"{ENDPOINT}/authorization/credentials_file", '"/vault/secrets/token"'),
        ("extensions/bearertokenauth/filename", "/vault/secrets/token"),
    ),
    Row(
        f"{ELSEWHERE},xscaler.auth.type=basic",
        ("remote_write/0/basic_auth/password_file", "/vault/secrets/token"),
        (f"{ENDPOINT}/basic_auth/password_file", '"/vault/secrets/token"'),
        ("extensions/basicauth/client_auth/password_file", "/vault/secrets/token"),
    ),
    Row(
        "xscaler.tls.ca.name=ca",
        ("remote_write/0/tls_config/ca_file", "/etc/xscaler/ca/ca.crt"),
        (f"{ENDPOINT}/tls_config/ca_file", '"/etc/xscaler/ca/ca.crt"'),
        (f"{EXPORTER}/http/tls/ca_file", "/etc/xscaler/ca/ca.crt"),
    ),
    # What holds whatever is set.
    Row(
        "metrics.shards=1",
        ("remote_write/0/queue_config/retry_on_http_429", True),
        (f"{ENDPOINT}/queue_config/retry_on_http_429", "true"),
        (f"{EXPORTER}/target_info/enabled", False),
    ),
    Row(
        "metrics.shards=1",
        # They do not replace a label that a page already has: cluster must be a target label.
        ("global/external_labels", ABSENT),
        ('prometheus.remote_write "xscaler"/external_labels', ABSENT),
        (f"{EXPORTER}/external_labels", ABSENT),
    ),
]
# One kind of targets: (its setting, what its scrape then says in Prometheus' words, the same in Alloy's).
TARGET_ROWS = [
    ("scrapeInterval=2m", {"scrape_interval": "2m"}, {"scrape_interval": '"2m"'}),
    # The common timeout is 10s, which Prometheus refuses beside a shorter interval.
    (
        "scrapeInterval=5s",
        {"scrape_interval": "5s", "scrape_timeout": "5s"},
        {"scrape_interval": '"5s"', "scrape_timeout": '"5s"'},
    ),
    ("sampleLimit=20000", {"sample_limit": 20000}, {"sample_limit": "20000"}),
    ("sampleLimit=30000000", {"sample_limit": 30000000}, {"sample_limit": "30000000"}),
    ("bodySizeLimit=50MB", {"body_size_limit": "50MB"}, {"body_size_limit": '"50MB"'}),
]


def config(collector: str, *sets: str) -> dict[str, Any]:
    words = [word for item in (f"metrics.collector={collector}", *sets) for word in ("--set", item)]
    return parsed(configs(template("helm4", *DEFAULT, *words))[0])


def at(node: Any, path: str) -> object:
    for step in path.split("/"):
        try:
            node = node[int(step) if isinstance(node, list) else step]
        except KeyError:
            return ABSENT
    return node


def scrapes(collector: str, *sets: str) -> dict[str, dict[str, Any]]:
    """Return what is said of each scrape but its rules, by job."""
    loaded = config(collector, *sets)
    if collector == "alloy":
        prefix = 'prometheus.scrape "'
        return {key[len(prefix) : -1]: value for key, value in loaded.items() if key.startswith(prefix)}
    receiver = at(loaded, RECEIVER) if collector == "opentelemetry" else loaded
    assert isinstance(receiver, dict)
    return {job["job_name"]: job for job in receiver["scrape_configs"]}


def test_there_is_a_column_for_every_collector() -> None:
    assert [field.name for field in dataclasses.fields(Row)[1:]] == list(COLLECTORS)


@pytest.mark.parametrize("collector", COLLECTORS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.sets)
def test_a_setting_shows(row: Row, collector: str) -> None:
    path, expected = getattr(row, collector)
    sets = row.sets.replace("COLLECTOR", collector).split(",")
    assert at(config(collector, *sets), path) == expected


@pytest.mark.parametrize("collector", COLLECTORS)
@pytest.mark.parametrize("kind", ["proxies", "ztunnel", "istiod", "cni", "agentgateway"])
def test_a_target_kind_has_its_switch(kind: str, collector: str) -> None:
    on, off = (scrapes(collector, f"metrics.targets.{kind}.enabled={word}").keys() for word in ("true", "false"))
    assert on - off == {kind}


@pytest.mark.parametrize("collector", COLLECTORS)
def test_agents_are_scraped_apart_from_envoy(collector: str) -> None:
    apart = "metrics.targets.proxies.port=15090,metrics.targets.agents.enabled=true"
    assert scrapes(collector, apart).keys() - scrapes(collector).keys() == {"agents"}


@pytest.mark.parametrize("collector", COLLECTORS)
def test_the_release_itself_has_its_switch(collector: str) -> None:
    on, off = (scrapes(collector, f"selfMonitoring.enabled={word}").keys() for word in ("true", "false"))
    assert on - off == {"self"}


@pytest.mark.parametrize("collector", COLLECTORS)
def test_the_release_s_pods_are_scraped_at_the_port_of_their_service(collector: str) -> None:
    text = template("helm4", *DEFAULT, "--set", f"metrics.collector={collector},logs.enabled=true")
    specs = [item["spec"] for item in of_kind(text, "Service")]
    ports = {spec["selector"]["app.kubernetes.io/component"]: str(spec["ports"][0]["port"]) for spec in specs}
    loaded = config(collector)
    if collector == "alloy":
        rules = [rule for key, rule in loaded['discovery.relabel "self"'].items() if key.startswith("rule")]
    else:
        rules = scrapes(collector)["self"]["relabel_configs"]
    chosen = [rule["replacement"] for rule in rules if str(rule.get("target_label")).strip('"') == "__tmp_port"]
    # The log agent's, and for the component metrics the collector's.
    assert [port.strip('"') for port in chosen] == [ports["logs"], ports["metrics"]]


@pytest.mark.parametrize("collector", COLLECTORS)
@pytest.mark.parametrize("row", TARGET_ROWS, ids=lambda row: row[0])
@pytest.mark.parametrize("kind", ["proxies", "ztunnel", "istiod", "cni"])
def test_a_target_kind_has_settings_of_its_own(
    kind: str, row: tuple[str, dict[str, object], dict[str, object]], collector: str
) -> None:
    setting, in_prometheus, in_alloy = row
    expected = in_alloy if collector == "alloy" else in_prometheus
    plain = scrapes(collector)
    assert scrapes(collector, f"metrics.targets.{kind}.{setting}") == {**plain, kind: {**plain[kind], **expected}}


@pytest.mark.parametrize("collector", COLLECTORS)
def test_shards_share_a_configuration_but_for_their_number(collector: str) -> None:
    sets = ("--set", "metrics.shards=3", "--set", f"metrics.collector={collector}")
    first, _, last = (config.text for config in configs(template("helm4", *DEFAULT, *sets)))
    word = 'regex = "%s"' if collector == "alloy" else "regex: '%s'"
    assert first != last
    assert first == last.replace(word % 2, word % 0)


@pytest.mark.parametrize("collector", COLLECTORS)
def test_one_shard_hashes_nothing(collector: str) -> None:
    assert "hashmod" not in configs(template("helm4", *DEFAULT, "--set", f"metrics.collector={collector}"))[0].text


@pytest.mark.parametrize(
    ("collector", "path", "on"), [("prometheus", "remote_write/0", True), ("alloy", ENDPOINT, "true")]
)
def test_a_proxy_is_that_of_the_values_or_of_the_environment(collector: str, path: str, on: object) -> None:
    assert at(config(collector), f"{path}/proxy_from_environment") == on
    own = config(collector, "xscaler.proxyUrl=http://p:3128,xscaler.noProxy={.a.example,10.0.0.0/8}")
    assert at(own, f"{path}/proxy_from_environment") is ABSENT
    assert str(at(own, f"{path}/no_proxy")).strip('"') == ".a.example,10.0.0.0/8"


def test_opentelemetry_embeds_the_same_jobs() -> None:
    doubled = json.dumps(scrapes("opentelemetry"))
    # Each finds its own pods, at its own port.
    single = doubled.replace("$$", "$").replace('"8888"', '"9090"')
    assert json.loads(single) == {name: without_number_rules(job) for name, job in scrapes("prometheus").items()}


def without_number_rules(job: dict[str, Any]) -> dict[str, Any]:
    """Return a job without the rules that OpenTelemetry's exporter makes needless."""
    rules = yaml.safe_load((CHART / "files/rules/plain-numbers.yaml").read_text())
    needless = [{key: value for key, value in rule.items() if key != "why"} for rule in rules]
    return {**job, "metric_relabel_configs": [rule for rule in job["metric_relabel_configs"] if rule not in needless]}


@pytest.mark.parametrize(("label", "needed"), [("le", True), ("quantile", True), ("response_code", False)])
def test_rules_of_the_values_see_the_same_numbers_in_every_collector(label: str, needed: bool) -> None:
    rule = {"action": "replace", "source_labels": [label], "regex": "500", "target_label": "tier", "replacement": "a"}
    sets = ("--set-json", f"metrics.extraMetricRelabelConfigs={json.dumps([rule])}")
    flags = (*DEFAULT, "--set", "metrics.collector=opentelemetry", *sets)
    ours = yaml.safe_load(configs(template("helm4", *flags))[0].text)
    receiver = at(ours, RECEIVER)
    assert isinstance(receiver, dict)
    (proxies,) = (job for job in receiver["scrape_configs"] if job["job_name"] == "proxies")
    targets = [rule.get("target_label") for rule in proxies["metric_relabel_configs"]]
    assert ("le" in targets) is needed
