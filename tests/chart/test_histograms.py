"""metrics.histograms: what is scraped, kept and asked in each form of histograms, by each collector."""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.paths import ci
from tests.support.relabel import relabel
from tests.support.rendering import configs, of_kind, parsed, prometheus_config, run_template, template
from xscaler_istio.mesh import topology
from xscaler_istio.mesh.model import Kind
from xscaler_istio.rendered.collectors import COLLECTORS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xscaler_istio.rendered.scraping import Scraping

DEFAULT = ("--values", str(ci("default")))
FORMS = ("classic", "native", "both")
by_collector = pytest.mark.parametrize("collector", COLLECTORS)
JOBS = {Kind.ZTUNNEL: "ztunnel", Kind.ISTIOD: "istiod", Kind.CNI: "cni"}
PARTS = re.compile(r"_(bucket|sum|count)$")
Series = frozenset[tuple[str, str]]


def rendered(form: str, collector: str = "prometheus", *sets: str) -> str:
    flags = (f"metrics.histograms={form}", f"metrics.collector={collector}", *sets)
    return template("helm4", *DEFAULT, *(word for flag in flags for word in ("--set", flag)))


def scraping(form: str, collector: str) -> Scraping:
    (config,) = configs(rendered(form, collector))
    return COLLECTORS[collector].read(config.tree)


@pytest.mark.parametrize("form", FORMS)
@by_collector
def test_a_collector_sends_the_form_that_the_values_name(form: str, collector: str) -> None:
    found = scraping(form, collector)
    assert found.histograms == form
    assert found.carries_native == (form != "classic")


@pytest.mark.parametrize("form", FORMS)
def test_alloy_has_its_experimental_features_only_where_they_are_needed(form: str) -> None:
    (config,) = configs(rendered(form, "alloy"))
    levels = [word for word in config.arguments if "stability" in word]
    assert levels == ([] if form == "classic" else ["--stability.level=experimental"])


@pytest.mark.parametrize("form", FORMS)
def test_opentelemetry_has_the_gate_of_remote_write_2_only_where_it_is_needed(form: str) -> None:
    (config,) = configs(rendered(form, "opentelemetry"))
    gates = [word for word in config.arguments if word.startswith("--feature-gates=")]
    assert sum("RetryOn429" in gate for gate in gates) == 1
    assert sum("enableSendingRW2" in gate for gate in gates) == (form != "classic")


def test_a_request_of_opentelemetry_has_at_most_2000_of_the_smallest_series() -> None:
    # Six labels as references of a byte, a sample of 0, metadata: a series of remote write 2.0 has no fewer bytes.
    smallest = (2 + 2 * 6) + (2 + 7) + 2
    (config,) = configs(rendered("native", "opentelemetry"))
    assert parsed(config)["exporters"]["prometheus_remote_write"]["max_batch_size_bytes"] / smallest <= 2000


@functools.cache
def exposed(job: str) -> frozenset[Series]:
    """Return the series of the pods of a job in the sample mesh, Istio 1.9 to 1.31, with classic histograms."""
    return frozenset(_exposed(job))


def _exposed(job: str) -> Iterator[Series]:
    line = re.compile(rb"(?m)^(\w+)(?:\{(.*)\})?$")
    label = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
    for workload in topology.small():
        if workload.kind is Kind.NON_MESH or JOBS.get(workload.kind, "proxies") != job:
            continue
        for page in topology.pages_of(workload).values():
            for item in page.lines:
                if found := line.match(item.prefix.rsplit(b"\n", 1)[-1]):
                    labels = dict(label.findall((found[2] or b"").decode()))
                    yield frozenset({"__name__": found[1].decode(), **labels}.items())


def converted(series: frozenset[Series]) -> dict[Series, Series]:
    """Return what becomes of series that are converted: a histogram has its base name and no le."""
    bases = {PARTS.sub("", dict(item)["__name__"]) for item in series if "le" in dict(item)}
    found = {}
    for item in series:
        labels = dict(item)
        base = PARTS.sub("", labels["__name__"])
        if base in bases and (base != labels["__name__"]):
            labels = {**{name: value for name, value in labels.items() if name != "le"}, "__name__": base}
        found[item] = frozenset(labels.items())
    return found


def kept(series: frozenset[Series], rules: list[dict[str, Any]]) -> set[Series]:
    # How numbers are spelled is not the subject.
    plain = [rule for rule in rules if rule.get("target_label") not in ("le", "quantile")]
    results = (relabel(dict(item), plain) for item in series)
    return {frozenset(found.items()) for found in results if found is not None}


