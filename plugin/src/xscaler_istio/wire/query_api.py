"""Queries to xScaler with a read token: which series and lines of a cluster are there, and whether they are fresh."""

from __future__ import annotations

import dataclasses
import json
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from xscaler_istio.system import tokens
from xscaler_istio.system.errors import UnreachableError, UsageError
from xscaler_istio.wire import no_redirect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

TOKEN_VARIABLE = "XSCALER_READ_TOKEN"  # noqa: S105 - the name of a variable
_TIMEOUT_SECONDS = 30


Answered = TypeVar("Answered")


class _NotFoundError(UnreachableError):
    """The host answers, but has no query API at this path."""


@dataclasses.dataclass(frozen=True)
class LabelledNumber:
    """One number of a query's result, with its labels."""

    labels: Mapping[str, str]
    value: float


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
        return next((item.value for item in self.vector(query)), None)

    def vector(self, query: str) -> tuple[LabelledNumber, ...]:
        """Return what a query gives, each number with its labels; raises as `number` does."""
        return self._first(f"query?{urllib.parse.urlencode({'query': query})}", _vector)

    def in_memory(self) -> int | None:
        """Return how many series the backend holds in memory, ended ones too; None where it does not answer that."""
        try:
            return self._first("status/tsdb", lambda data: int(data["headStats"]["numSeries"]))
        except UnreachableError:
            return None

    def _first(self, path: str, read: Callable[[Any], Answered]) -> Answered:
        """Ask the URLs in turn until one has a query API."""
        for url in self.urls[:-1]:
            try:
                return self._ask(url, path, read)
            except _NotFoundError:
                continue
        return self._ask(self.urls[-1], path, read)

    def _ask(self, url: str, path: str, read: Callable[[Any], Answered]) -> Answered:
        headers = {"Authorization": f"Bearer {self.token}", "X-Scope-OrgID": self.tenant}
        # The command takes no scheme but https.
        asked = urllib.request.Request(f"{url}/{path}", headers=headers)  # noqa: S310
        opener = no_redirect.opener(ssl.create_default_context())
        try:
            with opener.open(asked, timeout=_TIMEOUT_SECONDS) as answer:
                return read(json.load(answer)["data"])
        except urllib.error.HTTPError as error:
            # Read and closed: it holds the connection.
            with error:
                text = error.read(300).decode(errors="replace").strip()
            if redirect := no_redirect.target(url, error):
                fix = "redirects are not followed with a token: give xScaler's own address with --query-url"
                raise UnreachableError(f"{url} redirects to {redirect} ({error.code})", fix) from error
            kind = _NotFoundError if error.code == HTTPStatus.NOT_FOUND else UnreachableError
            raise kind(f"{url} answered {error.code}: {text}", _fix(error.code)) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UnreachableError(f"{url} does not answer: {error}", "give the address with --query-url") from error


def _vector(data: Any) -> tuple[LabelledNumber, ...]:
    return tuple(LabelledNumber(item["metric"], float(item["value"][1])) for item in data["result"])


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
