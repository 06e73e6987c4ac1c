"""Values files that are named by a URL, as Helm takes them with -f."""

from __future__ import annotations

import base64
import re
import urllib.parse
from typing import TYPE_CHECKING

from xscaler_istio.system.errors import SetupError
from xscaler_istio.values.places import MAX_BYTES

if TYPE_CHECKING:
    from urllib.request import Request

TIMEOUT_SECONDS = 30.0


def is_url(name: str) -> bool:
    """Return whether Helm would fetch it: of other schemes it knows only those that its plugins bring."""
    return re.match(r"(?i)https?://", name) is not None


def shown(name: str) -> str:
    """Return what to call a file: a URL without user, password and query, which may hold a token."""
    if not is_url(name):
        return name
    parts = urllib.parse.urlsplit(name)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def get(url: str) -> bytes:
    """Return what a URL gives, through the proxy and with the authorities that the environment names.

    User and password of the URL are sent only to its host, wherever it redirects to.

    Raises SetupError where it gives nothing, or more than values may be.
    """
    # Few give one, and it takes longer to load than a file to check.
    import http.client
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(_request(url), timeout=TIMEOUT_SECONDS) as response:  # noqa: S310 - is_url saw it
            content: bytes = response.read(MAX_BYTES + 1)
    except urllib.error.HTTPError as error:
        # It holds the connection.
        error.close()
        raise _unread(url, f"{error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _unread(url, str(getattr(error, "reason", error))) from error
    if len(content) > MAX_BYTES:
        raise SetupError(f"{shown(url)} is larger than 1 MiB", "check that it is the right file")
    return content


def _request(url: str) -> Request:
    import urllib.request

    parts = urllib.parse.urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(urllib.parse.urlunsplit(parts._replace(netloc=host)))  # noqa: S310 - is_url saw it
    if user:
        encoded = base64.b64encode(urllib.parse.unquote(user).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {encoded}")
    return request


def _unread(url: str, why: str) -> SetupError:
    return SetupError(f"cannot fetch {shown(url)}: {why}", "check the URL after -f, or fetch it and name the file")
