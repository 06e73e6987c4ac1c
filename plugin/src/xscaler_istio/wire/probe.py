"""One sample and one line to xScaler, from this machine: name, TLS, token and tenant, as a release would send them."""

from __future__ import annotations

import base64
import dataclasses
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from xscaler_istio.rendered.destination import TENANT_HEADER, Bearer
from xscaler_istio.system.errors import UsageError
from xscaler_istio.wire import log_push, remote_write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xscaler_istio.rendered.destination import Basic, Destination, MountedFiles

JOB = "xscaler-doctor"
METRIC = "xscaler_doctor_probe"
_TIMEOUT_SECONDS = 15
# What went wrong, in the order in which a request gets there.
NAME, CONNECTION, TLS, ANSWER = "name", "connection", "tls", "answer"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a probe of `metrics` or `logs`: `stage` where it failed, or nothing; `other` is a URL that took
    it where the given one does not exist."""

    what: str
    url: str
    stage: str = ""
    status: int = 0
    text: str = ""
    other: str = ""


def ask(what: str, destination: Destination, cluster: str, files: MountedFiles) -> Outcome:
    """Send a sample or a line to a destination; where its host or path does not exist also to the other published form.

    `what` is `metrics` or `logs`. Raises UsageError for a URL that is not https, as a token would travel in the clear,
    and for a header that HTTP does not admit.
    """
    if not destination.url.startswith("https://"):
        raise UsageError(f"{destination.url} is not https", "a token must not travel in the clear: no --probe of it")
    headers = _own_headers(destination, files)
    for name, value in headers.items():
        if not _SENDABLE.fullmatch(value):
            raise UsageError(
                f"the header {name} cannot be sent: its value has a line break, or a character outside Latin-1",
                "check the token, the tenant and xscaler.extraHeaders for what does not belong there",
            )
    tried = _send(what, destination.url, destination, headers, cluster, files)
    if tried.stage == NAME or tried.status == 404:
        for url in other_forms(what, destination.url):
            if not _send(what, url, destination, headers, cluster, files).stage:
                return dataclasses.replace(tried, other=url)
    return tried


def other_forms(what: str, url: str) -> tuple[str, ...]:
    """Return the other published forms of a URL of xScaler's (docs/options.md); of another host none."""
    found = re.fullmatch(r"https://([a-z0-9-]+)(?:\.[ml])?\.xscalerlabs\.com/.*", url)
    if not found:
        return ()
    region = found[1]
    forms = {
        "metrics": (f"https://{region}.xscalerlabs.com/api/v1/push", f"https://{region}.m.xscalerlabs.com/api/v1/push"),
        "logs": tuple(f"https://{region}.l.xscalerlabs.com/api/v1/{path}" for path in ("logs/push", "push")),
    }
    return tuple(form for form in forms[what] if form != url)


# What a header's value may have (RFC 9110), none of which ends the header.
_SENDABLE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def _send(
    what: str, url: str, destination: Destination, own: Mapping[str, str], cluster: str, files: MountedFiles
) -> Outcome:
    """Send to a URL, with the headers that the values say (`own`)."""
    body, headers = _BODIES[what](cluster)
    request = urllib.request.Request(url, body, {**own, **headers})  # noqa: S310 - https
    host = urlsplit(destination.proxy or url)
    try:
        socket.getaddrinfo(host.hostname, host.port or 443, proto=socket.IPPROTO_TCP)
    except OSError as error:
        return Outcome(what=what, url=url, stage=NAME, text=f"{host.hostname}: {error.strerror or error}")
    proxies = {"https": destination.proxy} if destination.proxy else {}
    # Python reads ASCII only; what PEM has outside of its blocks is a comment.
    authority = files.text(destination.authority).encode("ascii", "replace").decode() if destination.authority else ""
    try:
        context = ssl.create_default_context(cadata=authority or None)
    except ssl.SSLError:
        return Outcome(what=what, url=url, stage=TLS, text="what xscaler.tls.ca names is not a certificate in PEM")
    handlers = (urllib.request.ProxyHandler(proxies), urllib.request.HTTPSHandler(context=context), _NoRedirect())
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=_TIMEOUT_SECONDS) as answer:
            return Outcome(what=what, url=url, status=answer.status)
    except urllib.error.HTTPError as error:
        # Read and closed: it holds the connection.
        with error:
            text = error.read(300).decode(errors="replace").strip()
        return Outcome(what=what, url=url, stage=ANSWER, status=error.code, text=text)
    except (urllib.error.URLError, OSError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        stage = TLS if isinstance(reason, ssl.SSLError) else CONNECTION
        said = getattr(reason, "verify_message", "") or getattr(reason, "strerror", "") or str(reason)
        return Outcome(what=what, url=url, stage=stage, text=str(said))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token goes to the host that it was meant for, and to no other."""

    def redirect_request(self, *_: object) -> None:
        """Follow none: the redirect itself is the answer."""


def _own_headers(destination: Destination, files: MountedFiles) -> Mapping[str, str]:
    """Return what the values say that every request has."""
    further = {header.name: files.text(header.value) for header in destination.headers}
    tenant = files.text(destination.tenant)
    who = {"Authorization": _authorization(destination.authentication, files), TENANT_HEADER: tenant}
    return {**further, **who}


def _authorization(authentication: Bearer | Basic, files: MountedFiles) -> str:
    token = files.text(authentication.token)
    if isinstance(authentication, Bearer):
        return f"Bearer {token}"
    pair = f"{files.text(authentication.username)}:{token}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _sample(cluster: str) -> tuple[bytes, Mapping[str, str]]:
    labels = (("__name__", METRIC), ("cluster", cluster), ("job", JOB))
    body = remote_write.encode((remote_write.Series(labels, ((1.0, int(time.time() * 1000)),)),))
    return body, {
        "Content-Type": "application/x-protobuf",
        "Content-Encoding": "snappy",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }


def _line(cluster: str) -> tuple[bytes, Mapping[str, str]]:
    line = "helm xscaler doctor: a line to see whether lines are taken"
    entry = log_push.Entry({"job": JOB, "cluster": cluster}, time.time_ns(), line, {})
    return log_push.encode((entry,)), {"Content-Type": "application/x-protobuf"}


_BODIES: Mapping[str, Callable[[str], tuple[bytes, Mapping[str, str]]]] = {"metrics": _sample, "logs": _line}
