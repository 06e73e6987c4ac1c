"""The site builds without a warning, each link leads somewhere, nothing is cut, and nothing loads from other hosts."""

from __future__ import annotations

import html.parser
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.support.paths import ROOT
from website import __main__ as website
from website import stage

if TYPE_CHECKING:
    from collections.abc import Iterable

SOURCES = [*stage.PAGES, *(f"docs/{file.name}" for file in sorted((ROOT / "docs").glob("*.md")))]
# Tags without an end.
EMPTY = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source"}
# Tags whose target a browser loads without a click, and the attribute that names it.
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


class Html(html.parser.HTMLParser):
    """What a page links to, what it loads, its anchors, the entries of its navigation, and its tables' boxes."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.anchors: set[str] = set()
        self.navigation: list[str] = []
        self.tables: list[bool] = []
        self._open: list[str] = []
        self.feed(file.read_text())

    def handle_starttag(self, tag: str, attrs: Iterable[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        if tag not in EMPTY:
            self._open.append(f"{tag} {given.get('class', '')}")
        if tag == "a" and any("sidebar-tree" in item for item in self._open):
            self.navigation.append(given["href"])
        if tag == "table":
            self.tables.append(any("table-wrapper" in item for item in self._open))
        self.anchors.add(given.get("id", ""))
        if tag == "a" and "href" in given:
            self.links.add(given["href"])
        # A canonical address names the page itself; browsers do not load it.
        if tag in LOADED and given.get("rel") != "canonical":
            self.loads.add(given.get(LOADED[tag], ""))

    def handle_endtag(self, tag: str) -> None:
        while tag not in EMPTY and self._open and self._open.pop().split(" ")[0] != tag:
            pass


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as `make site` does."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "website", folder], check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return folder


def test_every_page_is_there(site: Path) -> None:
    expected = {Path(stage.site_path(source)).with_suffix(".html").name for source in SOURCES}
    assert expected <= {file.name for file in site.glob("*.html")}
    assert len(expected) == len(SOURCES)


def test_the_navigation_lists_each_page_once(site: Path) -> None:
    listed = Html(site / "install.html").navigation
    pages = {Path(stage.site_path(source)).with_suffix(".html").name for source in SOURCES}
    # The page itself is "#"; the start page is the title above the list.
    assert sorted(listed) == sorted((pages - {"index.html", "install.html"}) | {"#"})


def test_no_two_pages_have_the_same_title() -> None:
    titles = [re.findall(r"(?m)^# (.+)$", (ROOT / source).read_text())[0] for source in SOURCES]
    assert len(set(titles)) == len(titles), sorted(titles)


def test_the_readme_lists_the_pages_in_the_groups_of_the_navigation() -> None:
    _, _, documentation = (ROOT / "README.md").read_text().partition("## Documentation\n")
    groups = re.findall(r"(?ms)^\*\*(\w+)\*\*\n\n(.*?)(?=^\*\*|\Z)", documentation)
    links = {name: re.findall(r"(?m)^- \[.*?\]\(([^)]+)\)", entries) for name, entries in groups}
    listed = {name: [stage.site_path(link).removesuffix(".md") for link in found] for name, found in links.items()}
    # The examples have a page on GitHub and none on the site.
    assert {name: [page for page in pages if page] for name, pages in listed.items()} == yaml.safe_load(
        stage.CONTENTS.read_text()
    )


def test_an_old_address_leads_to_the_page_that_moved(site: Path) -> None:
    (target,) = re.findall(r'http-equiv="refresh" content="0; url=([^"]+)"', (site / "options.html").read_text())
    assert target == "from-xscalers-page.html"
    assert (site / target).exists()


# 1280 px are 80em. The navigation takes 15em of them, the page's padding 4em and a block's padding 1.75em. A character
# of a block is 0.6 times as wide as its font, which has 13 px.
COLUMNS_AT_1280_PX = int((80 - 15 - 4 - 1.75) * 16 / (0.6 * 13))
BLOCK = re.compile(r"(?ms)^ *```\w*\n(.*?)^ *```$")


def test_diagrams_fit_into_a_window_of_1280_px() -> None:
    blocks = [block for source in SOURCES for block in BLOCK.findall((ROOT / source).read_text())]
    diagrams = [block for block in blocks if "┌" in block]
    assert diagrams
    assert max(len(line) for diagram in diagrams for line in diagram.splitlines()) <= COLUMNS_AT_1280_PX


def test_wide_tables_and_code_scroll_inside_their_box(site: Path) -> None:
    assert all(inside for file in site.glob("*.html") for inside in Html(file).tables)
    styles = (site / "_static/site.css").read_text()
    (selectors,) = re.findall(r"([^{}]+)\{\s*overflow-x: auto;", styles)
    assert ".table-wrapper" in selectors
    assert ".highlight pre" in selectors


def test_every_link_leads_somewhere(site: Path) -> None:
    pages = {file.resolve(): Html(file) for file in site.glob("*.html")}
    followed = 0
    for file, page in pages.items():
        for link in page.links | page.loads:
            if link.startswith(("https://", "data:")) or not link:
                continue
            path, _, anchor = link.partition("#")
            target = (file.parent / path.partition("?")[0]).resolve() if path else file
            assert target.exists(), f"{file.name}: {link}"
            # The theme's icons are anchors in each page.
            assert not anchor or anchor in pages[target].anchors, f"{file.name}: {link}"
            followed += 1
    assert followed > 500


def test_links_into_the_repository_name_what_is_there(site: Path) -> None:
    found = {link for file in site.glob("*.html") for link in Html(file).links if link.startswith(stage.HOME)}
    inside = {link for link in found if link.startswith((f"{stage.HOME}/blob/main/", f"{stage.HOME}/tree/main/"))}
    assert inside
    for link in inside:
        assert (ROOT / link.partition("/main/")[2].partition("#")[0]).exists(), link


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    loaded = {url for file in site.glob("*.html") for url in Html(file).loads}
    assert "_static/pygments.css" in {url.partition("?")[0] for url in loaded}
    assert not {url for url in loaded if "//" in url}
    styles = "".join(file.read_text() for file in site.rglob("*.css"))
    assert "url(http" not in styles
    assert "@import" not in styles


FURTHER = pytest.mark.whole("in make test one mistake ends the build; each builds the whole site")
MISTAKES = ("[gone](logs.md#gone)", "[gone](#gone)", "```nolanguage\nx\n```")


@pytest.mark.parametrize("text", ["[gone](gone.md)", *(pytest.param(text, marks=FURTHER) for text in MISTAKES)])
def test_a_mistake_in_a_page_ends_the_build(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = stage.page
    broken = {"docs/logs.md": f"\n\n{text}\n"}
    monkeypatch.setattr(stage, "page", lambda source: pages(source) + broken.get(source, ""))
    assert website.main(str(tmp_path)) != 0


def test_a_page_in_no_part_of_the_contents_ends_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trees = stage.trees
    monkeypatch.setattr(stage, "trees", lambda: [tree.replace("\nlogs\n", "\n") for tree in trees()])
    assert website.main(str(tmp_path)) != 0


@pytest.mark.parametrize(
    ("source", "link", "expected"),
    [
        ("README.md", "docs/logs.md", "logs.md"),
        ("docs/logs.md", "../README.md", "index.md"),
        ("docs/security.md", "../SECURITY.md", "reporting.md"),
        ("docs/logs.md", "../examples/values.yaml", f"{stage.HOME}/blob/main/examples/values.yaml"),
        ("docs/platforms.md", "../chart/files/platforms", f"{stage.HOME}/tree/main/chart/files/platforms"),
        ("docs/logs.md", "gone.md", "gone.md"),
    ],
)
def test_links_of_the_repository_are_those_of_the_site(source: str, link: str, expected: str) -> None:
    assert stage.link(source, link, "") == expected
    assert stage.link(source, "logs.md" if source.startswith("docs/") else "docs/logs.md", "#cost") == "logs.md#cost"
