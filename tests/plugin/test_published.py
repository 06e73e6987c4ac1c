"""What commands print for programs, against the published schemas, which are closed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from tests.support.paths import EXAMPLE, ROOT
from tests.support.published import published

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.support.command import Ran

COMMANDS: Mapping[str, Sequence[tuple[str | Path, ...]]] = {
    "diff": [
        (EXAMPLE, "--against-chart", ROOT / "chart"),
        (EXAMPLE, ROOT / "examples" / "logs-only-values.yaml"),
    ],
    "explain": [(), ("metrics.scrapeInterval",), ("logs.enabled",), ("xscaler.auth.token",), ("cluster.labels",)],
    "rules": [(), ("XS213",)],
}
# `test` runs for minutes or takes a cluster, as `fit` does: local/test_run.py, live/test_parts.py and test_fit.py look
# at what they print.
SCHEMAS = (*COMMANDS, "test", "fit")
CASES = [(command, words) for command, listed in COMMANDS.items() for words in listed]


@pytest.mark.parametrize(("command", "words"), CASES, ids=lambda given: str(given)[-40:])
def test_an_output_is_as_published(cli4: Callable[..., Ran], command: str, words: tuple[str | Path, ...]) -> None:
    ran = cli4(command, *words, "-o", "json")
    assert (ran.code, ran.err) == (0, "")
    document = json.loads(ran.out)
    published(command, document)
    spoilt = [{**item, "more": 1} for item in document] if isinstance(document, list) else {**document, "more": 1}
    with pytest.raises(jsonschema.ValidationError, match="'more' was unexpected"):
        published(command, spoilt)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one_and_closed(name: str) -> None:
    schema = json.loads((ROOT / "docs" / f"{name}.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    described = [node for node in objects(schema) if isinstance(node.get("required"), list)]
    assert described
    assert [node for node in described if node.get("additionalProperties") is not False] == []
    assert f"`helm xscaler {name}" in schema["title"]


def objects(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for below in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from objects(below)
