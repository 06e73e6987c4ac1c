"""What the checks are made of: units, expressions, settings, the number of series."""

from __future__ import annotations

import pytest
import yaml

from tests.support.paths import CHART
from xscaler_istio.checks import facts, sizing
from xscaler_istio.system.errors import SetupError
from xscaler_istio.values import settings, units

DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())


@pytest.mark.parametrize(("text", "value"), [("500ms", 0.5), ("30s", 30), ("2m", 120), ("1h", 3600)])
def test_durations(text: str, value: float) -> None:
    assert units.seconds(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2Gi", 2**31),
        ("512Mi", 2**29),
        ("1.5G", 1.5e9),
        ("1000", 1000),
        ("500m", 0.5),
        ("256e6", 256e6),
        ("1E3", 1000),
        ("1E", 1e18),
        ("2Ei", 2**61),
        (".5k", 500),
        ("+1", 1),
        ("", None),
        ("2GB", None),
        ("1e3k", None),
        ("1.2.3", None),
    ],
)
def test_quantities(text: str, value: float | None) -> None:
    assert units.bytes_of(text) == value


@pytest.mark.parametrize(
    ("expression", "letters"),
    [
        ("istio_requests_total", "istio_requests_total"),
        ("istio_(request|response)_bytes", "istio_"),
        ("a|b", ""),
        ("a(b|c)|d", ""),
        ("ab?c", "a"),
        ("ab*", "a"),
        ("ab+", "ab"),
        ("a.*", "a"),
        (".*", ""),
        ("(?i)a", ""),
        ("a{2}", ""),
    ],
)
def test_the_beginning_of_what_an_expression_matches(expression: str, letters: str) -> None:
    assert units.beginning(expression) == letters


def test_expressions_that_python_cannot_read_match_nothing() -> None:
    for expression in ("(", r"\pL+", "a**", "[z-a]"):
        assert units.matches(expression, ["a"]) == ()


def test_globs_are_those_of_the_chart() -> None:
    assert units.glob("team-*").fullmatch("team-a")
    assert not units.glob("team-*").fullmatch("my-team-a")
    assert not units.glob("a.b").fullmatch("axb")


def test_settings_are_the_values() -> None:
    found = settings.parse(DEFAULTS)
    assert (found.metrics.collector, found.metrics.targets["cni"].enabled, found.logs.sampling.success_percent) == (
        "prometheus",
        True,
        100.0,
    )
    assert found.collector == found.collectors["prometheus"]
    assert dict(found.intervals) == {"metrics.scrapeInterval": "30s"}
    assert set(found.images) == {"prometheus.image", "tests.image"}


def test_a_chart_of_another_version_is_told() -> None:
    without = {**DEFAULTS, "cluster": {"name": "prod-1"}}
    with pytest.raises(SetupError, match=r"the chart has no value cluster\.labels"):
        settings.parse(without)


def test_what_a_chart_of_any_version_lacks_is_off_zero_or_empty() -> None:
    earlier = {"metrics": {**DEFAULTS["metrics"], "shards": None}, "cluster": None, "logs": {"source": "api"}}
    found = settings.parse_any_version(earlier)
    assert found.metrics.targets == settings.parse(DEFAULTS).metrics.targets
    assert (found.metrics.shards, found.xscaler.limits.labels_per_series, found.logs.source) == (0, 0, "api")
    assert (found.self_monitoring.enabled, found.logs.namespaces.include, found.cluster.name) == (False, (), "")
    assert settings.parse_any_version(DEFAULTS) == settings.parse(DEFAULTS)


@pytest.mark.parametrize(("profile", "series"), [("minimal", 39), ("traffic", 29), ("full", 67), ("dashboards", 39)])
def test_series_of_one_peer_and_code(profile: str, series: int) -> None:
    # A counter and three histograms of 22; dashboards keeps 6 of 20 buckets of the two of sizes.
    kept = facts.read(CHART, profile).profile
    assert sizing.series_per_combination(kept) == series
    assert sizing.series_per_combination(kept, exclude=("istio_response_bytes_.*",)) < series
    assert sizing.series_per_combination(kept, exclude=("istio_.*",)) == 0
    # The same counter, and one native series for each histogram.
    assert sizing.series_per_combination(kept, histograms="native") == 4
    assert sizing.series_per_combination(kept, histograms="both") == series + 3
    assert sizing.series_per_combination(kept, exclude=("istio_response_bytes_.*",), histograms="native") == 3


def test_a_profile_that_is_not_there() -> None:
    with pytest.raises(SetupError, match="cannot read"):
        facts.read(CHART, "none")
