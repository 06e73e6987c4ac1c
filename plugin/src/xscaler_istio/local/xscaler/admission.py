"""Access control for pushes and queries: tokens, scopes and tenants, and faults on demand, for metrics and logs.

Answers follow xScaler's public documentation: no or wrong tenant 401 or 400, bad token 401, missing scope 403, plan
or rate limit 429.
"""

from __future__ import annotations

import base64
import binascii
import collections
import dataclasses
import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web


class Scope(enum.Flag):
    """The scopes of a token."""

    READ = enum.auto()
    WRITE = enum.auto()


@dataclasses.dataclass(frozen=True)
class Token:
    """A token's tenant and scope."""

    tenant: str
    scope: Scope


@dataclasses.dataclass(frozen=True)
class Fault:
    """An answer to give instead of the right one, for the next `requests` pushes (None: until it is removed)."""

    status: int
    requests: int | None = None
    retry_after_seconds: int | None = None

    @property
    def final(self) -> bool:
        """Whether no collector tries again after this answer."""
        return self.status < 500 and self.status != 429

    def headers(self) -> dict[str, str]:
        """Return the headers of the answer."""
        return {"Retry-After": str(self.retry_after_seconds)} if self.retry_after_seconds is not None else {}


class RefusedError(Exception):
    """A final refusal: the status, the reason in the account, and the text of the answer."""

    def __init__(self, status: int, reason: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason
        self.text = text


class Admission:
    """The access control of one gateway."""

    def __init__(self, tokens: Mapping[str, Token]) -> None:
        self.tokens = dict(tokens)
        self.fault: Fault | None = None
        # Requests that passed, by token.
        self.admitted: collections.Counter[str] = collections.Counter()

    def admit(self, request: web.Request, scope: Scope) -> str:
        """Return the tenant; raise RefusedError for token, scope or tenant, in xScaler's order."""
        sent = credential(request.headers.get("Authorization", ""))
        token = self.tokens.get(sent)
        if token is None:
            raise RefusedError(401, "unauthorized", "invalid token")
        if scope not in token.scope:
            raise RefusedError(403, "scope", f"the token lacks the scope {str(scope.name).lower()}")
        tenant = request.headers.get("X-Scope-OrgID", "")
        if not tenant:
            raise RefusedError(401, "tenant", "no org id")
        if tenant != token.tenant:
            raise RefusedError(400, "tenant", "x-scope-orgid mismatch")
        self.admitted[sent] += 1
        return tenant

    def next_fault(self) -> Fault | None:
        """Return the fault to answer this push with, if any."""
        fault = self.fault
        if fault and fault.requests is not None:
            left = fault.requests - 1
            self.fault = dataclasses.replace(fault, requests=left) if left else None
        return fault


def credential(header: str) -> str:
    """Return the token of a Bearer header, or the password of a Basic one whatever its user name."""
    kind, _, value = header.partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