def rules_of(form: str, *sets: str) -> dict[str, list[dict[str, Any]]]:
    loaded = prometheus_config(rendered(form, "prometheus", *sets))
    return {job["job_name"]: job["metric_relabel_configs"] for job in loaded["scrape_configs"]}


@pytest.mark.parametrize(
    "sets",
    [
        ("metrics.profile=minimal",),
        ("metrics.profile=traffic",),
        ("metrics.profile=dashboards",),
        ("metrics.profile=full",),
        (
            "metrics.profile=minimal",
            "metrics.includeMetrics={envoy_cluster_upstream_cx_connect_ms_(bucket|sum|count),pilot_proxy_queue_time_(count|bucket|sum),"
            "pilot_xds_push_time_(?:sum|bucket|count),pilot_xds_push_time_.*}",
            "metrics.excludeMetrics={istio_response_bytes_.*,istio_request_bytes_(bucket|sum|count)}",
        ),
    ],
    ids=["minimal", "traffic", "dashboards", "full", "by the values"],
)
@pytest.mark.parametrize("job", ["proxies", "ztunnel", "istiod", "cni"])
def test_the_same_histograms_are_kept_in_each_form(job: str, sets: tuple[str, ...]) -> None:
    series = exposed(job)
    native = frozenset(converted(series).values())
    classic = kept(series, rules_of("classic", *sets)[job])
    # A classic histogram of which some buckets stay is a native one with all its buckets.
    expected = set(converted(frozenset(classic)).values())
    assert kept(native, rules_of("native", *sets)[job]) == expected
    assert kept(series | native, rules_of("both", *sets)[job]) == classic | expected
    # The istio-cni pods of the sample mesh have nothing that `minimal` keeps.
    assert classic or job == "cni"


@by_collector
def test_native_histograms_keep_all_their_buckets(collector: str) -> None:
    def thins(form: str) -> bool:
        rules = (rule for job in scraping(form, collector).jobs for rule in job.metric_rules)
        return any(rule.action == "drop" and "le" in rule.source_labels for rule in rules)

    assert [thins(form) for form in FORMS] == [True, False, True]


def test_the_label_budget_has_room_for_one_label_more() -> None:
    labels = (
        "--set-json",
        'cluster.labels={"a":"1","b":"2","c":"3"}',
        "--set",
        "metrics.targets.ztunnel.enabled=false",
    )

    def refused(form: str) -> bool:
        done = run_template("helm4", *DEFAULT, *labels, "--set", f"metrics.histograms={form}")
        return "istio_request_duration_milliseconds_bucket" in done.stderr

    assert [refused(form) for form in FORMS] == [True, False, True]


def expressions(form: str) -> dict[str, str]:
    """Return every expression of dashboards and alerts, by where it is."""
    text = rendered(form, "prometheus", "dashboards.enabled=true", "prometheusRule.enabled=true")
    boards = [item for item in of_kind(text, "ConfigMap") if "-dashboard-" in item["metadata"]["name"]]
    found: dict[str, str] = {}
    for board in boards:
        for file, content in board["data"].items():
            found.update(_targets(json.loads(content), file))
    (rules,) = of_kind(text, "PrometheusRule")
    found.update({rule["alert"]: rule["expr"] for group in rules["spec"]["groups"] for rule in group["rules"]})
    return found


def _targets(node: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        if isinstance(node.get("expr"), str):
            yield place, node["expr"]
        for key, child in node.items():
            yield from _targets(child, f"{place}/{key}")
    if isinstance(node, list):
        for number, child in enumerate(node):
            yield from _targets(child, f"{place}/{number}")


def test_dashboards_and_alerts_ask_for_the_form_that_is_sent() -> None:
    classic, native, both = (expressions(form) for form in FORMS)
    # The classic ones have the longer history.
    assert both == classic
    assert native.keys() == classic.keys()
    changed = {place for place in classic if classic[place] != native[place]}
    parts = re.compile(
        r"\w+_bucket\b|\ble\b|(?:istio_(?:request|response)_bytes|http_client_request_duration)_(?:sum|count)\b"
    )
    assert changed == {place for place, expression in classic.items() if parts.search(expression)}
    assert len(changed) > 20
    assert {place: expression for place, expression in native.items() if parts.search(expression)} == {}


def test_an_alert_in_its_native_form() -> None:
    asked = (
        'histogram_quantile(0.99,sumby(cluster)(rate(pilot_proxy_convergence_time{job="integrations/istio"}[5m])))>10'
    )
    assert re.sub(r"\s+", "", expressions("native")["IstioSlowConvergence"]) == asked
