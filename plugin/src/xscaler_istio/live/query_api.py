"""Questions to xScaler with a read token: are a cluster's series and lines there, and fresh?"""

from __future__ import annotations

import dataclasses
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from http import HTTPStatus

from xscaler_istio.system.errors import UnreachableError

_TIMEOUT_SECONDS = 30


class _NotFoundError(UnreachableError):
    """Something answers at the address, and it has no query API there."""


@dataclasses.dataclass(frozen=True)
class QueryApi:
    """A query API, and who asks. `urls` are tried in turn where one is not found."""

    urls: tuple[str, ...]
    token: str
    tenant: str

    def number(self, query: str) -> float | None:
        """Return the one number that a query gives, or None for nothing.

        Raises UnreachableError with the answer's status and text, or with why there was none.
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
        tls = ssl.create_default_context()
        try:
            with urllib.request.urlopen(asked, timeout=_TIMEOUT_SECONDS, context=tls) as answer:  # noqa: S310
                result = json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            # Read and closed: it holds the connection.
            with error:
                text = error.read(300).decode(errors="replace").strip()
            kind = _NotFoundError if error.code == HTTPStatus.NOT_FOUND else UnreachableError
            raise kind(f"{url} answered {error.code}: {text}", _fix(error.code)) from error
        except (OSError, ValueError) as error:
            raise UnreachableError(f"{url} does not answer: {error}", "give the address with --query-url") from error
        return float(result[0]["value"][1]) if result else None


def _fix(status: int) -> str:
    fixes = {
        401: "the read token is wrong or expired",
        403: "the token may not read: make one with the read scope",
        404: "no query API is at this address: give it with --query-url or --logs-query-url",
    }
    return fixes.get(status, "see docs/troubleshooting.md")
