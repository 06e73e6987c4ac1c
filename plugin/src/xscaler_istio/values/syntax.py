"""What is wrong with a file that is not YAML, on which line, and how to fix it.

A parser reports where it stopped, which is often the line after the mistake, in words about its own state. Each
function here knows one mistake and looks for it in the lines up to that place.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import yaml


@dataclasses.dataclass(frozen=True)
class Mistake:
    """One mistake: its line and column (from 1), what it is, and the fix. It shows no value, which may be a secret."""

    line: int
    column: int
    what: str
    fix: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Stop:
    """Where a parser stopped (`line` and `column` from 0), why, and where the construct began that it was reading."""

    lines: Sequence[str]
    line: int
    column: int
    problem: str
    context: str
    begun: tuple[int, int] | None

    @property
    def text(self) -> str:
        """The line at which it stopped; empty behind the end."""
        return self.lines[self.line] if self.line < len(self.lines) else ""

    def before(self) -> int | None:
        """Return the last line above that has more than a comment."""
        return next(
            (line for line in range(min(self.line, len(self.lines)) - 1, -1, -1) if _code(self.lines[line])), None
        )


def mistake(error: yaml.MarkedYAMLError, lines: Sequence[str]) -> Mistake | None:
    """Return what is wrong with a file; None for an error without a place."""
    if not error.problem_mark:
        return None
    begun = error.context_mark
    stop = _Stop(
        lines=lines,
        line=error.problem_mark.line,
        column=error.problem_mark.column,
        problem=str(error.problem or "unreadable character"),
        context=str(error.context or ""),
        begun=(begun.line, begun.column) if begun else None,
    )
    return next(filter(None, (look(stop) for look in _MISTAKES)), None)


def _at(line: int, column: int, what: str, fix: str) -> Mistake:
    return Mistake(line + 1, column + 1, what, fix)


def _uncommented(line: str) -> str:
    return re.sub(r"(^|\s)#.*$", "", line)


def _code(line: str) -> str:
    """Return a line without its comment and the space around it."""
    return _uncommented(line).strip()


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


# `key:` with or without a value behind it; a list's item may begin with it.
_KEY = re.compile(r"\s*(?:- +)*(?:[^\s:#'\"{\[&*!|>%@`-](?:[^:#]|:(?=\S))*|\"[^\"]*\"|'[^']*'):(?P<value>\s.*|$)")
_ITEM = re.compile(r"\s*-(?: |$)")


def _conflict(stop: _Stop) -> Mistake | None:
    found = (number for number, line in enumerate(stop.lines) if re.match(r"(<{7}|={7}|>{7})( |$)", line))
    if (line := next(found, None)) is None:
        return None
    return _at(line, 0, "a conflict marker of Git stands here", "resolve the conflict and remove the marker lines")


def _tab(stop: _Stop) -> Mistake | None:
    above = range(max(stop.line - 1, 0), min(stop.line + 1, len(stop.lines)))
    for line in above:
        if (found := re.match(r" *\t", stop.lines[line])) and stop.lines[line].strip():
            return _at(
                line, found.end() - 1, "a tab indents this line, and YAML allows only spaces", "indent with spaces"
            )
    if "cannot start any token" in stop.problem and stop.text[stop.column : stop.column + 1] == "\t":
        return _at(stop.line, stop.column, "a tab stands where YAML allows only spaces", "replace the tab with a space")
    return None


# Spaces that look like one and are none to YAML.
_FOREIGN_SPACE = re.compile("[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000\ufeff]")


def foreign_space(text: str) -> tuple[int, str] | None:
    """Return where a text has a space that YAML reads as a letter, and which it is."""
    found = _FOREIGN_SPACE.search(text)
    return (found.start(), f"U+{ord(found[0]):04X}") if found else None


FOREIGN_SPACE = "{} (a no-break or other special space) in the place of a plain space"
FOREIGN_SPACE_FIX = "replace it with a plain space; it often comes with text copied from a web site"


def _space(stop: _Stop) -> Mistake | None:
    for line in dict.fromkeys((stop.line, stop.before(), *((stop.begun[0],) if stop.begun else ()))):
        if line is not None and line < len(stop.lines) and (found := foreign_space(_uncommented(stop.lines[line]))):
            return _at(line, found[0], FOREIGN_SPACE.format(found[1]), FOREIGN_SPACE_FIX)
    return None


def _escape(stop: _Stop) -> Mistake | None:
    if "scalar" not in stop.context or not re.search("escape|hex", stop.problem):
        return None
    column = stop.text.rfind("\\", 0, stop.column + 1)
    fix = r"use single quotes, as in 'C:\path', or write each backslash twice"
    return _at(
        stop.line,
        max(column, 0),
        "a backslash in double quotes begins an escape sequence, and this one is unknown",
        fix,
    )


def _quote(stop: _Stop) -> Mistake | None:
    last = min(stop.line + 1, len(stop.lines))
    if stop.begun and "end of stream" in stop.problem and "quoted" in stop.context:
        return _unclosed_quote(*stop.begun)
    # A quote that is not closed ends at the next one, lines below, and the parser stops behind that.
    opened = next(((line, at) for line in range(last) for at in _open_quotes(stop.lines[line])), None)
    return _unclosed_quote(*opened) if opened and opened[0] < stop.line else None


def _unclosed_quote(line: int, column: int) -> Mistake:
    return _at(line, column, "the quote that opens here is not closed", "close it at the end of the value")


def _open_quotes(line: str) -> Iterator[int]:
    """Yield where a line opens a quote as a value, a key or an item, and does not close it."""
    code, position = _uncommented(line), 0
    while found := re.compile(r"(?:^|[\s\[{,])(?P<quote>['\"])").search(code, position):
        start = found.start("quote")
        closed = re.compile(r'"(?:[^"\\]|\\.)*"' if found["quote"] == '"' else r"'(?:[^']|'')*'").match(code, start)
        if not closed:
            # An apostrophe within a plain value is not a quote.
            if re.fullmatch(r"\s*(?:- +)*(?:[^\s:][^:]*:\s+)?[\[{]?\s*", code[:start]):
                yield start
            return
        position = closed.end()


TEMPLATE = "a template expression {{ … }}, which Helm does not render in values files"
TEMPLATE_FIX = "write the value itself; a value that begins with { needs quotes"


def _template(stop: _Stop) -> Mistake | None:
    lines = dict.fromkeys((stop.line, *((stop.begun[0],) if stop.begun else ())))
    places = ((line, stop.lines[line].find("{{")) for line in lines if line < len(stop.lines))
    return next((_at(line, column, TEMPLATE, TEMPLATE_FIX) for line, column in places if column >= 0), None)


def template_as_key(lines: Sequence[str], line: int, column: int) -> Mistake | None:
    """Return that the key at a place (from 0) is a template expression, which YAML reads as a map with a map as key."""
    if line >= len(lines) or column < 1 or lines[line][column - 1 : column + 1] != "{{":
        return None
    return _at(line, column - 1, TEMPLATE, TEMPLATE_FIX)


_NOT_FINITE = re.compile(r"(?:\.(?:nan|NaN|NAN)|[-+]?\.(?:inf|Inf|INF))\s*(?:[,\]}#]|$)")


def not_finite(lines: Sequence[str], line: int, column: int) -> Mistake | None:
    """Return that the value at a place (from 0) is a number of YAML's that JSON, and so Helm, does not have."""
    if line >= len(lines) or not _NOT_FINITE.match(lines[line], column):
        return None
    return _at(line, column, "YAML reads this value as infinity or not a number; Helm cannot", "write a finite number")


