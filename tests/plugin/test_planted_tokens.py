"""A token in any text that the values admit: it is reported, and no command shows it.

One token of its own stands in each text, so that an output that shows one names the value. Only a trial's token has a
key (xscaler.auth.token), and no output shows that either.
"""

from __future__ import annotations

import copy
import json
import random
import re
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from tests.support.any_values import DEFAULT, SCHEMA, leaves
from tests.support.rendering import run_template
from tests.support.tools import tool
from xscaler_istio.checks import destination

from .doctor import recorded
from .doctor.test_clusters import FOLDERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.support.command import Ran

Steps = tuple[str, ...]


def with_random(number: int) -> str:
    """Return a token that most names may be: lower case, and not longer than a name of Kubernetes."""
    draw = random.Random(number)
    return "".join(f"{draw.choice('abcdefghijk')}{draw.randrange(10)}" for _ in range(16))


def with_form(number: int) -> str:
    """Return an xScaler key."""
    return f"xag_{number:03d}{with_random(number)}"


def holders(schema: Mapping[str, Any]) -> Iterator[tuple[str, Callable[[str], object]]]:
    """Yield how a setting holds a text, and what its path ends with."""
    kind, items, more = (schema.get(key) for key in ("type", "items", "additionalProperties"))
    if kind == "string" and "enum" not in schema:
        yield "", lambda text: text
    if kind == "array" and isinstance(items, dict) and items.get("type") == "string" and "enum" not in items:
        yield "[0]", lambda text: [text]
    if kind == "object" and isinstance(more, dict) and more.get("type") == "string":
        yield ".planted", lambda text: {"planted": text}


def planted(make: Callable[[int], str]) -> dict[str, tuple[Steps, object, str]]:
    """Return, by the path of each text, the setting, its value with a token, and the token."""
    found: dict[str, tuple[Steps, object, str]] = {}
    for steps, schema in leaves(SCHEMA):
        for end, hold in holders(schema):
            token = make(len(found))
            found[".".join(steps) + end] = (steps, hold(token), token)
    env = make(len(found))
    found["pod.extraEnv[0].value"] = (("pod", "extraEnv"), [{"name": "X", "value": env}], env)
    return found


def laid(settings: list[tuple[Steps, object, str]]) -> dict[str, Any]:
    """Return the ten-line values with some settings."""
    values: dict[str, Any] = copy.deepcopy(DEFAULT)
    for steps, value, _ in settings:
        node = values
        for step in steps[:-1]:
            node = node.setdefault(step, {})
        node[steps[-1]] = value
    return values


VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


def admitted(make: Callable[[int], str]) -> dict[str, tuple[Steps, object, str]]:
    """Return what of it the schema admits."""
    return {path: item for path, item in planted(make).items() if VALIDATOR.is_valid(laid([item]))}


def refused(make: Callable[[int], str]) -> dict[str, tuple[Steps, object, str]]:
    """Return what of it the schema refuses."""
    return {path: item for path, item in planted(make).items() if not VALIDATOR.is_valid(laid([item]))}


REFUSED, FORM = refused(with_random), admitted(with_form)
# A text that is not a stage of Alloy is refused for that, before any look at what it is.
RANDOM = {path: item for path, item in admitted(with_random).items() if path != "logs.extraStages"}
# With these values an installation is refused for another reason, or the token is where it belongs.
OTHERS = {"xscaler.auth.token", "xscaler.auth.existingSecret.tenantIdKey", "xscaler.auth.existingSecret.usernameKey"}


def written(settings: Mapping[str, tuple[Steps, object, str]], folder: Path) -> Path:
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(laid([item for path, item in settings.items() if path not in OTHERS])))
    return file


def shown(ran: Ran, settings: Mapping[str, tuple[Steps, object, str]]) -> list[str]:
    """Return the paths of texts whose token is in an output."""
    return [path for path, (_, _, token) in settings.items() if token in ran.out or token in ran.err]


def paths(ran: Ran, *rules: str) -> set[str]:
    findings = json.loads(ran.out)["findings"]
    return {finding["path"] for finding in findings if finding["rule"] in rules}


def test_there_are_many_texts() -> None:
    assert len(RANDOM) > 60
    assert len(REFUSED) > 20


def test_random_text_is_reported_wherever_hashes_are_not_usual(cli4: Callable[..., Ran], tmp_path: Path) -> None:
    ran = cli4("validate", "-f", written(RANDOM, tmp_path), "-o", "json")
    expected = {path for path in RANDOM if path not in OTHERS and not destination._WITH_HASHES.match(path)}
    assert paths(ran, "XS206") == expected
    assert (ran.code, shown(ran, RANDOM)) == (1, [])


