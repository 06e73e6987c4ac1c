"""What Helm makes of values files, made in Python: a twentieth of what Helm costs.

It knows what the chart's schema admits, not what else Helm takes or refuses (tests/plugin/test_rules.py compares both).
"""

from __future__ import annotations

import json
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

from xscaler_istio.helm.answer import Answer
from xscaler_istio.helm.reading import Reading, files_of
from xscaler_istio.helm.run import Run
from xscaler_istio.values import renamed
from xscaler_istio.values.effective import Effective

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from xscaler_istio.helm import Inputs

Result = TypeVar("Result")


def reading(inputs: Inputs) -> Reading:
    """Return values files as Helm would have read them for a chart that refuses nothing and warns of nothing."""
    chart, values = inputs.chart, inputs.values
    given: dict[str, Any] = {}
    for file in values.files:
        given = _over(given, _values(file), taken_away=False)
    defaults = _values(chart / "values.yaml")
    merged = _filled_in(_over(defaults, given, taken_away=True), _values(chart / "files/defaults.yaml"))
    effective = Effective(_as_json(merged), _as_json(defaults), renamed.known(chart))
    return Reading(inputs, files_of(values), _done(Answer(effective=effective)))


# YAML is what it is.
def _values(file: Path | str) -> dict[str, Any]:
    with open(file, "rb") as opened:  # noqa: PTH123 - names of either kind
        loaded = yaml.load(opened, yaml.CSafeLoader)
    return _as_json(loaded or {})


def _as_json(values: dict[str, Any]) -> dict[str, Any]:
    """Return values as they come out of JSON that Helm writes: sorted, keys are texts, a whole number has no point."""
    read: dict[str, Any] = json.loads(json.dumps(values, sort_keys=True), parse_float=_number)
    return read


def _number(text: str) -> float:
    number = float(text)
    return int(number) if number.is_integer() else number


def _over(below: Mapping[str, Any], above: Mapping[str, Any], *, taken_away: bool) -> dict[str, Any]:
    """Lay values over others: maps are merged, all else is replaced, and null takes a default away."""
    merged = dict(below)
    for key, value in above.items():
        lower = below.get(key)
        if value is None and taken_away:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = _over(lower if isinstance(lower, dict) else {}, value, taken_away=taken_away)
        else:
            merged[key] = value
    return merged


def _filled_in(values: dict[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Do what the chart's `xscaler-istio.fillIn` does."""
    for key, default in defaults.items():
        if key not in values:
            values[key] = default
        elif isinstance(default, dict) and isinstance(values[key], dict) and key != "resources":
            _filled_in(values[key], default)
    return values


def _done(result: Result) -> Run[Result]:
    future: Future[Result] = Future()
    future.set_result(result)
    return Run(future)
