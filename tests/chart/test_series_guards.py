"""What is near to merging series, breaking a histogram or exceeding the label budget (refusals.yaml), and admitted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.paths import CHART, ci
from tests.support.relabel import relabel
from tests.support.rendering import prometheus_config, run_template, template

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT = ("--values", str(ci("default")))
FACTS = yaml.safe_load((CHART / "files/labels.yaml").read_text())


# One more than there is room for.
THREE = ("--set-json", 'cluster.labels={"a":"1","b":"2","c":"3"}')


def refusal(metrics: dict[str, Any], *more: str) -> str:
    """Return what Helm says of this block `metrics`; empty when it renders."""
    return run_template("helm4", *DEFAULT, "--set-json", f"metrics={json.dumps(metrics)}", *more).stderr


def rule(**words: object) -> dict[str, Any]:
    return {"extraMetricRelabelConfigs": [words]}


ADMITTED = [
    rule(action="labeldrop", regex="request_host"),
    rule(action="drop", source_labels=["__name__"], regex="istio_request_bytes_.*"),
    rule(action="drop", source_labels=["__name__", "le"], regex="istio_request_duration_milliseconds_bucket;(0.5|1)"),
    rule(action="drop", source_labels=["destination_workload_namespace"], regex="kube-system"),
    rule(source_labels=["request_path"], regex="(.{200}).+", target_label="request_path"),
    {"includeMetrics": ["citadel_server_csr_count", "envoy_cluster_upstream_rq_time_(bucket|sum|count)"]},
    {"includeMetrics": ["a_bucket", "a_sum", "a_count"]},
    # Something is left: what else there is, what was added, or what no name could be found for.
    {"profile": "minimal", "excludeMetrics": ["istio_.*"]},
    {"profile": "full", "excludeMetrics": ["(istio|envoy)_.*"]},
    {"excludeMetrics": ["(istio|envoy|pilot|citadel|galley)_.*"], "includeMetrics": ["a_total"]},
    rule(action="keep", source_labels=["__name__"], regex=".*_response_messages_total"),
    rule(action="keep", source_labels=["__name__"], regex="envoy_[a-z]+_live"),
]


@pytest.mark.parametrize("metrics", ADMITTED, ids=json.dumps)
def test_it_is_admitted(metrics: dict[str, Any]) -> None:
    assert refusal(metrics) == ""


def test_two_labels_of_the_cluster_are_admitted() -> None:
    assert refusal({}, "--set-json", 'cluster.labels={"a":"1","b":"2"}') == ""


def test_custom_tags_count_on_proxies_and_not_on_ztunnel() -> None:
    assert refusal({"shards": 1}, "--set", "istio.customTags={a,b}") == ""
    said = refusal({}, "--set", "istio.customTags={a,b}", "--set", "cluster.labels.env=prod")
    assert "the job proxies would have more labels" in said
    assert "ztunnel" not in said


def test_a_plan_with_more_labels_admits_more() -> None:
    assert refusal({}, *THREE, "--set", "xscaler.limits.labelsPerSeries=40") == ""


def test_a_job_that_is_off_is_not_counted() -> None:
    assert "ztunnel" not in refusal({"targets": {"ztunnel": {"enabled": False}}}, *THREE)


def worst(job: str) -> dict[str, int]:
    return {
        family: len({label for group in groups for label in FACTS["groups"][group]})
        for family, groups in FACTS["families"][job].items()
    }


def test_the_worst_cases_fill_the_budget_and_no_more() -> None:
    # tests/pipeline/test_series.py sees the same numbers arrive.
    assert max(worst("proxies").values()) == 28
    assert max(worst("ztunnel").values()) == 30


def rules(metrics: dict[str, Any], job: str) -> list[dict[str, Any]]:
    block = json.dumps({"shards": 1, **metrics})
    config = prometheus_config(template("helm4", *DEFAULT, "--set-json", f"metrics={block}"))
    (found,) = [item["relabel_configs"] for item in config["scrape_configs"] if item["job_name"] == job]
    return list(found)


def scraped(found: list[dict[str, Any]], namespace: str, **annotations: str) -> str:
    """Return the address at which a proxy is scraped, empty for not at all."""
    return address(found, namespace, {"__meta_kubernetes_pod_container_name": "istio-proxy"}, annotations)


def address(
    found: list[dict[str, Any]], namespace: str, kind: Mapping[str, str], annotations: Mapping[str, str]
) -> str:
    """Return the address at which a pod with the labels of its kind is scraped, empty for not at all."""
    pod = {
        "__meta_kubernetes_pod_phase": "Running",
        "__meta_kubernetes_pod_ip": "10.0.0.1",
        "__meta_kubernetes_namespace": namespace,
        **kind,
        **{f"__meta_kubernetes_pod_annotation_{key}": value for key, value in annotations.items()},
    }
    return (relabel(pod, found) or {}).get("__address__", "")


NAMESPACES = ("team-a", "team-b", "kube-system", "a")


@pytest.mark.parametrize(
    ("namespaces", "kept"),
    [
        ({}, set(NAMESPACES)),
        ({"include": ["team-*"]}, {"team-a", "team-b"}),
        ({"exclude": ["kube-*", "a"]}, {"team-a", "team-b"}),
        ({"include": ["team-*", "a"], "exclude": ["team-b"]}, {"team-a", "a"}),
    ],
    ids=("all", "some", "not some", "both"),
)
def test_namespaces_choose_among_the_proxies(namespaces: dict[str, Any], kept: set[str]) -> None:
    found = rules({"namespaces": namespaces}, "proxies")
    assert {name for name in NAMESPACES if scraped(found, name)} == kept


@pytest.mark.parametrize("job", ["istiod", "ztunnel", "cni"])
def test_namespaces_leave_the_other_jobs_alone(job: str) -> None:
    assert rules({"namespaces": {"include": ["x"], "exclude": ["y"]}}, job) == rules({}, job)


def test_the_proxies_port_is_15020_or_envoys_own() -> None:
    own_port = {"status_sidecar_istio_io_port": "15444"}
    assert scraped(rules({}, "proxies"), "n") == "10.0.0.1:15020"
    assert scraped(rules({}, "proxies"), "n", **own_port) == "10.0.0.1:15444"
    envoy = rules({"targets": {"proxies": {"port": 15090}}}, "proxies")
    assert scraped(envoy, "n") == "10.0.0.1:15090"
    assert scraped(envoy, "n", **own_port) == "10.0.0.1:15090"


PORTS = {"istiod": 15014, "cni": 15014, "ztunnel": 15020, "agentgateway": 15020}
CONTAINERS = {"istiod": "discovery", "cni": "install-cni", "ztunnel": "istio-proxy", "agentgateway": "agentgateway"}


def monitored(found: list[dict[str, Any]], job: str, **annotations: str) -> str:
    """Return the address at which these rules scrape a pod of a kind."""
    kind = {
        "__meta_kubernetes_pod_container_name": CONTAINERS[job],
        "__meta_kubernetes_pod_label_app": job,
    }
    return address(found, "n", kind, annotations)


@pytest.mark.parametrize("job", PORTS)
def test_a_monitoring_port_is_the_one_that_the_pod_names(job: str) -> None:
    own = yaml.safe_load((CHART / f"files/jobs/{job}.yaml").read_text())["relabel_configs"]
    found = [*own, *yaml.safe_load((CHART / "files/rules/targets.yaml").read_text())]
    usual = f"10.0.0.1:{PORTS[job]}"
    assert monitored(found, job) == usual
    assert monitored(found, job, prometheus_io_port="15027") == "10.0.0.1:15027"
    assert monitored(found, job, prometheus_io_port="15027", prometheus_io_path="/metrics") == "10.0.0.1:15027"
    # An annotation about something else, or not a port.
    assert monitored(found, job, prometheus_io_port="15027", prometheus_io_path="/other") == usual
    assert monitored(found, job, prometheus_io_port="0") == usual
    assert monitored(found, job, prometheus_io_port="http") == usual


@pytest.mark.parametrize("port", [15014, 15028])
def test_a_port_of_the_values_applies_whatever_the_pod_names(port: int) -> None:
    # Istio's chart writes 15014 into the annotation also where arguments set another port.
    found = rules({"targets": {"istiod": {"port": port}}}, "istiod")
    assert monitored(found, "istiod", prometheus_io_port="15027") == f"10.0.0.1:{port}"


def test_agents_are_scraped_where_they_serve_metrics() -> None:
    found = rules({"targets": {"proxies": {"port": 15090}, "agents": {"enabled": True}}}, "agents")
    injected = {"prometheus_io_path": "/stats/prometheus"}
    assert scraped(found, "n") == "10.0.0.1:15020"
    assert scraped(found, "n", **injected, prometheus_io_port="15999") == "10.0.0.1:15999"
    assert scraped(found, "n", **injected, prometheus_io_port="15090") == "10.0.0.1:15020"
    assert scraped(found, "n", status_sidecar_istio_io_port="15444") == "10.0.0.1:15444"
    assert scraped(found, "n", status_sidecar_istio_io_port="0") == ""


LABELS_OF_ISTIO = {label for group in FACTS["groups"].values() for label in group}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([*sorted(LABELS_OF_ISTIO), "my_tag", "x"]), min_size=1, max_size=3, unique=True))
def test_a_labeldrop_is_refused_exactly_when_it_takes_a_label_of_istio(names: list[str]) -> None:
    assert bool(refusal(rule(action="labeldrop", regex="|".join(names)))) == bool(LABELS_OF_ISTIO & set(names))
