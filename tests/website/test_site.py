"""The site is built without a warning, every link in it leads somewhere, and it asks nothing of other hosts."""

from __future__ import annotations

import html.parser
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.paths import ROOT
from website import __main__ as website
from website import stage

if TYPE_CHECKING:
    from collections.abc import Iterable

SOURCES = [*stage.PAGES, *(f"docs/{file.name}" for file in sorted((ROOT / "docs").glob("*.md")))]
# Tags that a browser loads by itself, and the attribute that says from where.
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


class Html(html.parser.HTMLParser):
    """What a page links to, what it loads, and the anchors in it."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(file.read_text())

    def handle_starttag(self, tag: str, attrs: Iterable[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        self.anchors.add(given.get("id", ""))
        if tag == "a" and "href" in given:
            self.links.add(given["href"])
        # The address of the page itself is no file that is loaded.
        if tag in LOADED and given.get("rel") != "canonical":
            self.loads.add(given.get(LOADED[tag], ""))


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
