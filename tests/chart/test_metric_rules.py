"""What the metric relabelling rules do to series: budget, profiles, whole histograms, plain numbers."""

from __future__ import annotations

import decimal
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.support.paths import CHART, ci
from tests.support.relabel import relabel
from tests.support.rendering import prometheus_config, template

DEFAULT = ("--values", str(ci("default")))
PROFILES = ("minimal", "dashboards", "full")
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


def plain(value: float) -> str:
    """Return the shortest decimal spelling without exponent."""
    text = format(decimal.Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def go_spelling(value: float) -> str:
    """Spell a float as Prometheus 3 normalises le: the shortest digits, an exponent from 1e+06 on, else a dot."""
    if value >= 1e6:
        mantissa, exponent = format(decimal.Decimal(repr(value)).normalize(), "e").split("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa}e+{int(exponent):02d}"
    text = plain(value)
    return text if "." in text else f"{text}.0"


@given(st.floats(min_value=1e-3, max_value=9.999999e9, allow_nan=False))
def test_le_is_spelled_plainly_for_any_number(value: float) -> None:
    numbers = yaml.safe_load((CHART / "files/rules/plain-numbers.yaml").read_text())
    assert relabel({"le": go_spelling(value)}, numbers) == {"le": plain(value)}


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
