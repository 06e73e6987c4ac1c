"""Numbers beyond every range: each is answered at once, with the range, whatever its size and whoever gives it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.any_values import DEFAULT, SCHEMA, leaves
from xscaler_istio.checks import case
from xscaler_istio.system.errors import UsageError
from xscaler_istio.values import places, schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.support.command import Ran

# 64 bits do not hold it, and Python does not read it as a number.
DIGITS = "9" * 5000
NUMBERS = {"integer", "number"}


def numbers(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each part of the schema that admits a number, but for old names."""
    if node.get("deprecated"):
        return
    kinds = node.get("type")
    if NUMBERS & set([kinds] if isinstance(kinds, str) else kinds or []) and "enum" not in node:
        yield path, node
    for name, child in node.get("properties", {}).items():
        yield from numbers(child, f"{path}.{name}".removeprefix("."))
    for name in ("items", "additionalProperties"):
        if isinstance(node.get(name), dict):
            yield from numbers(node[name], f"{path}.{name}")


def test_every_number_has_a_least_and_a_largest_value() -> None:
    assert [path for path, part in numbers(SCHEMA) if not {"minimum", "maximum"} <= part.keys()] == []


@pytest.mark.parametrize("value", [1e308, -1e308, 10**100, 2**63])
def test_beyond_the_range_the_schema_names_the_range(value: float) -> None:
    for steps, part in leaves(SCHEMA):
        kinds = part.get("type")
        if not NUMBERS & set([kinds] if isinstance(kinds, str) else kinds or []) or "enum" in part:
            continue
        values = json.loads(json.dumps(DEFAULT))
        node = values
        for step in steps[:-1]:
            node = node.setdefault(step, {})
        node[steps[-1]] = value
        (finding,) = schema.check(values, SCHEMA, places.Origins())
        assert finding.path == ".".join(steps)
        assert re.search(r"at (?:least|most) \d|true or false|string|whole number", finding.fix), finding.fix


TOO_MUCH = [
    "9223372036854775807Ti",
    "99999999999999999Gi",
    f"{DIGITS}Gi",
    "8Ei",
    "1e99",
    "1000000000000000000000",
]


@pytest.mark.parametrize("quantity", TOO_MUCH, ids=lambda text: text[:30])
def test_a_quantity_that_kubernetes_cannot_count_is_refused(quantity: str) -> None:
    for block in ({"resources": {"limits": {"memory": quantity}}}, {"persistence": {"size": quantity}}):
        (finding,) = schema.check({**DEFAULT, "prometheus": block}, SCHEMA, places.Origins())
        assert (finding.rule, finding.message.endswith("is not in the right form")) == ("XS002", True)


@pytest.mark.parametrize("quantity", ["8388608Ki", "4096Mi", "1000000000", "7.5Gi", "999999Ti", "1e9", "500m", "7Ei"])
def test_a_quantity_that_it_can_count_is_admitted(quantity: str) -> None:
    values = {**DEFAULT, "prometheus": {"resources": {"limits": {"memory": quantity}}}}
    assert not schema.check(values, SCHEMA, places.Origins())


def test_digits_without_end_are_out_of_range_in_a_file_and_in_a_flag(cli4: Callable[..., Ran], tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(f"{yaml.safe_dump(DEFAULT)}\nprometheus: {{queue: {{maxShards: {DIGITS}}}}}\n")
    ran = cli4("validate", "-f", file, "--set", f"metrics.shards={DIGITS}")
    assert "prometheus.queue.maxShards is out of range [XS002]\n" in ran.out
    assert "metrics.shards is out of range [XS002]\n  fix: use at most 100\n" in ran.out
    assert ran.out.count("out of range") == 2
    assert "--set-json" not in ran.out
    assert len(ran.out) < 2000


@pytest.mark.parametrize("number", ["0", "-1", "10000001", str(10**400), DIGITS])
def test_a_mesh_beyond_any_is_not_computed_with(number: str) -> None:
    with pytest.raises(UsageError) as caught:
        case.mesh(f"proxies={number},peers=1,codes=1")
    assert len(caught.value.message) < 200
    assert "from 1 to 10000000" in caught.value.fix
