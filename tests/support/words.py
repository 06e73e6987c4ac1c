"""Words that text for readers does not contain, and what to write instead (CONTRIBUTING.md, Words).

The one list for pages, examples, dashboards and the plugin. An exception stands in the pattern of its word.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

WORDS = {
    r"\balone\b": "only",
    r"\b(un)?mend(s|ed|ing)?\b": "fix",
    # Right: "there is no data", "it is no longer there".
    r"(?<!there )\b(is|are|was|were) no\b(?! (longer|more))": "is not a …, invalid, unknown",
    r"\b(tell|tells|told)\b": "report, show",
    r"\banew\b": "again, rebuild",
    r"\bfor want of\b": "because … is missing",
    r"\bof (its|their|one's) own\b": "leave it out",
    # Right: "as it is written", of a text that is shown unchanged.
    r"\bas (it|they) (is|are)\b(?! (written|read|used|set))": "leave it out, unchanged",
    r"\bfor good\b": "permanently",
    # The chart refuses values; others reject what they are sent, as Prometheus, Mimir and Kubernetes say.
    r"\b(xScaler|Kubernetes|API server|backend|collector|Loki|Mimir|Prometheus|Alloy) (\w+ )?refuses?d?\b": "rejects",
    # Right: `nobody`, the user in images.
    r"\bnobody\b(?!`)": "no one, nothing; name what is missing",
}
# Only of messages: a page of the documentation has its name, but what a target answers is a response.
# Right: docs/from-xscalers-page.md, and "404 page not found", which is what Go's server answers.
MESSAGE_WORDS = WORDS | {r"(?<!xscalers-)\bpages?\b(?! not found)": "scrape, response"}


def foreign_words(text: str, words: Mapping[str, str] = WORDS) -> list[str]:
    """Return the words in a text that text for readers does not contain, each with what to write instead."""
    line = " ".join(text.split())
    found = ((re.search(pattern, line, re.IGNORECASE), instead) for pattern, instead in words.items())
    return [f"“{match[0]}” (write: {instead})" for match, instead in found if match]