def _bracket(stop: _Stop) -> Mistake | None:
    if not stop.begun or "flow" not in stop.context:
        return None
    line, column = stop.begun
    opening = stop.lines[line][column : column + 1] if line < len(stop.lines) else ""
    closing = {"{": "}", "[": "]"}.get(opening, "")
    if not closing:
        return None
    what = f"the {opening} that opens here is not closed, or a comma is missing after it"
    return _at(line, column, what, f"close it with {closing}, and separate its parts with commas")


def _reserved(stop: _Stop) -> Mistake | None:
    character = stop.text[stop.column : stop.column + 1]
    if "cannot start any token" not in stop.problem or not character:
        return None
    return _at(stop.line, stop.column, f"a plain value cannot begin with {character}", "put the value in quotes")


def _alias(stop: _Stop) -> Mistake | None:
    if "alias" not in f"{stop.problem} {stop.context}":
        return None
    fix = "put the value in quotes, or define the anchor (&name) above"
    return _at(
        stop.line, stop.text.rfind("*", 0, stop.column + 1), "an unquoted * begins an alias, which is not defined", fix
    )


def _item(stop: _Stop) -> Mistake | None:
    if "sequence entries" not in stop.problem:
        return None
    return _at(stop.line, stop.column, "a list cannot begin on the line of its key", "begin a new line with the -")


