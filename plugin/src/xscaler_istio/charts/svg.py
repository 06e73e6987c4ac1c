"""SVG elements as text: escaped, numbers short, and widths of text estimated, since nothing here knows a font."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

FONT = "Inter, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
MONOSPACED = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"
# Widths in parts of the font's size, for the widest of the fonts that may be there.
_NARROW, _WIDE, _USUAL = 0.34, 0.9, 0.6
_MONOSPACED_WIDTH = 0.602
_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def element(name: str, /, *children: str, **attributes: str | float) -> str:
    """Return an element; `_` in an attribute's name stands for `-`, and children are elements already."""
    given = "".join(
        f" {key.strip('_').replace('_', '-')}={quoteattr(shown(value))}" for key, value in attributes.items()
    )
    return f"<{name}{given}>{''.join(children)}</{name}>" if children else f"<{name}{given}/>"


def shown(value: str | float) -> str:
    """Return a number with at most one digit behind the point."""
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")


def plain(content: str) -> str:
    """Return a text as the contents of an element; `?` stands for what XML cannot hold, as terminals' colours."""
    return escape(_FORBIDDEN.sub("?", content))


def text(x: float, y: float, content: str, *, size: float = 12, fill: str = "#24292f", **more: str | float) -> str:
    """Return a line of text whose base line begins at a point."""
    return element("text", plain(content), x=x, y=y, font_size=size, fill=fill, **more)


def width(content: str, size: float, *, monospaced: bool = False) -> float:
    """Return about how wide a text is."""
    if monospaced:
        return len(content) * _MONOSPACED_WIDTH * size
    return size * sum(
        _NARROW if letter in "iljtfrI.,:;|!'()[]{} -" else _WIDE if letter in "mwMW%@" else _USUAL for letter in content
    )


def cut(content: str, size: float, room: float, *, monospaced: bool = False) -> str:
    """Return a text, shortened to what fits."""
    if width(content, size, monospaced=monospaced) <= room:
        return content
    while content and width(f"{content}…", size, monospaced=monospaced) > room:
        content = content[:-1]
    return f"{content}…"
