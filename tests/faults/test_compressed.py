"""Alerts in compressed time."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.support.tools import tool

from . import rows
from .compressed import ALERTS, compress, metrics_of, read_by, rules

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("increase(a_total[10m]) > 0", "increase(a_total[20s]) > 0"),
        ("a unless a offset 15m", "a unless a offset 30s"),
        ("time() - max_over_time(timestamp(a)[1h:1m]) > 600", "time() - max_over_time(timestamp(a)[120s:2s]) > 20"),
        ("last_over_time(a[1d])", "last_over_time(a[2880s])"),
        ("rate(a[5s])", "rate(a[1s])"),
        # Neither a status nor a number in a name is a time.
        ('a_5m{code=~"2..|4.."} > 2', 'a_5m{code=~"2..|4.."} > 2'),
        ("0m", "0s"),
    ],
)
def test_durations_and_ages_are_divided(expression: str, expected: str) -> None:
    assert compress(expression, 30) == expected


def test_every_alert_on_the_pipeline_is_a_rule_that_prometheus_takes(tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump(rules(rows.FACTOR, rows.INTERVAL)))
    done = subprocess.run([tool("promtool"), "check", "rules", file], check=False, capture_output=True, text=True)
    assert f"{len(ALERTS)} rules found" in done.stdout, done.stderr


def test_metrics_of_an_alert_are_those_that_changed() -> None:
    alert = "XScalerIstioLogLinesRefused"
    (name,) = read_by(alert)
    assert metrics_of([alert], [name, "up"]) == [name]
    assert metrics_of([alert], ["up"]) == []
