"""Test pushes from this machine, with the token and tenant of a release: a sample, a native histogram, a line."""

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
from xscaler_istio.rendered.manifests import LOGS
from xscaler_istio.rendered.release import METRICS
from xscaler_istio.system.errors import UnreachableError, UsageError
from xscaler_istio.wire import log_push, no_redirect, protobuf, published, remote_write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xscaler_istio.rendered.destination import Basic, Destination, MountedFiles
    from xscaler_istio.wire.query_api import QueryApi

JOB = "xscaler-doctor"
METRIC = "xscaler_doctor_probe"
NATIVE_METRIC = "xscaler_doctor_probe_histogram"
# Beside METRICS and LOGS: native ones, which go where metrics go.
HISTOGRAMS = "histograms"
_TIMEOUT_SECONDS = 15
# A receiver of remote write 2.0 says what it wrote:
# https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/#required-written-response-headers
_WRITTEN = "X-Prometheus-Remote-Write-Histograms-Written"
# How long a stored sample may take until a query returns it.
_VISIBLE_SECONDS = 15
# The stages of a request, in order.
NAME, CONNECTION, TLS, ANSWER = "name", "connection", "tls", "answer"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome of a probe of METRICS, HISTOGRAMS or LOGS: the `stage` at which it failed, or nothing.

    `other` is a URL that accepted it if the given one does not exist. `stored` is whether a native histogram is stored,
    by the answer or by a query; None where neither shows it.
    """

    what: str
    url: str
    stage: str = ""
    status: int = 0
    text: str = ""
    other: str = ""
    stored: bool | None = None


def ask_native(destination: Destination, cluster: str, files: MountedFiles, read: QueryApi | None) -> Outcome:
    """Send one native histogram by remote write 2.0, and read it back if there is a way to; raises as `ask` does."""
    sent = int(time.time())
    outcome = ask(HISTOGRAMS, destination, cluster, files)
    if outcome.stage or not read:
        return outcome
    try:
        return dataclasses.replace(outcome, stored=_visible(read, cluster, sent))
    except UnreachableError as error:
        return dataclasses.replace(outcome, text=error.message)


def _visible(read: QueryApi, cluster: str, sent: int) -> bool:
    """Return whether a query finds a native histogram that was sent since a Unix time in seconds, its sum."""
    query = f"histogram_sum({NATIVE_METRIC}{protobuf.labels_text({'cluster': cluster, 'job': JOB})})"
    deadline = time.monotonic() + _VISIBLE_SECONDS
    while (read.number(query) or 0) < sent:
        if time.monotonic() > deadline:
            return False
        time.sleep(1)
    return True


def ask(what: str, destination: Destination, cluster: str, files: MountedFiles) -> Outcome:
    """Send something to a destination; if its host or path does not exist, also to the other published form.

    `what` is METRICS, HISTOGRAMS or LOGS. Raises UsageError for a URL that is not https, and for a header that HTTP
    does not allow.
    """
    if not destination.url.startswith("https://"):
        raise UsageError(f"{destination.url} is not an https URL", "--probe sends the token only over https")
    headers = _own_headers(destination, files)
    for name, value in headers.items():
        if not _SENDABLE.fullmatch(value):
            raise UsageError(
                f"the header {name} cannot be sent: its value has a line break, or a character outside Latin-1",
                "remove such characters from the token, the tenant and xscaler.extraHeaders",
            )
    tried = _send(what, destination.url, destination, headers, cluster, files)
    if tried.stage == NAME or tried.status == 404:
        for url in published.other_forms(LOGS if what == LOGS else METRICS, destination.url):
            if not _send(what, url, destination, headers, cluster, files).stage:
                return dataclasses.replace(tried, other=url)
    return tried


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
        return Outcome(what=what, url=url, stage=TLS, text="xscaler.tls.ca does not contain a certificate in PEM")
    opener = no_redirect.opener(context, urllib.request.ProxyHandler(proxies))
    try:
        with opener.open(request, timeout=_TIMEOUT_SECONDS) as answer:
            stored = _stored(answer.headers.get(_WRITTEN)) if what == HISTOGRAMS else None
            return Outcome(what=what, url=url, status=answer.status, stored=stored)
    except urllib.error.HTTPError as error:
        # Read and closed: it holds the connection.
        with error:
            text = error.read(300).decode(errors="replace").strip()
        redirect = no_redirect.target(url, error)
        answer_text = f"a redirect to {redirect}" if redirect else text
        return Outcome(what=what, url=url, stage=ANSWER, status=error.code, text=answer_text)
    except (urllib.error.URLError, OSError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        stage = TLS if isinstance(reason, ssl.SSLError) else CONNECTION
        message = getattr(reason, "verify_message", "") or getattr(reason, "strerror", "") or str(reason)
        return Outcome(what=what, url=url, stage=stage, text=str(message))


def _stored(written: str | None) -> bool | None:
    """Return what an answer's count of written histograms says of the only one sent; None without a count."""
    return None if written is None else written.strip() != "0"


def _own_headers(destination: Destination, files: MountedFiles) -> Mapping[str, str]:
    """Return the headers of every request, as the values set them."""
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
    body = remote_write.V1.encode((remote_write.Series(labels, ((1.0, int(time.time() * 1000)),)),))
    return body, remote_write.V1.headers


def _histogram(cluster: str) -> tuple[bytes, Mapping[str, str]]:
    labels = (("__name__", NATIVE_METRIC), ("cluster", cluster), ("job", JOB))
    now = time.time()
    # One observation of the time, by which a query knows this histogram from an earlier one.
    observed = remote_write.Histogram((1.0,), (0, 1), float(int(now)), int(now * 1000))
    return remote_write.V2.encode((remote_write.Series(labels, (), (observed,)),)), remote_write.V2.headers


def _line(cluster: str) -> tuple[bytes, Mapping[str, str]]:
    line = "helm xscaler doctor: a test line"
    entry = log_push.Entry({"job": JOB, "cluster": cluster}, time.time_ns(), line, {})
    return log_push.encode((entry,)), {"Content-Type": "application/x-protobuf"}


_BODIES: Mapping[str, Callable[[str], tuple[bytes, Mapping[str, str]]]] = {
    METRICS: _sample,
    HISTOGRAMS: _histogram,
    LOGS: _line,
}
