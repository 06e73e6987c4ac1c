"""The push URLs that xScaler publishes (docs/from-xscalers-page.md), and which of them answers an empty push."""

from __future__ import annotations

import dataclasses
import re
import socket
import ssl
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from xscaler_istio.wire import no_redirect

if TYPE_CHECKING:
    from collections.abc import Callable

_TIMEOUT_SECONDS = 5
_HOST = re.compile(r"https://([a-z0-9-]+)(?:\.[ml])?\.xscalerlabs\.com/.*")
_SUCCESS, _CLIENT_ERROR = 2, 4


def forms(what: str, region: str) -> tuple[str, ...]:
    """Return the published push URLs for `metrics` or `logs` in a region; the first is the chart's default."""
    by_host = {
        "metrics": ("xscalerlabs.com/api/v1/push", "m.xscalerlabs.com/api/v1/push"),
        "logs": ("l.xscalerlabs.com/api/v1/logs/push", "l.xscalerlabs.com/api/v1/push"),
    }
    return tuple(f"https://{region}.{rest}" for rest in by_host[what])


def other_forms(what: str, url: str) -> tuple[str, ...]:
    """Return the other published forms of a URL of xScaler's; of another host none."""
    found = _HOST.fullmatch(url)
    return tuple(form for form in forms(what, found[1]) if form != url) if found else ()


@dataclasses.dataclass(frozen=True)
class UrlAnswer:
    """What a URL answers to an empty push without a token: a status, or 0 without an answer. `no_host`: the name of
    its host has no address."""

    url: str
    status: int = 0
    no_host: bool = False

    @property
    def absent(self) -> bool:
        """Whether nothing takes pushes at the URL; without an answer this is unknown, and false."""
        return self.no_host or self.status == HTTPStatus.NOT_FOUND

    @property
    def present(self) -> bool:
        """Whether something at the URL takes pushes, whatever it says of this one; 401 is usual."""
        return self.status // 100 in (_SUCCESS, _CLIENT_ERROR) and not self.absent


@dataclasses.dataclass(frozen=True)
class Moved:
    """Nothing is at the URL of `asked`, and another published form of it, `other`, answers."""

    asked: UrlAnswer
    other: str


def ask(url: str, proxy: str = "") -> UrlAnswer:
    """Send an empty push without a token to an https URL, through a proxy, or through the environment's."""
    through = proxy or urllib.request.getproxies().get("https", "")
    host = urlsplit(through or url)
    try:
        socket.getaddrinfo(host.hostname, host.port or 443, proto=socket.IPPROTO_TCP)
    except OSError:
        return UrlAnswer(url, no_host=not through)
    request = urllib.request.Request(url, b"", method="POST")  # noqa: S310 - https
    proxies = urllib.request.ProxyHandler({"https": proxy} if proxy else None)
    opener = no_redirect.opener(ssl.create_default_context(), proxies)
    try:
        with opener.open(request, timeout=_TIMEOUT_SECONDS) as answer:
            return UrlAnswer(url, answer.status)
    except urllib.error.HTTPError as error:
        # Closed: it holds the connection.
        with error:
            return UrlAnswer(url, error.code)
    except (urllib.error.URLError, OSError):
        return UrlAnswer(url)


def look(what: str, url: str, asks: Callable[[str], UrlAnswer] = ask) -> tuple[UrlAnswer, Moved | None]:
    """Ask the push URL of `metrics` or `logs` and, if nothing is there, the other published forms.

    Return the URL's answer, and where it has moved to.
    """
    first = asks(url)
    if not first.absent:
        return first, None
    for other in other_forms(what, url):
        if asks(other).present:
            return first, Moved(first, other)
    return first, None
