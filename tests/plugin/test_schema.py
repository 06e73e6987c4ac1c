"""The schema's verdict in words, and that it is the verdict that Helm gives."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import random
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.paths import CHART, ci
from tests.support.rendering import effective
from tests.support.tools import tool
from xscaler_istio import helm
from xscaler_istio.values import places, schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ORIGINS = places.Origins()


def said(wanted: dict[str, Any], given: dict[str, Any]) -> list[tuple[str, str]]:
    return [(finding.message, finding.fix) for finding in schema.check(given, wanted, ORIGINS)]


def test_a_condition_is_said_in_words() -> None:
    wanted = {
        "properties": {"auth": {"type": "object"}},
        "if": {"properties": {"auth": {"properties": {"type": {"const": "basic"}}}}},
        "then": {"properties": {"auth": {"required": ["username"]}}},
        "else": {"properties": {"auth": {"required": ["token"]}}},
    }
    basic = {"auth": {"type": "basic"}}
    assert said(wanted, basic) == [
        ('required keys are missing below auth: username, because auth.type is "basic"', "add username below auth")
    ]
    bearer = {"auth": {"type": "bearer"}}
    assert said(wanted, bearer) == [
        ('required keys are missing below auth: token, unless auth.type is "basic"', "add token below auth")
    ]


def test_a_condition_of_several_values_and_keys() -> None:
    wanted = {"if": {"required": ["a"], "properties": {"b": {"enum": [1, 2]}}}, "then": {"required": ["c"]}}
    ((message, _),) = said(wanted, {"a": 1, "b": 2})
    assert message.endswith("required keys are missing: c, because b is one of 1, 2 and a is set")


def test_a_key_without_its_colon_is_found_below_a_block() -> None:
    wanted = {"properties": {"xscaler": {"type": "object", "properties": {"region": {}, "tenantId": {}}}}}
    assert said(wanted, {"xscaler": "region euw1-01"}) == [
        ("xscaler is a string", "put a colon after region, as in region: …")
    ]
    assert said(wanted, {"xscaler": "euw1-01"}) == [("xscaler is a string", "use a map with region, tenantId")]


def test_alternatives_are_listed() -> None:
    wanted = {
        "properties": {
            "a": {
                "oneOf": [
                    {"type": "string"},
                    {"type": "object", "required": ["secret"]},
                    {"properties": {"kind": {"const": "none"}}, "required": ["kind"]},
                ]
            }
        }
    }
    ((message, fix),) = said(wanted, {"a": {"kind": "x"}})
    assert message == "a: the value matches none of 3 allowed forms"
    assert fix == "write one of: a string (in quotes); or a map with secret; or a map with kind: none"


def test_of_several_violations_of_a_value_one_is_told() -> None:
    wanted = {"properties": {"a": {"type": "string", "enum": ["x", "y"], "pattern": "^x", "minLength": 1}}}
    assert said(wanted, {"a": 5}) == [("a is a number", "use a string (in quotes)")]
    assert said(wanted, {"a": "z"}) == [("a has a value that is not allowed", "allowed: x, y")]


# Scalars on which YAML's readers differ, and some of every type; as they stand in a file.
SCALARS = (
    *"yes n ~ 5 5.0 1e3 0x10 0o17 017 1:30 2026-11-25 true -1 1e400 9007199254740993 .nan .inf text".split(),
    *"30s 2m 15020 [] {} [1] [a] '' 0.5 1.5 both minimal alloy bearer sha256:x https://x.example/".split(),
    *(
        '"euw1-01\\n"',
        '"30s\\n"',
        "'a b'",
        '"é"',
        '"\u0661s"',
        "{enabled: yes}",
        "[{name: x}]",
        '"*"',
        "!!str 5",
        "{a: b}",
    ),
)


def parts(part: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Yield every key of a schema with what it may be."""
    for name, child in part.get("properties", {}).items():
        yield (*path, name), child
        yield from parts(child, (*path, name))


def generated(seed: int) -> str:
    """Return the ten-line values with a few keys set, to what they may be or to anything, and now and then unknown."""
    chance = random.Random(seed)
    known = list(parts(schema.load(CHART)))
    document = yaml.safe_load(ci("default").read_text())
    scalars = []
    for number in range(chance.choice((1, 1, 2, 3))):
        (*parents, last), part = chance.choice(known)
        fitting = [json.dumps(value) for value in part.get("enum", [part["default"]] if "default" in part else [])]
        scalars.append(chance.choice(fitting if fitting and chance.random() < 0.6 else SCALARS))
        block = document
        for key in parents:
            block = block.setdefault(key, {}) if isinstance(block.get(key, {}), dict) else {}
        block[f"{last}x" if chance.random() < 0.1 else last] = f"SCALAR{number}"
    text = yaml.safe_dump(document)
    for number, scalar in enumerate(scalars):
        text = text.replace(f"SCALAR{number}", scalar)
    return text


@dataclasses.dataclass(frozen=True)
class Verdicts:
    helm: bool
    ours: bool


@pytest.fixture(scope="module")
def schema_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chart of nothing but our values and their schema."""
    chart = tmp_path_factory.mktemp("schema") / "chart"
    chart.mkdir()
    for name in ("Chart.yaml", "values.yaml", "values.schema.json"):
        shutil.copy(CHART / name, chart / name)
    (chart / "templates").mkdir()
    (chart / "templates" / "x.yaml").write_text("x: 1\n")
    return chart


def verdicts(program: Path, chart: Path, file: Path) -> Verdicts:
    command = [str(program), "template", "t", str(chart), "-f", str(file)]
    accepted = subprocess.run(command, check=False, capture_output=True).returncode == 0
    try:
        merged = effective(chart, file).values
    except helm.ChartError:
        return Verdicts(accepted, ours=False)
    return Verdicts(accepted, not schema.check(merged, schema.load(chart), ORIGINS))


_MORE = pytest.mark.whole("the same with other values, and with the other major, whose schemas are the same library's")


@pytest.mark.parametrize(
    ("name", "seeds"),
    [
        pytest.param("helm4", range(120, 150), id="helm4"),
        pytest.param("helm4", range(150, 320), id="helm4-more", marks=_MORE),
        pytest.param("helm3", range(120), id="helm3", marks=_MORE),
    ],
)
def test_our_verdict_is_helms(
    name: str, seeds: range, schema_alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HELM_BIN", str(tool(name)))
    files = []
    for seed in seeds:
        files.append(tmp_path / f"{seed}.yaml")
        files[-1].write_text(generated(seed))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda file: verdicts(tool(name), schema_alone, file), files))
    differ = [file.read_text() for file, verdict in zip(files, found, strict=True) if verdict.helm != verdict.ours]
    assert differ == []
    # Both verdicts are common, or nothing was compared.
    accepted = sum(verdict.helm for verdict in found)
    assert len(found) * 0.1 < accepted < len(found) * 0.9, json.dumps(accepted)
