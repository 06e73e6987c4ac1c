"""How to fix a push that failed, by what its collector's log says of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_ELSE = "docs/troubleshooting.md, by the answer"
# The first that matches. Texts of xScaler's answers, of Loki and Mimir behind it, and of Go's network errors.
_FIXES: Mapping[str, str] = {
    "structured metadata": "xScaler has structured metadata switched off for this tenant: set logs.fields: none",
    "orgid mismatch|no org id": "the tenant is not the token's: is xscaler.tenantId right?",
    r"\b401\b": "the token is wrong or expired: update the Secret, no restart is needed",
    r"\b403\b": "the token may not write: make one with the write scope",
    "max-label-names|label names; limit": "more labels than xScaler takes: remove tags that a Telemetry object adds",
    "max entry size": "set limits.logLineBytes to what xScaler takes",
    "too old|too-old|too_far_behind": "older than xScaler takes, after a long outage; no action is needed",
    "certificate": "an authority of your own stands in between: name it in xscaler.tls.ca",
    r"no such host|\b404\b": "no xScaler is there: is xscaler.region right, or the URLs in its place?",
    "connection refused|i/o timeout|deadline exceeded": "the way is closed: a NetworkPolicy, or no xscaler.proxyUrl?",
}


def fix(reason: str) -> str:
    """Return what to do about a reason, or where to read on."""
    return next((text for pattern, text in _FIXES.items() if re.search(pattern, reason)), _ELSE)
