"""How wide a line may be and whether it may have colours."""

from __future__ import annotations

import dataclasses
import os
import shutil
import sys

_COLOURS = {"red": 31, "green": 32, "yellow": 33, "bold": 1}
# Where nobody reads along: wide enough for sentences.
PIPE_WIDTH = 100


@dataclasses.dataclass(frozen=True)
class Terminal:
    """What a text is written for; the default is a pipe."""

    width: int = PIPE_WIDTH
    colours: bool = False

    def paint(self, text: str, colour: str) -> str:
        """Return the text in a colour, or as it is."""
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self.colours else text


def of_stdout() -> Terminal:
    """Return what standard output is. NO_COLOR wins over HELM_COLOR, which wins over what the terminal can do."""
    width = shutil.get_terminal_size((PIPE_WIDTH, 24)).columns
    if os.environ.get("NO_COLOR") or os.environ.get("HELM_COLOR") == "never":
        return Terminal(width)
    capable = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return Terminal(width, capable or os.environ.get("HELM_COLOR") == "always")
