"""Bad values: one clear error that names the key and shows the YAML, from either Helm."""

from __future__ import annotations

import pytest

from .conftest import ci, run_template, template

DEFAULT = ("--values", str(ci("default")))

RULES = [
    # (what is set on top of the ten-line values, what the error says)
    (
        "cluster.name=",
        "cluster.name is empty. It becomes the cluster label of every series. Set:\n  cluster:\n    name: prod-1",
    ),
    (
        "xscaler.region=",
        "xscaler.region is empty. It says which xScaler host takes the metrics. Set:\n  xscaler:\n    region: euw1-01",
    ),
    (
        "xscaler.tenantId=",
        "xscaler.tenantId is empty. xScaler refuses requests without it. Set:\n  xscaler:\n    tenantId: my-tenant",
    ),
    (
        "xscaler.auth.existingSecret.tenantIdKey=tenant",
        "xscaler.tenantId and xscaler.auth.existingSecret.tenantIdKey are both set. Remove one of them.",
    ),
    (
        "xscaler.auth.existingSecret.name=",
        "xscaler.auth.existingSecret.name is empty. Make a Secret with the token and name it:\n"
        "  kubectl create secret generic xscaler-token --namespace telemetry --from-literal=token=YOUR_TOKEN",
    ),
    (
        "xscaler.auth.token=t",
        "xscaler.auth.token and xscaler.auth.existingSecret.name are both set. Remove one of them; "
        "keep existingSecret in production.",
    ),
    (
        "xscaler.metrics.url=https://user:pass@a.example/push",
        "xscaler.metrics.url holds a user name or password, which would be readable in a ConfigMap.",
    ),
    (
        "xscaler.metrics.url=http://a.example/push",
        "xscaler.metrics.url is http, so the token would travel in clear text.",
    ),
    (
        "xscaler.extraHeaders.authorization=x",
        "xscaler.extraHeaders.authorization is a header that the collector sets itself. Remove it;",
    ),
    (
        "xscaler.extraHeaders.X Team=mesh",
        'xscaler.extraHeaders has "X Team", which is no header: a name has letters, digits and dashes, a value',
    ),
    ("extraObjects={nothing}", "extraObjects.0 is not one object with apiVersion, kind and metadata."),
    (
        "platform=eks-fargate,logs.enabled=true",
        "logs.source is files, and platform eks-fargate runs no DaemonSet that could read them. Set, or source: both"
        " where there are\nother nodes too:\n  logs:\n    source: api",
    ),
    (
        "xscaler.logs.url=https://user:pass@a.example/push",
        "xscaler.logs.url holds a user name or password, which would be readable in a ConfigMap. Use xscaler.auth",
    ),
    (
        "xscaler.logs.url=http://a.example/push",
        "xscaler.logs.url is http, so the token would travel in clear text. Use https, or for a test backend set:\n"
        "  xscaler:\n    allowInsecureHttp: true",
    ),
    (
        "xscaler.region=,logs.enabled=true",
        "xscaler.region is empty. It says which xScaler host takes the metrics and the logs. Set:",
    ),
    (
        "xscaler.region=,logs.enabled=true,metrics.collector=none",
        "xscaler.region is empty. It says which xScaler host takes the logs. Set:",
    ),
    (
        "logAgent.queue.batchSize=2MiB",
        "logAgent.queue.batchSize (2MiB) is larger than logAgent.queue.capacity (1MiB): no batch would fit. Set:\n"
        "  logAgent:\n    queue:\n      capacity: 2MiB",
    ),
    (
        "xscaler.proxyUrl=http://user:pass@a.example",
        "xscaler.proxyUrl holds a user name or password, which would be readable in a ConfigMap.",
    ),
    (
        "xscaler.proxyUrl=http://user@a.example",
        "xscaler.proxyUrl holds a user name or password, which would be readable in a ConfigMap.",
    ),
    (
        "metrics.scrapeInterval=301s",
        "metrics.scrapeInterval is 301s, and a query looks back 5 minutes: graphs would have gaps. Use 2m or less.",
    ),
    (
        "metrics.targets.cni.scrapeInterval=1h",
        "metrics.targets.cni.scrapeInterval is 1h, and a query looks back 5 minutes: graphs would have gaps.",
    ),
    (
        "metrics.scrapeInterval=5s",
        "(5s). Set:\n  metrics:\n    scrapeTimeout: 5s",
    ),
    (
        "metrics.targets.proxies.enabled=false,metrics.targets.ztunnel.enabled=false,"
        "metrics.targets.istiod.enabled=false,metrics.targets.cni.enabled=false",
        "metrics.targets has nothing enabled, so nothing would be scraped.",
    ),
    (
        "metrics.collector=opentelemetry,opentelemetry.persistence.enabled=true",
        "opentelemetry.persistence.enabled is true, but this collector keeps nothing on disk. Set:\n"
        "  opentelemetry:\n    persistence:\n      enabled: false",
    ),
]


@pytest.mark.parametrize(("setting", "message"), RULES, ids=[setting.split("=")[0] for setting, _ in RULES])
def test_a_rule_names_the_key_and_the_fix(helm: str, setting: str, message: str) -> None:
    done = run_template(helm, *DEFAULT, "--set", setting)
    assert done.returncode == 1
    assert "the values need changes:" in done.stderr
    assert message in done.stderr


def test_all_that_is_missing_is_said_at_once(helm: str) -> None:
    done = run_template(helm)
    assert done.returncode == 1
    assert "the values need changes:" in done.stderr
    for key in ("cluster.name", "xscaler.region", "xscaler.tenantId", "xscaler.auth.existingSecret.name"):
        assert f"{key} is empty." in done.stderr


@pytest.mark.parametrize(
    "setting",
    [
        "xscaler.metrics.url=http://a.example/push,xscaler.allowInsecureHttp=true",
        "metrics.scrapeInterval=10s",
    ],
)
def test_what_a_rule_asks_for_is_enough(setting: str) -> None:
    assert template("helm4", *DEFAULT, "--set", setting)


SCHEMA = [
    # (what is set, what the schema's error mentions)
    ("metrics.collector=vector", "collector"),
    ("metrics.profile=all", "profile"),
    ("metrics.scrapeIntervall=30s", "scrapeIntervall"),
    ("metrics.scrapeInterval=fast", "scrapeInterval"),
    ("metrics.shards=0", "shards"),
    ("metrics.targets.sidecars.enabled=true", "sidecars"),
    ("xscaler.token=abc", "token"),
    ("xscaler.tenantId=5", "tenantId"),
    ("xscaler.region=EUW1.xscalerlabs.com", "region"),
    ("xscaler.metrics.url=ftp://x", "url"),
    ("prometheus.image.digest=sha256:1", "digest"),
    ("clusterName=x", "clusterName"),
]


@pytest.mark.parametrize(("setting", "mention"), SCHEMA, ids=[setting for setting, _ in SCHEMA])
def test_the_schema_refuses(helm: str, setting: str, mention: str) -> None:
    done = run_template(helm, *DEFAULT, "--set", setting)
    assert done.returncode == 1
    assert "schema" in done.stderr
    assert mention in done.stderr


@pytest.mark.parametrize("setting", ["global.image.registry=x", "enabled=true", "x-anchors.a=1"])
def test_the_schema_admits_what_umbrella_charts_and_anchors_need(helm: str, setting: str) -> None:
    assert template(helm, *DEFAULT, "--set", setting)
