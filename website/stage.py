"""Copies the documentation into the form in which Sphinx takes it.

The pages are written for GitHub, where a link to any file of the repository works. On the site a link to another page
stays one, and a link to any other file leads to GitHub. A link to nothing is left as it is: Sphinx warns of it and
ends the build.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
HOME = "https://github.com/xscaler/xscaler-istio"
# Pages of the repository's root, and what they are on the site.
PAGES = {
    "README.md": "index.md",
    "UPGRADING.md": "upgrading.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    # docs/security.md says what the chart may do, this one how to report.
    "SECURITY.md": "reporting.md",
}
CONTENTS = Path(__file__).with_name("contents.yaml")
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)(#[^)\s]+)?(?=\))")
_ANCHOR = re.compile(r'(?m)^<a id="([^"]+)"></a>$')
_CODE = re.compile(r"(?ms)(^ *```.*?^ *```$|`[^`\n]*`)")


def stage(target: Path) -> None:
    """Write the sources of the site into a folder, which is rebuilt."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(ROOT / "docs", target)
    for source in [*PAGES, *(f"docs/{file.name}" for file in (ROOT / "docs").glob("*.md"))]:
        (target / site_path(source)).write_text(page(source), encoding="utf-8")
    with (target / "index.md").open("a", encoding="utf-8") as index:
        index.write("".join(trees()))


def page(source: str) -> str:
    """Return a page of the repository as the site has it."""
    pieces = _CODE.split((ROOT / source).read_text(encoding="utf-8"))
    # The even ones are prose.
    pieces[::2] = [_prose(source, piece) for piece in pieces[::2]]
    return "".join(pieces)


def _prose(source: str, text: str) -> str:
    linked = _LINK.sub(lambda match: link(source, match[1], match[2] or ""), text)
    # Anchors that a page sets itself, in MyST's spelling.
    return _ANCHOR.sub(r"(\1)=", linked)


def link(source: str, path: str, anchor: str) -> str:
    """Return where a relative link of a page leads to on the site."""
    file = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    if anchor[1:] in own_anchors(file):
        # MyST finds those by their name alone.
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
    """Return where a file of the repository is on the site, all of whose pages lie in one folder; empty if nowhere."""
    inside = file.removeprefix("docs/") if file.startswith("docs/") and (ROOT / file).is_file() else ""
    return PAGES.get(file, inside)


def trees() -> list[str]:
    """Return the table of contents in MyST's spelling, a piece for each part."""
    parts = yaml.safe_load(CONTENTS.read_text(encoding="utf-8"))
    return [
        f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n" + "".join(f"{name}\n" for name in pages) + "```\n"
        for title, pages in parts.items()
    ]