def _colon(stop: _Stop) -> Mistake | None:
    """Find the line that lacks a colon: what stands on it is read as a part of the next line."""
    if stop.begun and "could not find expected ':'" in stop.problem:
        return _without_colon(stop, stop.begun[0])
    if "mapping values are not allowed" not in stop.problem:
        return None
    key = _KEY.match(stop.text)
    if key and key.start("value") <= stop.column:
        fix = "put the value in quotes if the colon is part of it, or begin a new line"
        return _at(stop.line, stop.column, "a second colon on this line", fix)
    before = stop.before()
    if before is None:
        return None
    above = _KEY.match(stop.lines[before])
    if above and _code(above["value"]):
        what = "this key is indented below a line that already has a value"
        return _at(stop.line, _indent(stop.text), what, "indent it like the keys beside it")
    return _without_colon(stop, before)


def _without_colon(stop: _Stop, line: int) -> Mistake:
    text = stop.lines[line] if line < len(stop.lines) else ""
    if found := re.match(r"\s*(?:- +)*[\w.-]+(:)\S", text):
        return _at(line, found.start(1), "a space is missing after the colon", "write key: value")
    return _at(line, _indent(text), "a colon is missing on this line", "write key: value, or key: above a block")


def _indentation(stop: _Stop) -> Mistake | None:
    if not re.search("block (mapping|collection|sequence)", stop.context) and "document start" not in stop.problem:
        return None
    before, column = stop.before(), _indent(stop.text)
    if column < stop.column:
        return _at(stop.line, stop.column, "unexpected text after the value", "put the whole value in quotes")
    if before is None:
        return None
    if column == _indent(stop.lines[before]) and bool(_ITEM.match(stop.text)) != bool(_ITEM.match(stop.lines[before])):
        what = "a list item and a key have the same indentation"
        return _at(stop.line, column, what, "write either a list or keys in one block")
    levels = sorted({_indent(line) for line in stop.lines[: stop.line] if _code(line)})
    if column in levels:
        return None
    spaces = f"{column} space{'' if column == 1 else 's'}"
    what = f"wrong indentation: {spaces}; lines above have {' or '.join(map(str, levels))}"
    return _at(stop.line, column, what, "indent keys of one block alike")


def _otherwise(stop: _Stop) -> Mistake:
    what = f"{stop.problem} {stop.context}".strip()
    return _at(stop.line, stop.column, what, "check indentation, colons and quotes on this line and the one above")


# The first that finds its mistake reports it.
_MISTAKES: tuple[Callable[[_Stop], Mistake | None], ...] = (
    _conflict,
    _tab,
    _escape,
    _quote,
    _space,
    _template,
    _bracket,
    _alias,
    _reserved,
    _item,
    _colon,
    _indentation,
    _otherwise,
)
