"""Why a push failed, as a type, and the fix for each cause.

The status does not suffice: 429 has several causes and 400 many, which only the body of the answer distinguishes.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Reason(enum.Enum):
    """Why a push failed."""

    REDIRECT = enum.auto()
    STRUCTURED_METADATA = enum.auto()
    TENANT = enum.auto()
    TOKEN = enum.auto()
    SCOPE = enum.auto()
    LABELS = enum.auto()
    SERIES = enum.auto()
    """Mimir's limit, a final 400: known series go on, new ones are lost."""
    PLAN_SERIES = enum.auto()
    """The plan's series at the gateway, a 429: every push waits."""
    LOCK = enum.auto()
    INTERVAL = enum.auto()
    RATE = enum.auto()
    PLAN = enum.auto()
    """A 429 whose body names none of these."""
    LINE_SIZE = enum.auto()
    TOO_OLD = enum.auto()
    CERTIFICATE = enum.auto()
    ADDRESS = enum.auto()
    CONNECTION = enum.auto()
    UNKNOWN = enum.auto()


# What each cause's answer has, the first that matches. The texts are those of Mimir and Loki, of Go's network errors,
# and of xScaler's gateway, whose 429s are documented by their causes only: words that such a body must contain.
_429 = r"(?s)\b429\b.*"
_SIGNS: Mapping[Reason, str] = {
    Reason.REDIRECT: r"\bHTTP status 3\d\d\b",
    Reason.STRUCTURED_METADATA: "structured metadata",
    Reason.TENANT: "orgid mismatch|no org id",
    Reason.TOKEN: r"\b401\b",
    Reason.SCOPE: r"\b403\b",
    Reason.LABELS: "max-label-names|label names; limit",
    Reason.LOCK: f"{_429}(?:billing|payment|invoice|suspend|locked)",
    Reason.INTERVAL: f"{_429}interval",
    Reason.PLAN_SERIES: rf"{_429}(?:active[ _-]series|max[ _-]series|series[ _-]limit)",
    Reason.RATE: f"{_429}(?:rate|per[ _-]sec|streams? limit)",
    Reason.PLAN: r"\b429\b",
    Reason.SERIES: "per_user_series_limit|max-series-per-user|per-user series limit",
    Reason.LINE_SIZE: "max entry size",
    Reason.TOO_OLD: "too old|too-old|too_far_behind",
    Reason.CERTIFICATE: "certificate",
    Reason.ADDRESS: r"no such host|\b404\b",
    Reason.CONNECTION: "connection refused|i/o timeout|deadline exceeded",
}
_FIXES: Mapping[Reason, str] = {
    Reason.REDIRECT: (
        "redirects are not followed, because the token would reach another host: set xScaler's own URL, or fix the"
        " proxy that redirects"
    ),
    Reason.STRUCTURED_METADATA: "the tenant does not have structured metadata: set logs.structuredMetadata: false",
    Reason.TENANT: "the token belongs to another tenant: correct xscaler.tenantId",
    Reason.TOKEN: "the token is wrong, revoked or expired: update the Secret, no restart is needed",
    Reason.SCOPE: "the token lacks the write scope: create one that has it",
    Reason.LABELS: "more labels than xScaler allows: remove tags that a Telemetry object adds",
    Reason.SERIES: (
        "the tenant has all series that it may have: known series go on, new ones are lost; send fewer series"
        " (docs/cost.md), or take a larger plan"
    ),
    Reason.PLAN_SERIES: (
        "the plan's active series are used up, and every push waits: send fewer series (docs/cost.md), or take a larger"
        " plan within the two hours that samples wait"
    ),
    Reason.LOCK: (
        "the account is locked for billing, and every push waits: settle it in xScaler's portal within the two hours"
        " that samples wait"
    ),
    Reason.INTERVAL: "the plan has a minimum scrape interval: raise metrics.scrapeInterval to it",
    Reason.RATE: "the plan's rate is exceeded, and pushes wait: send fewer series and lines (docs/cost.md)",
    Reason.PLAN: (
        "the plan's series or rate are used up, or the account is locked for billing: see the usage in xScaler's portal"
    ),
    Reason.LINE_SIZE: "set xscaler.limits.logLineBytes to your plan's limit",
    Reason.TOO_OLD: "no action: after a long outage some data is older than xScaler accepts",
    Reason.CERTIFICATE: "if a proxy of yours inspects TLS, name its certificate authority in xscaler.tls.ca",
    Reason.ADDRESS: "correct xscaler.region, or the URLs if you set some",
    Reason.CONNECTION: "the connection is blocked: allow it in NetworkPolicies and firewalls, or set xscaler.proxyUrl",
    Reason.UNKNOWN: "see docs/troubleshooting.md for this answer",
}


def cause(reason: str) -> Reason:
    """Return the cause in a reason of a collector's log: a status with the body of the answer, or a network error."""
    return next((each for each, sign in _SIGNS.items() if re.search(sign, reason, re.IGNORECASE)), Reason.UNKNOWN)


def cause_of_answer(status: int, body: str) -> Reason:
    """Return the cause of an answer: a status with its body."""
    return cause(f"HTTP status {status}: {body}")


def fix(why: Reason) -> str:
    """Return the fix for a cause."""
    return _FIXES[why]
