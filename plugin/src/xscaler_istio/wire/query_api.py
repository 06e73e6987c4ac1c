"""Queries to xScaler with a read token: whether a cluster's series and lines are there and fresh."""

from __future__ import annotations

import dataclasses
import json
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
from http import HTTPStatus
from typing import TYPE_CHECKING

from xscaler_istio.system import tokens
from xscaler_istio.system.errors import UnreachableError, UsageError
from xscaler_istio.wire import no_redirect

if TYPE_CHECKING:
    from pathlib import Path

TOKEN_VARIABLE = "XSCALER_READ_TOKEN"  # noqa: S105 - the name of a variable
_TIMEOUT_SECONDS = 30


class _NotFoundError(UnreachableError):
    """The host answers, but has no query API at this path."""


@dataclasses.dataclass(frozen=True)
class QueryApi:
    """A query API and the credentials. `urls` are tried in turn until one is found."""

    urls: tuple[str, ...]
    token: str
    tenant: str

    def number(self, query: str) -> float | None:
        """Return the number that a query gives, or None without a result.

        Raises UnreachableError with the status and text of the answer, or with the reason for no answer.
        """
        for url in self.urls[:-1]:
            try:
                return self._ask(url, query)
            except _NotFoundError:
                continue
        return self._ask(self.urls[-1], query)

    def _ask(self, url: str, query: str) -> float | None:
        headers = {"Authorization": f"Bearer {self.token}", "X-Scope-OrgID": self.tenant}
        address = f"{url}/query?{urllib.parse.urlencode({'query': query})}"
        # The command takes no scheme but https.
        asked = urllib.request.Request(address, headers=headers)  # noqa: S310
        opener = no_redirect.opener(ssl.create_default_context())
        try:
            with opener.open(asked, timeout=_TIMEOUT_SECONDS) as answer:
                result = json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            # Read and closed: it holds the connection.
            with error:
                text = error.read(300).decode(errors="replace").strip()
            if redirect := no_redirect.target(url, error):
                fix = "redirects are not followed with a token: give xScaler's own address with --query-url"
                raise UnreachableError(f"{url} redirects to {redirect} ({error.code})", fix) from error
            kind = _NotFoundError if error.code == HTTPStatus.NOT_FOUND else UnreachableError
            raise kind(f"{url} answered {error.code}: {text}", _fix(error.code)) from error
        except (OSError, ValueError) as error:
            raise UnreachableError(f"{url} does not answer: {error}", "give the address with --query-url") from error
        return float(result[0]["value"][1]) if result else None


@dataclasses.dataclass(frozen=True)
class ReadAccess:
    """A read token, and the URLs of the query APIs for series and lines; empty ones are derived from a region."""

    token: str
    url: str = ""
    logs_url: str = ""

    def metrics(self, region: str, tenant: str) -> QueryApi:
        """Return the query API for series; raise UsageError without a URL and a region, and for a URL without TLS."""
        base = _base(self.url, f"https://{region}.m.xscalerlabs.com" if region else "", "--query-url")
        return QueryApi((f"{base}/api/v1",), self.token, tenant)

    def logs(self, region: str, tenant: str) -> QueryApi:
        """Return the query API for lines; raises as `metrics` does."""
        base = _base(self.logs_url, f"https://{region}.l.xscalerlabs.com" if region else "", "--logs-query-url")
        # xScaler publishes both forms.
        return QueryApi((f"{base}/api/v1/logs", f"{base}/api/v1"), self.token, tenant)


def reader(token_file: Path | None, url: str, logs_url: str = "") -> ReadAccess | None:
    """Return a reader with the token of a file or of TOKEN_VARIABLE, or None where neither is given.

    Raises SetupError for an unreadable or empty file.
    """
    token = tokens.from_file(token_file, "the read token") if token_file else os.environ.get(TOKEN_VARIABLE, "").strip()
    return ReadAccess(token, url, logs_url) if token else None


def _base(given: str, default: str, option: str) -> str:
    url = (given or default).rstrip("/")
    if not url:
        raise UsageError("the release has no region, so its query URL is unknown", f"give the URL with {option}")
    if not url.startswith("https://"):
        raise UsageError(f"{option} {url} is not an https URL", "use https, so that the token stays encrypted")
    return url.removesuffix("/api/v1")


def _fix(status: int) -> str:
    fixes = {
        401: "the read token is wrong or expired: use a valid one",
        403: "the token lacks the read scope: create one that has it",
        404: "this address has no query API: give the right one with --query-url or --logs-query-url",
    }
    return fixes.get(status, "see docs/troubleshooting.md")
