"""Copies the documentation into the form that Sphinx reads.

The pages are written for GitHub, where a link can lead to any file of the repository. On the site, links to pages stay
links to pages, and links to other files lead to GitHub. A broken link stays: Sphinx warns of it and fails the build.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
HOME = "https://github.com/xscaler/xscaler-istio"
# Pages in the repository's root, and their names on the site.
PAGES = {
    "README.md": "index.md",
    "UPGRADING.md": "upgrading.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    # docs/security.md has the name security.md on the site.
    "SECURITY.md": "reporting.md",
}
CONTENTS = Path(__file__).with_name("contents.yaml")
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)(#[^)\s]+)?(?=\))")
_ANCHOR = re.compile(r'(?m)^<a id="([^"]+)"></a>$')
_CODE = re.compile(r"(?ms)(^ *```.*?^ *```$|`[^`\n]*`)")


def stage(target: Path) -> None:
    """Write the sources of the site into a folder, and delete what was in it."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(ROOT / "docs", target)
    for source in [*PAGES, *(f"docs/{file.name}" for file in (ROOT / "docs").glob("*.md"))]:
        (target / site_path(source)).write_text(page(source), encoding="utf-8")
    with (target / "index.md").open("a", encoding="utf-8") as index:
        index.write("".join(trees()))


def page(source: str) -> str:
    """Return a page of the repository in the form of the site."""
    pieces = _CODE.split((ROOT / source).read_text(encoding="utf-8"))
    # The even ones are prose.
    pieces[::2] = [_prose(source, piece) for piece in pieces[::2]]
    return "".join(pieces)


def _prose(source: str, text: str) -> str:
    linked = _LINK.sub(lambda match: link(source, match[1], match[2] or ""), text)
    # Anchors that a page sets itself, in MyST's syntax.
    return _ANCHOR.sub(r"(\1)=", linked)


def link(source: str, path: str, anchor: str) -> str:
    """Return the target of a page's relative link on the site."""
    file = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    if anchor[1:] in own_anchors(file):
        # MyST finds them by their name, without a file.
        return anchor
    if site := site_path(file):
        return f"{site}{anchor}"
    if (ROOT / file).exists():
        return f"{HOME}/{'tree' if (ROOT / file).is_dir() else 'blob'}/main/{file}{anchor}"
    return f"{path}{anchor}"


def own_anchors(file: str) -> frozenset[str]:
    """Return the anchors that a page sets itself, beside those of its headings."""
    path = ROOT / file
    text = path.read_text(encoding="utf-8") if path.suffix == ".md" and path.is_file() else ""
    return frozenset(_ANCHOR.findall(text))


def site_path(file: str) -> str:
    """Return the name of a repository file on the site, whose pages are all in one folder; empty if it has none."""
    inside = file.removeprefix("docs/") if file.startswith("docs/") and (ROOT / file).is_file() else ""
    return PAGES.get(file, inside)


def trees() -> list[str]:
    """Return the table of contents in MyST's syntax, one text for each group."""
    parts = yaml.safe_load(CONTENTS.read_text(encoding="utf-8"))
    return [
        f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n" + "".join(f"{name}\n" for name in pages) + "```\n"
        for title, pages in parts.items()
    ]
