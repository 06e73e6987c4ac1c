"""Tokens in text that is not theirs: how they are recognised, and hidden where text is shown."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HIDDEN = "…"

# xScaler's keys, and JSON Web Tokens. The chart refuses the same (templates/validations/_token_validations.tpl).
FORMS = re.compile(r"xag_[A-Za-z0-9]{6}[\w-]*|eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?")
_UUID = re.compile(r"(?i)(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f])")
_WORD = re.compile(r"[\w+/=.-]+")
_PART = re.compile(r"[A-Za-z0-9]+")
_DIGEST = re.compile("sha256:[0-9a-f]{64}")
# An address up to its parameters, or the path of a file.
_PLACE = re.compile(r"(?:\w+://|[.~]{0,2}/)[^\s\"'?@]*")
# Longer than the hash that kustomize appends to a name.
_RANDOM_PART, _RANDOM_PART_SWITCHES = 20, 5
_RANDOM_TEXT, _RANDOM_TEXT_SWITCHES = 24, 8


def has_form_of_token(text: str) -> bool:
    """Return whether a text contains what only a token looks like: an xScaler key or a JSON Web Token."""
    return bool(FORMS.search(text))


def looks_like_token(text: str) -> bool:
    """Return whether a text is probably a token: by its form, or because it is long and random."""
    return has_form_of_token(text) or any(_random(found[0]) for found in _WORD.finditer(_UUID.sub("", text)))


def hidden(text: str, *, places: bool = True) -> str:
    """Return a text with HIDDEN in place of each part that looks like a token.

    With `places` what is only random is shown in paths of files and in addresses: where something is has to be read.
    """
    for start, stop in sorted(spans(text, places=places), reverse=True):
        text = text[:start] + HIDDEN + text[stop:]
    return text


def spans(text: str, *, places: bool = True) -> Iterator[tuple[int, int]]:
    """Yield the first index of each part that looks like a token, and the index behind it; none overlaps another."""
    known = [found.span() for found in FORMS.finditer(text)]
    yield from known
    shown = (_UUID, _DIGEST, *([_PLACE] if places else []))
    public = [found.span() for pattern in shown for found in pattern.finditer(text)]
    for found in _WORD.finditer(text):
        if not _overlaps(found.span(), known) and not _overlaps(found.span(), public):
            yield from _random_spans(found)


def _overlaps(span: tuple[int, int], others: list[tuple[int, int]]) -> bool:
    return any(start < span[1] and span[0] < stop for start, stop in others)


def _random_spans(word: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Yield the random parts of a word, so that a key in front of one stays; otherwise the word, if it is random."""
    parts = [found for found in _PART.finditer(word[0]) if _random_part(found[0])]
    if parts:
        yield from ((word.start() + found.start(), word.start() + found.end()) for found in parts)
    elif _random_text(word[0]):
        yield word.span()


def _random(word: str) -> bool:
    return any(map(_random_part, _PART.findall(word))) or _random_text(word)


def _random_part(part: str) -> bool:
    return len(part) >= _RANDOM_PART and _digit_runs(part) >= _RANDOM_PART_SWITCHES


def _random_text(word: str) -> bool:
    mixed = all(re.search(kind, word) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
    switches = sum(_digit_runs(part) + len(re.findall("[a-z][A-Z]", part)) for part in _PART.findall(word))
    return mixed and len(word) >= _RANDOM_TEXT and switches >= _RANDOM_TEXT_SWITCHES


def _digit_runs(part: str) -> int:
    """Return how often letters and digits follow each other."""
    return sum(one.isdigit() != other.isdigit() for one, other in itertools.pairwise(part))