def test_an_xscaler_key_is_refused_by_the_chart_wherever_it_stands(cli4: Callable[..., Ran], tmp_path: Path) -> None:
    ran = cli4("validate", "-f", written(FORM, tmp_path), "-o", "json")
    assert paths(ran, "XS100") == set(FORM) - OTHERS
    assert not paths(ran, "XS206")
    assert (ran.code, shown(ran, FORM)) == (1, [])


def test_helm_alone_refuses_it_and_does_not_show_it(tmp_path: Path) -> None:
    done = run_template("helm4", "--values", str(written(FORM, tmp_path)))
    assert done.returncode == 1
    assert set(re.findall(r"# at: (.*)", done.stderr)) == set(FORM) - OTHERS
    assert not [path for path, (_, _, token) in FORM.items() if token in done.stderr]


def test_helm_alone_does_not_show_what_the_schema_refuses(tmp_path: Path) -> None:
    done = run_template("helm4", "--values", str(written(REFUSED, tmp_path)))
    assert "values don't meet the specifications of the schema" in done.stderr
    assert not [path for path, (_, _, token) in REFUSED.items() if token in done.stderr]


def test_what_the_schema_refuses_is_reported_and_not_shown(cli4: Callable[..., Ran], tmp_path: Path) -> None:
    ran = cli4("validate", "-f", written(REFUSED, tmp_path), "-o", "json")
    assert paths(ran, "XS002") == set(REFUSED)
    assert (ran.code, shown(ran, REFUSED)) == (1, [])


KINDS = {"random": RANDOM, "refused": REFUSED, "form": FORM}
EXPLAINED, CHECKED = ("render", "-f", "FILE", "--explain"), ("validate", "-f", "FILE")
# What is refused, Helm or the chart names in one way, whatever the command.
COMMANDS = [
    *((CHECKED, kind) for kind in KINDS),
    *((EXPLAINED, kind) for kind in KINDS),
    ((*EXPLAINED, "--all"), "random"),
    ((*CHECKED, "-o", "sarif"), "random"),
    (("diff", "BASE", "FILE"), "random"),
    (("diff", "FILE", "BASE", "-o", "json"), "random"),
]


@pytest.mark.parametrize(("words", "kind"), COMMANDS, ids=[f"{' '.join(words)} {kind}" for words, kind in COMMANDS])
def test_no_command_shows_one(cli4: Callable[..., Ran], tmp_path: Path, words: tuple[str, ...], kind: str) -> None:
    file, base = written(KINDS[kind], tmp_path), tmp_path / "base.yaml"
    base.write_text(yaml.safe_dump(DEFAULT))
    names = {"FILE": str(file), "BASE": str(base)}
    ran = cli4(*(names.get(word, word) for word in words), "--debug")
    assert ran.out or ran.err
    assert not shown(ran, KINDS[kind])


@pytest.mark.parametrize("kind", ["random", "refused"])
def test_doctor_shows_none(cli4: Callable[..., Ran], tmp_path: Path, kind: str) -> None:
    folder = next(folder for folder in FOLDERS if folder.name == "mesh")
    file = written(KINDS[kind], tmp_path)
    with recorded.serving(folder, tmp_path / "kubeconfig"):
        ran = cli4(
            *("doctor", "-n", "telemetry", "-f", file),
            KUBECONFIG=str(tmp_path / "kubeconfig"),
            XSCALER_KUBECTL=str(tool("kubectl")),
        )
    assert ran.out
    assert not shown(ran, KINDS[kind])


TOKEN = with_form(1)
ARGUMENTS = [
    *(["validate", flag, f"cluster.name={TOKEN}"] for flag in ("--set", "--set-string", "--set-literal")),
    ["validate", "--set-json", f'cluster={{"name": "{TOKEN}"}}'],
    ["validate", "--set", f"cluster.name=a,{TOKEN}"],
    ["validate", "--set", f"{TOKEN}=a"],
    ["validate", "--set", f"cluster.labels.{TOKEN}=a"],
    ["validate", "-f", TOKEN],
    ["validate", "--mesh", TOKEN],
    ["validate", "--output", TOKEN],
    ["validate", "--chart", TOKEN],
    ["validate", f"--{TOKEN}"],
    ["explain", TOKEN],
    ["rules", TOKEN],
    ["render", TOKEN, TOKEN],
    ["diff", TOKEN, TOKEN],
    ["test", TOKEN, "--timeout", TOKEN],
    *(["init", "-", flag, TOKEN] for flag in ("--region", "--tenant-id", "--secret", "--cluster", "--schema")),
    ["init", TOKEN, "--region", "euw1-01", "--tenant-id", "acme", "--cluster", "a"],
    [TOKEN],
]


@pytest.mark.parametrize("words", ARGUMENTS, ids=lambda words: " ".join(words).replace(TOKEN, "TOKEN"))
def test_an_argument_that_is_a_token_is_not_shown(cli4: Callable[..., Ran], words: list[str]) -> None:
    ran = cli4(*words, "--debug")
    assert ran.code
    assert TOKEN not in ran.out + ran.err
