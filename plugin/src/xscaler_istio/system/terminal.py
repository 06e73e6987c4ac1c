"""What the output goes to: whether it shows colour, and how wide it is."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import sys
import unicodedata
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The width of text that is broken into lines even where no terminal sets one.
_READABLE = 100
_STYLES: Mapping[str, str] = {"error": "31", "warning": "33", "info": "36", "dim": "2", "bold": "1"}


def visible(text: str) -> str:
    """Return a text with control and format characters but line breaks and tabs written as \\x1b and \\u202e.

    Keys, values and names of files are whatever their writers chose, and a terminal obeys what it is sent.
    """
    return "".join(
        char if char in "\n\t" or unicodedata.category(char) not in _OBEYED else _escape(char) for char in text
    )


# Control characters, those that turn the direction of writing among others, and halves of characters.
_OBEYED = frozenset({"Cc", "Cf", "Cs"})


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode()


@dataclasses.dataclass(frozen=True)
class Terminal:
    """`width` is in characters, 0 for output that is not broken into lines (a file, a pipe)."""

    colour: bool = False
    width: int = 0

    @property
    def columns(self) -> int:
        """The width of text that is always broken into lines."""
        return self.width or _READABLE

    def paint(self, text: str, style: str) -> str:
        """Return a text in the style of a severity, `dim` or `bold`; unchanged without colour."""
        return f"\033[{_STYLES[style]}m{text}\033[0m" if self.colour else text


def wrapped(text: str, width: int, further: str = "") -> list[str]:
    """Break a text at words; `further` begins all lines but the first.

    A word that is longer than a line breaks behind `|`; other long words, such as paths, stay whole.
    """
    lines: list[str] = []
    line = ""
    for piece in _pieces(text, width - len(further)):
        if line and len(line) + len(piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = further
        line += piece
    return [*lines, line.rstrip()] if line else lines


def _pieces(text: str, room: int) -> Iterator[str]:
    for word in re.findall(r"\S+\s*", " ".join(text.splitlines())):
        if len(word.rstrip()) > room:
            yield from re.findall(r"[^|]*\|\s*|[^|]+", word)
        else:
            yield word


def of(stream: TextIO, environment: Mapping[str, str]) -> Terminal:
    """Return what a stream is.

    NO_COLOR (https://no-color.org) wins over HELM_COLOR, and that over what the terminal is.
    """
    terminal = stream.isatty()
    wish = environment.get("HELM_COLOR", "auto")
    able = terminal and environment.get("TERM") != "dumb"
    colour = not environment.get("NO_COLOR") and wish != "never" and (able or wish == "always")
    return Terminal(colour, shutil.get_terminal_size().columns if terminal else 0)


def of_stdout() -> Terminal:
    """Return what standard output is."""
    return of(sys.stdout, os.environ)


def of_stderr() -> Terminal:
    """Return what standard error is."""
    return of(sys.stderr, os.environ)
