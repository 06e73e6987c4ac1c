"""What the output goes to: whether it shows colour, and how wide it is."""

from __future__ import annotations

import dataclasses
import os
import shutil
import sys
import unicodedata
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping

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

    def paint(self, text: str, style: str) -> str:
        """Return a text in the style of a severity, `dim` or `bold`; as it is without colour."""
        return f"\033[{_STYLES[style]}m{text}\033[0m" if self.colour else text


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
