"""`validate` over example files: a new case is a new file, its expected output in comments at its top."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .conftest import EXAMPLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Ran

FILES = sorted((Path(__file__).parent / "examples").glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_bad_file_gets_exactly_these_findings(cli: Callable[..., Ran], file: Path) -> None:
    # `#> ` lines are the expected output, without the file's name.
    expected = re.findall(r"^#> (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    assert expected
    ran = cli("validate", "-f", file)
    assert ran.out.replace(str(file), "FILE").splitlines() == expected
    assert ran.code == 1


@pytest.mark.parametrize(
    "file", [EXAMPLE, *sorted((EXAMPLE.parents[1] / "chart/ci").glob("*.yaml"))], ids=lambda f: f.name
)
def test_a_good_file_has_no_findings(cli: Callable[..., Ran], file: Path) -> None:
    ran = cli("validate", "-f", file)
    assert (ran.code, ran.out) == (0, "validate: no findings\n")


def test_a_flag_is_named_as_the_place(cli: Callable[..., Ran]) -> None:
    ran = cli(
        "validate", "-f", EXAMPLE, "--set", "metrics.shards=many", "--set-json", 'metrics.targets={"sidecars":{}}'
    )
    assert "--set metrics.shards: error: metrics.shards is a text [XS002]" in ran.out
    assert "--set metrics.targets: error: metrics.targets.sidecars is no key of this chart [XS001]" in ran.out
    assert ran.code == 1


def test_the_last_file_wins_and_is_named(cli: Callable[..., Ran], tmp_path: Path) -> None:
    later = tmp_path / "later.yaml"
    later.write_text("metrics:\n  profile: all\n")
    ran = cli("validate", "-f", EXAMPLE, "-f", later)
    assert ran.out.startswith(f"{later}:2:12: error: metrics.profile has a value that is not allowed")


def test_standard_input(cli: Callable[..., Ran]) -> None:
    ran = cli("validate", "-f", "-", stdin=EXAMPLE.read_bytes())
    assert (ran.code, ran.out) == (0, "validate: no findings\n")
    ran = cli("validate", "-f", "-", stdin=b"nonsense: 1\n")
    assert ran.out.startswith("<stdin>:1:1: error: nonsense is no key of this chart")


def test_null_removes_a_value_as_in_helm(cli: Callable[..., Ran]) -> None:
    ran = cli("validate", "-f", EXAMPLE, "--set", "cluster.name=null")
    assert "cluster.name is empty" in ran.out


def test_json(cli: Callable[..., Ran]) -> None:
    ran = cli("validate", "-f", "-", "-o", "json", stdin=b"cluster:\n  nam: x\n")
    report = json.loads(ran.out)
    assert report["ok"] is False
    assert report["findings"][0] == {
        "rule": "XS001",
        "severity": "error",
        "message": "cluster.nam is no key of this chart",
        "path": "cluster.nam",
        "file": "<stdin>",
        "line": 2,
        "column": 3,
        "fix": "did you mean cluster.name?",
    }


def test_no_secret_is_shown(cli: Callable[..., Ran]) -> None:
    secret = "s3cr3t-of-the-user"  # noqa: S105 - no real one
    cases = (
        f"xscaler: {{auth: {{token: [{secret}]}}}}",
        f"xscaler: {{token: {secret}}}",
        f"token: {secret}",
        f"xscaler: {{metrics: {{url: 'https://u:{secret}@x/'}}}}",
        f"xscaler: {{auth: {{type: {secret}}}}}",
    )
    for text in cases:
        ran = cli("validate", "-f", "-", stdin=text.encode())
        assert ran.code == 1
        assert secret not in ran.out + ran.err, text
