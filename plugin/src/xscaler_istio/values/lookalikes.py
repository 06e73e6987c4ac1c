"""Text that was probably meant for something else: placeholders, pasted text, regions of a cloud."""

from __future__ import annotations

import re
import unicodedata

# Of shells, templates of Helm, Ansible and pipelines, documentation, and people.
_PLACEHOLDER = re.compile(
    r"\$\{[^}]*\}|\$\([^)]*\)|\$[A-Za-z_]\w*|\{\{.*?\}\}|\{%.*?%\}|#\{[^}]*\}#?|<[A-Za-z][\w .-]*>"
    r"|%[A-Z][A-Z0-9_]+%|@[A-Z][A-Z0-9_]+@|\b__[A-Z][A-Z0-9_]+__\b"
    r"|(?i:\byour[-_ ]?[a-z][\w-]*|\b(?:change|replace|fill)[-_ ]?(?:me|this)\b)"
)
_QUOTES = re.compile("[\u2018\u2019\u201a\u201c\u201d\u201e\u2032\u2033\u00ab\u00bb\u2039\u203a]")
_DASHES = re.compile("[\u2010-\u2015\u2212]")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`", re.DOTALL)
_WAYS = "(?:north|south|east|west|central)"
# AWS (us-gov-west-1), with the letter of a zone; Oracle has names of cities (eu-frankfurt-1).
_AWS = re.compile(rf"([a-z]{{2}})(?:-gov|-iso[a-z]?)?-({_WAYS}){_WAYS}?-(\d)[a-f]?")
_OTHER_CLOUDS = re.compile(
    # Google Cloud, with the letter of a zone.
    rf"(?:us|europe|asia|australia|southamerica|northamerica|africa|me)-{_WAYS}{{1,2}}\d{{1,2}}(?:-[a-f])?"
    # Azure.
    rf"|{_WAYS}{{1,2}}(?:us|europe|asia|india)\d?|southeastasia|eastasia"
    rf"|(?:germany|france|switzerland|norway|sweden|poland|italy|spain|uk|uae|qatar|japan|korea|australia|brazil|canada|southafrica)"
    rf"{_WAYS}{{1,2}}\d?"
    # Oracle.
    r"|[a-z]{2}-[a-z]{4,}-\d"
)
_EXAMPLE = "euw1-01"


def placeholder(text: str) -> str:
    """Return the part of a text that is a variable, a template or another placeholder, or nothing."""
    found = _PLACEHOLDER.search(text)
    return found[0] if found else ""


def untidy(text: str) -> str:
    """Return why a text was probably pasted with something that does not belong to it, or nothing."""
    if _QUOTES.search(text):
        return "contains typographic quotes"
    if _DASHES.search(text):
        return "contains a typographic dash"
    if text != text.strip(" "):
        return "begins or ends with white space"
    if _QUOTED.fullmatch(text):
        return "has quotes around it"
    unseen = next((char for char in text if unicodedata.category(char) in _UNSEEN and char != " "), "")
    return f"contains {_name(unseen)}" if unseen else ""


# White space, control characters, and characters without width.
_UNSEEN = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})


def _name(char: str) -> str:
    names = {"\u00a0": "a no-break space", "\n": "a line break", "\r": "a line break", "\t": "a tab"}
    return f"{names.get(char, 'an invisible character')} (U+{ord(char):04X})"


def region_of_a_cloud(region: str) -> str:
    """Return xScaler's form of a cloud's region, an example if it has none, or nothing for another text."""
    if found := _AWS.fullmatch(region):
        return f"{found[1]}{found[2][0]}{found[3]}-01"
    return _EXAMPLE if _OTHER_CLOUDS.fullmatch(region) else ""
