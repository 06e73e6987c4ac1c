"""The pages use the words of CONTRIBUTING.md."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.paths import ROOT
from tests.support.words import WORDS, foreign_words

if TYPE_CHECKING:
    from pathlib import Path

CONTRIBUTING = ROOT / "CONTRIBUTING.md"
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(ROOT.glob("docs/*.md")),
    ROOT / "chart/README.md",
    ROOT / "examples/README.md",
]


def prose(text: str) -> list[str]:
    """Return the paragraphs, list items and rows of a page, without code."""
    blocks = re.sub(r"(?ms)^ *```.*?^ *```$", "", text)
    return re.split(r"\n\s*\n|\n(?=\s*(?:[-|>#]|\d+\.) )", re.sub(r"`[^`\n]*`", "", blocks))


@pytest.mark.parametrize("page", PAGES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_page_has_no_foreign_word(page: Path) -> None:
    paragraphs = prose(page.read_text())
    if page == CONTRIBUTING:
        # Its table names them.
        paragraphs = [text for text in paragraphs if not text.startswith("|")]
    assert [f"{text[:60]}: {word}" for text in paragraphs for word in foreign_words(text)] == []


EXAMPLES = [file for file in sorted(ROOT.glob("examples/**/*")) if file.suffix in (".yaml", ".tf")]


@pytest.mark.parametrize(
    "example", [file for file in EXAMPLES if file.parent.name != "alerts"], ids=lambda file: str(file.relative_to(ROOT))
)
def test_the_comments_of_an_example_have_no_foreign_word(example: Path) -> None:
    comments = re.findall(r"(?m)(?:^|\s)# (.*)$", example.read_text())
    assert [word for comment in comments for word in foreign_words(comment)] == []


def test_each_foreign_word_is_found() -> None:
    text = "It alone mends what is no key, tells nobody, begins anew for want of one of its own, for good, as it is."
    text = f"xScaler refuses it. {text}"
    assert len(foreign_words(text)) == len(WORDS)


def test_words_of_the_field_are_not_found() -> None:
    assert foreign_words("There is no limit. It is no longer there. A standalone amendment retells none of it.") == []


def test_contributing_names_the_words() -> None:
    _, _, words = CONTRIBUTING.read_text().partition("\n## Words\n")
    rows = re.findall(r"(?m)^\| (.+?) \| (.+?) \|$", words.partition("\n## ")[0])[2:]
    listed = [right for _, right in rows if foreign_words(right)]
    assert len(listed) > 5
