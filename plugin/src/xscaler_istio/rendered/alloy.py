"""Alloy's configuration as a tree of blocks."""

from __future__ import annotations

import json
from typing import Any

# A tree of blocks: by header, with the repeated ones (`rule`) numbered, and attributes as the text of their value.
Blocks = dict[str, Any]


def parse(config: str) -> Blocks:
    """Read a rendered config.alloy, which has one statement a line; comments are left out."""
    root: Blocks = {}
    open_blocks = [root]
    for line in (text.strip() for text in config.splitlines()):
        if not line or line.startswith("//"):
            continue
        if line == "}":
            open_blocks.pop()
        elif line.endswith("{"):
            header, block = line.removesuffix("{").strip(), Blocks()
            alike = sum(key.partition("#")[0] == header for key in open_blocks[-1])
            open_blocks[-1][f"{header}#{alike}" if alike else header] = block
            open_blocks.append(block)
        else:
            name, _, value = line.partition(" = ")
            open_blocks[-1][name] = value
    return root


def literal(text: str) -> Any:
    """Return an attribute's value; what is no literal, such as a reference, stays text."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
