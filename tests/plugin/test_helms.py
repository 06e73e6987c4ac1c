"""Both majors of Helm: the plugin says the same of each kind of input, although they say it in words of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.command import runner
from tests.support.paths import EXAMPLE, ROOT
from tests.support.tools import HELMS, tool

if TYPE_CHECKING:
    from pathlib import Path

BAD = ROOT / "tests/plugin/examples"
SECRET = "ef0123SECRET"  # noqa: S105 - no real one
# Programs that check what is rendered, and know no Helm.
OFF = {f"XSCALER_{name}": "/nowhere" for name in ("KUBECONFORM", "PROMTOOL", "ALLOY", "OTELCOL")}

# Each kind of input: (arguments, standard input).
KINDS: dict[str, tuple[tuple[str | Path, ...], bytes]] = {
    "content": (("validate", "-f", EXAMPLE), b""),
    "refused by the schema": (("validate", "-f", BAD / "wrong-types.yaml"), b""),
    "refused by the chart": (("validate", "-f", BAD / "too-many-labels.yaml"), b""),
    "refused by both": (("validate", "-f", EXAMPLE, "--set", "cluster.name=null,metrics.shards=many"), b""),
    "not YAML": (("validate", "-f", BAD / "not-yaml.yaml"), b""),
    "YAML that only Helm refuses": (("validate", "-f", EXAMPLE, "-f", "-"), b"cluster: {name: {{ s3cr3t }} }\n"),
    "keys that are no texts": (("validate", "-f", BAD / "keys-that-are-no-texts.yaml"), b""),
    "nothing": (("validate", "-f", "-"), b""),
    "a warning": (("validate", "-f", EXAMPLE, "--set-json", "prometheus.resources=[]"), b""),
    "a flag without =": (("validate", "-f", EXAMPLE, "--set", SECRET), b""),
    "a flag that is no JSON": (("validate", "-f", EXAMPLE, "--set-json", f"xscaler.auth.token={SECRET}"), b""),
    "a list that is not closed": (("validate", "-f", EXAMPLE, "--set", f"xscaler.auth.token={{{SECRET}"), b""),
    "an index that is no number": (("validate", "-f", EXAMPLE, "--set", f"xscaler.auth.token[{SECRET}]=x"), b""),
    "a render that the schema refuses": (
        ("render", "-f", EXAMPLE, "--set", f"xscaler.auth.token=glc_abcd,{SECRET}=="),
        b"",
    ),
    "a render that the chart refuses": (("render", "-f", EXAMPLE, "--set", "cluster.name="), b""),
    "a configuration": (("render", "-f", EXAMPLE, "--config", "prometheus"), b""),
    "linted": (("lint", "-f", EXAMPLE, "--set", "logs.enabled=true"), b""),
    "linted and refused": (("lint", "-f", EXAMPLE, "--set", "cluster.name=,xscaler.auth.token=t"), b""),
}


@pytest.mark.parametrize("kind", KINDS)
def test_both_say_the_same(kind: str) -> None:
    arguments, stdin = KINDS[kind]
    three, four = (runner(tool(helm))(*arguments, stdin=stdin, **OFF) for helm in HELMS)
    assert three == four
    assert (SECRET in four.out + four.err, "Traceback" in four.err) == (False, False)
