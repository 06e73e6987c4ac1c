"""What the metric relabelling rules do to series: budget, profiles, whole histograms, plain numbers."""

from __future__ import annotations

import decimal
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.paths import CHART, ci
from tests.support.relabel import relabel
from tests.support.rendering import prometheus_config, template
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.rendered.release import Release

DEFAULT = ("--values", str(ci("default")))
PROFILES = ("minimal", "traffic", "dashboards", "full")
PAGE_METRICS = (
    "istio_requests_total",
    "istio_request_duration_milliseconds_bucket",
    "istio_request_duration_milliseconds_sum",
    "istio_request_duration_milliseconds_count",
    "istio_request_bytes_sum",
    "istio_request_bytes_count",
    "istio_response_bytes_sum",
    "istio_response_bytes_count",
    "istio_tcp_connections_opened_total",
    "istio_build",
)
ISTIO_BUCKETS = [
    "0.5",
    "1.0",
    "5.0",
    "10.0",
    "25.0",
    "50.0",
    "100.0",
    "250.0",
    "500.0",
    "1000.0",
    "2500.0",
    "5000.0",
    "10000.0",
    "30000.0",
    "60000.0",
    "300000.0",
    "600000.0",
    "1.8e+06",
    "3.6e+06",
    "+Inf",
]


def rules(job: str, profile: str = "dashboards") -> list[dict[str, Any]]:
    config = prometheus_config(template("helm4", *DEFAULT, "--set", f"metrics.profile={profile}"))
    (found,) = [item["metric_relabel_configs"] for item in config["scrape_configs"] if item["job_name"] == job]
    return list(found)


def keeps(name: str, job: str, profile: str, **labels: str) -> bool:
    return relabel({"__name__": name, **labels}, rules(job, profile)) is not None


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("metric", PAGE_METRICS)
def test_every_profile_keeps_the_metrics_of_the_page(metric: str, profile: str) -> None:
    assert keeps(metric, "proxies", profile)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_keeps_pushes_and_ambient_connections(profile: str) -> None:
    assert keeps("pilot_xds_pushes", "istiod", profile, type="cds")
    assert keeps("istio_tcp_connections_opened_total", "ztunnel", profile)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("metric", ["go_goroutines", "process_cpu_seconds_total", "http_requests_total", "up_2"])
def test_nothing_of_the_application_comes_from_proxies(metric: str, profile: str) -> None:
    assert not keeps(metric, "proxies", profile)


def test_minimal_is_minimal() -> None:
    for metric in ("istio_agent_scrapes_total", "envoy_server_live", "istio_tcp_sent_bytes_total"):
        assert not keeps(metric, "proxies", "minimal")
    assert not keeps("pilot_xds", "istiod", "minimal")


def test_full_is_everything_of_the_control_plane() -> None:
    assert keeps("grpc_server_handled_total", "istiod", "full")
    assert keeps("pilot_xds_cds_reject", "istiod", "full")
    assert not keeps("pilot_xds_cds_reject", "istiod", "dashboards")
    assert keeps("pilot_total_xds_rejects", "istiod", "dashboards")


@pytest.mark.parametrize("profile", ["minimal", "dashboards"])
@pytest.mark.parametrize("direction", ["request", "response"])
def test_size_histograms_keep_six_buckets_and_stay_whole(direction: str, profile: str) -> None:
    name = f"istio_{direction}_bytes"
    kept = [le for le in ISTIO_BUCKETS if keeps(f"{name}_bucket", "proxies", profile, le=le)]
    assert kept == ["100.0", "1000.0", "10000.0", "60000.0", "600000.0", "+Inf"]
    assert keeps(f"{name}_sum", "proxies", profile)
    assert keeps(f"{name}_count", "proxies", profile)


# The bounds of Envoy that a profile does without, as numbers.
DROPPED = {0.5, 1, 5, 10, 25, 50, 250, 500, 2500, 5000, 30000, 300000, 1800000, 3600000}
bounds = st.floats(min_value=1e-3, max_value=9.999999e9, allow_nan=False) | st.sampled_from(sorted(DROPPED))


@pytest.mark.parametrize("profile", ["minimal", "dashboards"])
@given(st.sets(bounds, max_size=12))
def test_bounds_that_the_mesh_chooses_stay(profile: str, chosen: set[float]) -> None:
    """Bounds of sidecar.istio.io/statsHistogramBuckets: only those go that are Envoy's own and not wanted."""
    thinned, spelled = rules("proxies", profile), {value: go_spelling(value) for value in chosen}
    kept = {
        value: relabel({"__name__": "istio_request_bytes_bucket", "le": le}, thinned) for value, le in spelled.items()
    }
    assert {value for value, labels in kept.items() if labels} == chosen - DROPPED
    # Proxies write plain numbers, and not every scraper normalizes them.
    assert all(
        bool(relabel({"__name__": "istio_request_bytes_bucket", "le": plain(value)}, thinned)) == bool(labels)
        for value, labels in kept.items()
    )


def test_thinning_leaves_no_trace_on_what_stays() -> None:
    kept = relabel({"__name__": "istio_request_bytes_bucket", "le": "100.0"}, rules("proxies"))
    assert kept == {"__name__": "istio_request_bytes_bucket", "le": "100"}


def test_latency_keeps_all_buckets() -> None:
    name = "istio_request_duration_milliseconds_bucket"
    assert all(keeps(name, "proxies", "dashboards", le=le) for le in ISTIO_BUCKETS)


