"""Documentation that is read by machines too: links lead somewhere, and every block of YAML is rendered or checked."""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from tests.support.paths import CHART, ROOT
from tests.support.rendering import run_template
from tests.support.schemas import conforms
from xscaler_istio.commands import project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "examples/README.md",
    CHART / "README.md",
]
EXAMPLE = ROOT / "examples/values.yaml"
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
page = pytest.mark.parametrize("page", PAGES, ids=lambda file: str(file.relative_to(ROOT)))
# A page of the project on the web; what it names in the repository is checked here as well.
HOME = "https://github.com/xscaler/xscaler-istio/blob/main/"


def prose(text: str) -> str:
    """Return a page without its code."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"(?ms)^ *```.*?^ *```$", "", text))


@functools.cache
def anchors(file: Path) -> frozenset[str]:
    """Return the anchors of a page's headings, as GitHub makes them, and those that it sets itself."""
    text = re.sub(r"(?ms)^ *```.*?^ *```$", "", file.read_text())
    headings = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in re.findall(r"(?m)^#+ (.+)$", text))
    return frozenset(heading.replace(" ", "-") for heading in headings) | set(re.findall(r'<a id="([^"]+)">', text))


@page
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text())):
        if link.startswith("http") and not link.startswith(HOME):
            continue
        path, _, anchor = link.removeprefix(HOME).partition("#")
        target = (ROOT if link.startswith(HOME) else page.parent) / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def blocks(file: Path) -> list[str]:
    """Return the YAML blocks of a page, without the indentation of a list that they stand in."""
    found = re.findall(r"(?ms)^( *)```yaml\n(.*?)^ *```$", file.read_text())
    return [re.sub(f"(?m)^{indent}", "", text) for indent, text in found]


def test_pages_have_blocks() -> None:
    assert sum(len(blocks(file)) for file in PAGES) > 10


def _values(document: dict[str, Any]) -> None:
    """Render a values file, or a part of one on top of the ten lines."""
    jsonschema.validate(document, SCHEMA)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(document, file)
        file.flush()
        done = run_template("helm4", "--values", str(EXAMPLE), "--values", file.name)
    assert done.returncode == 0, done.stderr


def _steps(document: dict[str, Any]) -> None:
    workflow = {"on": "push", "jobs": {"check": {"runs-on": "ubuntu-24.04", **document}}}
    check_jsonschema("vendor.github-workflows", workflow)


def _hooks(document: dict[str, Any]) -> None:
    (repository,) = document["repos"]
    ours = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    assert {hook["id"] for hook in repository["hooks"]} <= ours


def _project(document: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / project.NAME).write_text(yaml.safe_dump(document))
        loaded = project.read(Path(folder))
    assert len(loaded.ignores) == len(document["ignore"])


def _mesh(document: dict[str, Any]) -> None:
    """Parse a log format as the chart's expressions do: every command of Envoy is closed."""
    (form,) = document["meshConfig"].values()
    assert len(re.findall(r"%[A-Z_]+(?:\([^)]*\))?%", form)) == form.count("%") // 2 > 20


def _grafana(document: dict[str, Any]) -> None:
    """Check Grafana's provisioning of dashboards, which has no published schema: a provider reads files unless told."""
    for provider in document["providers"]:
        assert provider.get("type", "file") == "file"
        assert provider["name"]
        assert provider["options"]["path"].startswith("/")


# What a block of YAML is, by its keys, and how it is checked. The first that fits.
KINDS: tuple[tuple[Callable[[set[str]], bool], Callable[[dict[str, Any]], None]], ...] = (
    (lambda keys: keys >= {"apiVersion", "kind"}, conforms),
    (lambda keys: keys <= SCHEMA["properties"].keys(), _values),
    (lambda keys: keys == {"steps"}, _steps),
    (lambda keys: keys == {"repos"}, _hooks),
    (lambda keys: keys == {"ignore"}, _project),
    (lambda keys: keys == {"meshConfig"}, _mesh),
    (lambda keys: keys == {"apiVersion", "providers"}, _grafana),
)


def check_jsonschema(name: str, document: dict[str, Any]) -> None:
    """Check against a schema that check-jsonschema ships."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(document, file)
        file.flush()
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", name, file.name]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@page
def test_every_block_of_yaml_is_rendered_or_checked(page: Path) -> None:
    for text in blocks(page):
        for document in yaml.safe_load_all(text):
            keys = set(document)
            check = next((check for fits, check in KINDS if fits(keys)), None)
            assert check, f"nothing checks a block with the keys {sorted(keys)}"
            check(document)


def leaves(schema: Any, path: str = "") -> Iterator[str]:
    """Yield the keys without keys below them, except for old names."""
    current = {name: child for name, child in schema["properties"].items() if not child.get("deprecated")}
    for name, child in current.items():
        yield from leaves(child, f"{path}{name}.") if "properties" in child else [f"{path}{name}"]


def test_the_charts_page_has_every_key_and_its_default() -> None:
    page = (CHART / "README.md").read_text()
    rows = {row.split("`")[1]: row for row in page.splitlines() if row.startswith("| `")}
    # The block `pod` of a collector is one row, which leads to that of all.
    expected = {re.sub(r"^(\w+\.pod)\..*", r"\1", path) for path in leaves(SCHEMA)}
    assert rows.keys() == expected
    assert rows["metrics.scrapeInterval"].split(" | ")[1:3] == ["string", '`"30s"`']
    assert "[`pod`](#pod)" in rows["alloy.pod"]


def test_the_charts_page_has_the_ten_lines() -> None:
    shown = [yaml.safe_load(text) for text in blocks(CHART / "README.md")]
    assert shown == [yaml.safe_load((ROOT / "examples/values.yaml").read_text())]
