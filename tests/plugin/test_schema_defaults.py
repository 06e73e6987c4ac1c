"""`schema`: printed as it is, and checked against the defaults."""

from __future__ import annotations

import copy
import shutil
from typing import TYPE_CHECKING

from tests.support.paths import CHART
from xscaler_istio.values import schema, schema_defaults

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.command import Ran

SCHEMA = schema.load(CHART)


def test_it_is_printed_byte_for_byte(cli4: Callable[..., Ran]) -> None:
    assert cli4("schema").out == (CHART / "values.schema.json").read_text()
    assert cli4("schema", "--path").out == f"{CHART / 'values.schema.json'}\n"


def test_each_kind_of_difference_is_told() -> None:
    changed = copy.deepcopy(dict(SCHEMA))
    metrics = changed["properties"]["metrics"]["properties"]
    metrics["shards"]["default"] = 2
    del metrics["profile"]
    metrics["added"] = {"type": "string", "default": ""}
    changed["properties"]["another"] = {"type": "object"}
    assert schema_defaults.differences(CHART, changed) == (
        "metrics.profile is in values.yaml and not in the schema",
        "metrics.shards is 1 in values.yaml, and 2 by default in the schema",
        "metrics.added is in the schema and not in values.yaml",
        "another is in the schema and not in values.yaml",
    )


def test_a_schema_that_is_none() -> None:
    (said,) = schema_defaults.differences(CHART, {"type": "no type"})
    assert said.startswith("the schema is not valid at $.type: 'no type' is not valid")


def test_the_exit_code(cli4: Callable[..., Ran], tmp_path: Path) -> None:
    chart = tmp_path / "chart"
    shutil.copytree(CHART, chart)
    values = chart / "values.yaml"
    values.write_text(values.read_text().replace("  shards: 1\n", "  shards: 3\n"))
    ran = cli4("schema", "--check", "--chart", chart)
    assert (ran.code, ran.out) == (
        1,
        "metrics.shards is 3 in values.yaml, and 1 by default in the schema\nschema: 1 difference to values.yaml\n",
    )
