"""The chart's alerts on the pipeline in the compressed time of a cell, and the metrics that they read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.support.alerts import FILES, rule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(?<![\w.])(\d+)([smhd])(?![\w])")
# Only ages are compared with numbers of seconds, and each is more than a minute.
_AGE = re.compile(r"(?<=> )(\d{3,})\b")
_SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\{")
# Alerts about whether the mesh's metrics arrive.
_OF_THE_PIPELINE = ("XScalerIstio", "IstioMetricsAbsent")
ALERTS: Mapping[str, Mapping[str, Any]] = {
    file.stem: rule(file) for file in FILES if file.stem.startswith(_OF_THE_PIPELINE)
}


def compress(expression: str, factor: int) -> str:
    """Return an expression with every duration and age divided by a factor; none becomes less than a second."""
    shorter = _DURATION.sub(lambda found: _shorter(found, factor), expression)
    return _AGE.sub(lambda found: f"{int(found[1]) / factor:g}", shorter)


def _shorter(found: re.Match[str], factor: int) -> str:
    seconds = int(found[1]) * _UNITS[found[2]]
    return f"{max(1, round(seconds / factor))}s" if seconds else "0s"


def rules(factor: int, interval: int) -> dict[str, Any]:
    """Return a rule file with the alerts in compressed time, evaluated every `interval` seconds."""
    found = [
        {"alert": name, "expr": compress(item["expr"], factor), "for": compress(item["for"], factor)}
        for name, item in ALERTS.items()
    ]
    return {"groups": [{"name": "pipeline", "interval": f"{interval}s", "rules": found}]}


def read_by(alert: str) -> tuple[str, ...]:
    """Return the metrics that an alert reads."""
    return tuple(dict.fromkeys(_SELECTOR.findall(ALERTS[alert]["expr"])))


# Counters of trouble among what the release sends of its own programs; not those of delivered samples.
TROUBLE = ".*(failed|failures|refused|dropped|retried|retries|duplicate|exceeded|request_duration).*"


def metrics_of(alerts: Sequence[str], changed: Sequence[str]) -> list[str]:
    """Return the metrics with which some of these alerts show something: those that changed."""
    named = {name for alert in alerts for name in read_by(alert)}
    return sorted(named & set(changed))
