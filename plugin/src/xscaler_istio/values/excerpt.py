"""A line of a values file for people to see, with whatever may be a secret masked."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from xscaler_istio.system import masks

if TYPE_CHECKING:
    from collections.abc import Iterator

MASK = masks.HIDDEN
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_USERINFO = re.compile(r"(?<=://)[^/\s\"']*(?=@)")
# The value of a key that ends like a secret's.
_NAMED = re.compile(
    r"(?i)(?<![\w.-])(?!existingSecret\b)[\w.-]*(?:token|password|passwd|secret|credentials?|api_?-?key|bearer|authorization)"
    r"[\"']?\s*:\s+(?P<value>[^{\[\s][^,}\]]*)"
)
# Of a kind with tokens: long, and of letters and digits or of both cases. Keys (before a colon) are none.
_WORD = re.compile(r"[^\s{}\[\],:\"']{12,}(?![^\s{}\[\],:\"']*[\"']?:(?:\s|$))")
_HOST_AND_PATH = re.compile(r"//[\w.@-]+(?:/[a-z0-9/]*)?")


def excerpt(line: str, column: int, *, cut_after: int = 0) -> str:
    """Return a line with masks, and below it a caret at `column` (from 1).

    A comment is left out unless it is what is meant; the line is cut after `cut_after` characters unless that is 0.
    """
    comment = _COMMENT.search(line)
    end = min(cut_after or len(line), comment.start() if comment and comment.start() >= column else len(line))
    masked, position, caret = "", 0, 0
    # One for one, so that the caret stays where it is.
    line = re.sub(r"[^\t\x20-\x7e\x85\xa0-\ud7ff\ue000-\U0010ffff]", "\ufffd", line)
    for start, stop in (*_merged(sorted(_spans(line))), (end, end)):
        if position <= column - 1 < max(start, position + 1):
            caret = len(masked) + column - 1 - position
        masked += line[position : min(start, end)]
        if start >= end:
            break
        if start <= column - 1 < stop:
            caret = len(masked)
        masked, position = masked + MASK, stop
    # Tabs are as wide above the caret as above the line.
    blank = re.sub(r"[^\t]", " ", masked[:caret])
    return f"{masked.rstrip()}\n{blank}^"


def masked(line: str) -> str:
    """Return a line with masks."""
    for start, stop in reversed(list(_merged(sorted(_spans(line))))):
        line = line[:start] + MASK + line[stop:]
    return line


# Free text and lists may hold anything: their size is enough in a report.
_FREE = re.compile(r"(?:^|\.)(?:extra\w+|env|annotations|\w*[Tt]oken|\w*[Pp]assword)(?:\.|$)")


def shown(key: str, value: object) -> str:
    """Return the value of a dotted key for a report: masked, and of lists and free text only the size."""
    if isinstance(value, (dict, list)):
        return f"{len(value)} {'entry' if len(value) == 1 else 'entries'}"
    if _FREE.search(key):
        return MASK
    line = masked(f"{key}: {value if isinstance(value, str) else json.dumps(value)}")
    return line.removeprefix(f"{key}: ")


_SHORTEST = 8


def may_be_secret(key: str) -> bool:
    """Return whether what stands where a key does may be a part of a token: to Helm a comma ends a value."""
    return len(key) >= _SHORTEST and bool(re.search("[0-9]", key)) and bool(re.search("[A-Za-z]", key))


def _spans(line: str) -> Iterator[tuple[int, int]]:
    yield from masks.spans(line)
    yield from (found.span() for found in _USERINFO.finditer(line))
    yield from (found.span("value") for found in _NAMED.finditer(line))
    yield from (found.span() for found in _WORD.finditer(line) if _looks_random(found[0]))


def _merged(spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    end = 0
    for start, stop in spans:
        if stop > end:
            yield max(start, end), stop
        end = max(end, stop)


def _looks_random(word: str) -> bool:
    kinds = (re.search("[a-z]", word), re.search("[A-Z]", word), re.search("[0-9]", word))
    return sum(bool(kind) for kind in kinds) > 1 and not _HOST_AND_PATH.fullmatch(word)
