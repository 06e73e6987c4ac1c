"""Documentation that is read by machines too: links lead somewhere, YAML is YAML, and values are values."""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from .conftest import CHART, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "examples/README.md",
    CHART / "README.md",
]
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


@page
def test_yaml_is_yaml_and_values_are_values(page: Path) -> None:
    for text in blocks(page):
        for document in yaml.safe_load_all(text):
            keys = document.keys() if isinstance(document, dict) else set()
            # Of a values file every key is one of the chart's; a block of another program has others.
            if keys and keys <= SCHEMA["properties"].keys():
                jsonschema.validate(document, SCHEMA)


def leaves(schema: Any, path: str = "") -> Iterator[str]:
    """Yield the keys without keys below them."""
    for name, child in schema["properties"].items():
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
