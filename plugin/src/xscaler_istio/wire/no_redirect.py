"""Requests that send a token only to the intended host."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    import ssl
    from urllib.error import HTTPError

_REDIRECTION = 3


def opener(context: ssl.SSLContext, *handlers: urllib.request.BaseHandler) -> urllib.request.OpenerDirector:
    """Return an opener of URLs that follows no redirect: the redirect is raised as an HTTPError."""
    return urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _NoRedirect(), *handlers)


def target(url: str, error: HTTPError) -> str:
    """Return where an answer of a URL redirects to, without path and query, which may hold a secret; else nothing."""
    location = error.headers.get("Location") if error.code // 100 == _REDIRECTION else None
    if not location:
        return ""
    parts = urlsplit(urljoin(url, location))
    return f"{parts.scheme}://{parts.hostname}"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow none."""
