"""`kubectl get -o yaml` prints each text of the objects as a block, line by line, and not as one quoted string."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.golden import FILES, GOLDEN
from tests.support.paths import CI_FILES, EXAMPLE
from tests.support.rendering import objects, template
from tests.support.tools import tool
from xscaler_istio.rendered.collectors import COLLECTORS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOGS = ("files", "api", "filesAndFargate")
# A line that ends in white space, and what YAML admits in quotes only: then the whole text is one quoted string.
UNREADABLE = re.compile(r"[ \t]$|[\t\x00-\x08\x0b-\x1f\x7f]", re.MULTILINE)


def texts(node: Any, place: str) -> Iterator[tuple[str, str]]:
    """Yield every text below a node, with its place."""
    if isinstance(node, str):
        yield place, node
    elif isinstance(node, (dict, list)):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from texts(value, f"{place}.{key}")


def unreadable(rendered: str) -> list[str]:
    """Return the places of texts that are not printed as they are."""
    found = []
    for item in objects(rendered):
        for place, text in texts(item, f"{item['kind']} {item['metadata']['name']}"):
            if "\n" in text and (UNREADABLE.search(text) or not printed(text).startswith("|")):
                found.append(place)
    return found


def printed(text: str) -> str:
    """Return a text as a YAML emitter prints it that prefers blocks."""
    # The emitter of libyaml decides as that of kubectl does, which is a translation of it.
    return yaml.dump(text, Dumper=yaml.CSafeDumper, default_style="|", allow_unicode=True, width=10**6)


@pytest.mark.parametrize("file", [*CI_FILES, EXAMPLE], ids=lambda file: file.stem)
def test_texts_of_every_values_file_are_blocks(file: Path) -> None:
    assert unreadable(template("helm4", "--values", str(file))) == []


@pytest.mark.parametrize(
    ("collector", "source", "runtime"),
    [
        *((collector, "files", "cri") for collector in COLLECTORS),
        *(("none", source, runtime) for source in LOGS for runtime in ("cri", "docker")),
    ],
)
def test_configurations_are_blocks(collector: str, source: str, runtime: str) -> None:
    sets = f"metrics.collector={collector},logs.enabled=true,logs.source={source},logs.runtime={runtime}"
    more = "logs.maskForwardedFor=true,logs.streamLabels={response_code},xscaler.extraHeaders.X-Team=mesh"
    rendered = template("helm4", "--values", str(CI_FILES[0]), "--set", sets, "--set", more)
    assert unreadable(rendered) == []


@pytest.mark.parametrize("name", FILES.values())
def test_kubectl_prints_a_configuration_as_it_is(name: str) -> None:
    command = [str(tool("kubectl")), "create", "configmap", "c", f"--from-file={GOLDEN / name}"]
    done = subprocess.run([*command, "--dry-run=client", "-o", "yaml"], check=True, capture_output=True, text=True)
    lines = (GOLDEN / name).read_text(encoding="utf-8").splitlines()
    block = "".join(f"    {line}\n" if line else "\n" for line in lines)
    assert f"  {name}: |\n{block}" in done.stdout


def test_white_space_at_the_end_of_a_line_makes_it_one_quoted_string() -> None:
    assert printed("a\nb\n").startswith("|")
    for text in ("a \nb\n", "a\n  \nb\n", "a\tb\nc\n"):
        assert UNREADABLE.search(text)
        assert not printed(text).startswith("|")