@pytest.mark.parametrize("job", ["proxies", "ztunnel"])
def test_four_labels_are_emptied_on_istio_metrics(job: str) -> None:
    four = {f"{side}_{what}": "x" for side in ("source", "destination") for what in ("app", "version")}
    kept = relabel({"__name__": "istio_tcp_connections_opened_total", "reporter": "source", **four}, rules(job))
    assert kept == {"__name__": "istio_tcp_connections_opened_total", "reporter": "source"}


def test_labels_of_other_metrics_are_left_alone() -> None:
    labels = {"__name__": "pilot_info", "source_app": "x", "destination_version": "y"}
    assert relabel(labels, rules("istiod")) == labels


def jobs_with(label: str, *flags: str) -> set[str]:
    """Return the jobs with a rule that writes a label."""
    config = prometheus_config(
        template("helm4", *DEFAULT, "--set", "metrics.targets.agentgateway.enabled=true", *flags)
    )
    return {
        job["job_name"]
        for job in config["scrape_configs"]
        if any(rule.get("target_label") == label for rule in job["metric_relabel_configs"])
    }


def test_rules_are_only_in_the_jobs_that_need_them() -> None:
    assert jobs_with("source_app") == {"proxies", "ztunnel"}
    assert jobs_with("source_region") == set()
    assert jobs_with("source_region", "--set", "cluster.labels.env=prod") == {"ztunnel"}
    assert jobs_with("le") == {"proxies", "ztunnel", "istiod", "agentgateway"}
    assert jobs_with("le", "--set", "metrics.profile=minimal") == {"proxies", "agentgateway"}
    everything = {"proxies", "ztunnel", "istiod", "cni", "agentgateway"}
    assert jobs_with("quantile", "--set", "metrics.profile=full") == everything
    # What a user includes may have buckets anywhere.
    included = ("--set", "metrics.profile=minimal", "--set", "metrics.includeMetrics={pilot_proxy_convergence_time_.*}")
    assert jobs_with("le", *included) == everything


def test_a_sample_of_a_proxy_passes_few_rules() -> None:
    assert len(rules("proxies")) <= 16


def plain(value: float) -> str:
    """Return the shortest decimal spelling without exponent."""
    text = format(decimal.Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def go_spelling(value: float) -> str:
    """Spell a float as Prometheus 3 normalises le: shortest digits, an exponent for large and small ones, or a dot."""
    if value >= 1e6 or value < 1e-4:
        mantissa, exponent = format(decimal.Decimal(repr(value)).normalize(), "e").split("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa}e{int(exponent):+03d}"
    text = plain(value)
    return text if "." in text else f"{text}.0"


@given(st.floats(min_value=1e-3, max_value=9.999999e9, allow_nan=False))
def test_le_is_spelled_plainly_for_any_number(value: float) -> None:
    numbers = yaml.safe_load((CHART / "files/rules/plain-numbers.yaml").read_text())
    assert relabel({"le": go_spelling(value)}, numbers) == {"le": plain(value)}


@given(st.floats(min_value=1e-12, max_value=1e-3, allow_nan=False) | st.floats(min_value=1e-3, max_value=9.999999e9))
@example(6.399999999999999e-08)
@example(9.999999999999999e-10)
@example(1e-05)
def test_le_of_go_s_runtime_is_spelled_plainly(value: float) -> None:
    files = [CHART / f"files/rules/{name}-numbers.yaml" for name in ("small", "plain")]
    rules_ = [rule for file in files for rule in yaml.safe_load(file.read_text())]
    assert relabel({"le": go_spelling(value)}, rules_) == {"le": plain(value)}


@pytest.mark.parametrize("collector", COLLECTORS)
def test_small_numbers_are_spelled_plainly_where_go_s_runtime_is_kept(collector: str) -> None:
    def jobs(*sets: str) -> set[str]:
        words = [word for item in (f"metrics.collector={collector}", *sets) for word in ("--set", item)]
        jobs = Release.of(template("helm4", *DEFAULT, *words)).jobs
        return {job.name for job in jobs if any(rule.regex.endswith("e-05") for rule in job.metric_rules)}

    assert jobs() == set()
    own = set() if collector == "opentelemetry" else {"istiod", "cni"}
    assert jobs("metrics.profile=full") == jobs("metrics.includeMetrics={go_gc_pauses_seconds.*}") == own


@given(st.integers(min_value=1, max_value=9_999_999_999))
def test_le_is_spelled_plainly_for_any_integer(value: int) -> None:
    numbers = yaml.safe_load((CHART / "files/rules/plain-numbers.yaml").read_text())
    assert relabel({"le": go_spelling(float(value))}, numbers) == {"le": str(value)}


@pytest.mark.parametrize(("given_", "expected"), [("0.0", "0"), ("0.5", "0.5"), ("1.0", "1"), ("0.99", "0.99")])
def test_quantile_is_spelled_plainly(given_: str, expected: str) -> None:
    numbers = yaml.safe_load((CHART / "files/rules/plain-numbers.yaml").read_text())
    assert relabel({"quantile": given_}, numbers) == {"quantile": expected}


@pytest.mark.parametrize("le", ["+Inf", "1800000", "0.005", "NaN", "1e-05"])
def test_other_spellings_are_left_alone(le: str) -> None:
    numbers = yaml.safe_load((CHART / "files/rules/plain-numbers.yaml").read_text())
    assert relabel({"le": le}, numbers) == {"le": le}
