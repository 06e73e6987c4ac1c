"""The registry of rules: an id, a severity, and the documentation."""

from __future__ import annotations

import dataclasses
import inspect
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xscaler_istio.findings.findings import Severity


DOCS = "https://github.com/xscaler/xscaler-istio/blob/main/docs/rules.md"


@dataclasses.dataclass(frozen=True)
class Rule:
    """One rule. `title` is a sentence; `text` has the paragraphs Why, Fix and Example."""

    id: str
    severity: Severity
    title: str
    text: str

    @property
    def url(self) -> str:
        """The address of the rule's documentation."""
        return f"{DOCS}#{self.id.lower()}"

    @property
    def can_be_ignored(self) -> bool:
        """Whether users may ignore it; what Helm or the chart refuses they may not."""
        return self.id >= "XS200"


RULES: dict[str, Rule] = {}


def document(rule: str, severity: Severity, text: str) -> Rule:
    """Register a rule."""
    title, _, rest = inspect.cleandoc(text).partition("\n\n")
    if rule in RULES:
        raise ValueError(f"{rule} is registered twice")
    RULES[rule] = Rule(rule, severity, " ".join(title.split()).rstrip("."), rest)
    return RULES[rule]
