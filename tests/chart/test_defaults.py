"""A key that is missing, as after `helm upgrade --reuse-values` from an older chart or with `null`, has its default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.paths import CHART, ci
from tests.support.rendering import run_template, template

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BASE = ("--values", str(ci("default")), "--set", "logs.enabled=true")
DEFAULTS = yaml.safe_load((CHART / "files/defaults.yaml").read_text())
# What BASE sets: without these there is nothing to render.
SET = ("xscaler.region", "xscaler.tenantId", "xscaler.auth.existingSecret.name", "cluster.name", "logs.enabled")


def paths(values: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Yield every key by its whole path."""
    for key, value in values.items():
        yield f"{above}{key}"
        if isinstance(value, dict) and key != "resources":
            yield from paths(value, f"{above}{key}.")


def test_the_defaults_are_those_of_the_values_file() -> None:
    assert yaml.safe_load((CHART / "values.yaml").read_text()) == DEFAULTS


@pytest.mark.parametrize("block", [key for key, value in DEFAULTS.items() if isinstance(value, dict)])
def test_a_missing_key_has_its_default(helm: str, block: str) -> None:
    found = paths({block: DEFAULTS[block]})
    taken = [path for path in found if not any(f"{key}.".startswith(f"{path}.") for key in SET)]
    leaves = [path for path in taken if not any(other.startswith(f"{path}.") for other in taken)]
    for keys in (leaves, taken[:1]):
        sets = [word for path in keys for word in ("--set", f"{path}=null")]
        assert sets or block == "cluster"
        assert template(helm, *BASE, *sets) == template(helm, *BASE)


def test_a_missing_required_key_is_said_as_an_empty_one() -> None:
    done = run_template("helm4", *BASE, "--set", "cluster.name=null")
    assert "cluster.name is empty." in done.stderr


def test_an_amount_can_be_taken_away() -> None:
    whole, cut = (template("helm4", *BASE, *sets) for sets in ((), ("--set", "prometheus.resources.limits=null")))
    # The request has the same amount.
    assert whole.count("memory: 2Gi") == cut.count("memory: 2Gi") + 1
