"""The push URLs that xScaler publishes: which of them answers, asked over real TLS and without a token."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from tests.support.paths import ci
from tests.support.rendering import of_kind, template
from xscaler_istio.local import certificates
from xscaler_istio.wire import published

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

BASE = "https://euw1-01"
METRICS = (f"{BASE}.xscalerlabs.com/api/v1/push", f"{BASE}.m.xscalerlabs.com/api/v1/push")
LOGS = (f"{BASE}.l.xscalerlabs.com/api/v1/logs/push", f"{BASE}.l.xscalerlabs.com/api/v1/push")


def test_the_other_published_forms() -> None:
    assert published.other_forms("metrics", METRICS[0]) == (METRICS[1],)
    assert published.other_forms("metrics", METRICS[1]) == (METRICS[0],)
    assert published.other_forms("logs", LOGS[0]) == (LOGS[1],)
    assert published.other_forms("logs", f"{BASE}.xscalerlabs.com/x") == LOGS
    assert published.other_forms("metrics", "https://push.internal.example/api/v1/push") == ()


def environment(*sets: str) -> Mapping[str, Mapping[str, str]]:
    """Return the variables of the test pods of a release, by component."""
    words = [word for item in ("logs.enabled=true", *sets) for word in ("--set", item)]
    pods = of_kind(template("helm4", "--values", str(ci("default")), *words), "Pod")
    return {
        pod["metadata"]["name"].rpartition("-")[2]: {
            item["name"]: item["value"] for item in pod["spec"]["containers"][0]["env"]
        }
        for pod in pods
    }


def test_the_chart_and_the_plugin_know_the_same_urls() -> None:
    for what, urls in environment().items():
        assert (urls["PUSH_URL"], *urls["OTHER_URLS"].split()) == published.forms(what, "euw1-01")
    newer = environment(f"xscaler.logs.url={LOGS[1]}", "xscaler.metrics.url=https://push.internal.example/x")
    assert (newer["logs"]["OTHER_URLS"], newer["metrics"]["OTHER_URLS"]) == (LOGS[0], "")
    # A test pod cannot ask through a proxy.
    assert environment("xscaler.proxyUrl=http://proxy:3128")["logs"]["OTHER_URLS"] == ""


# What both URLs answer; the status of the first, and whether it is said that logs have moved.
CASES = [((401, 404), False), ((404, 401), True), ((404, 400), True), ((404, 404), False), ((404, 503), False)]


@pytest.mark.parametrize(("statuses", "moved"), [*CASES, ((503, 401), False), ((0, 401), False), ((404, 0), False)])
def test_it_has_moved_only_where_another_form_answers(statuses: tuple[int, int], moved: bool) -> None:
    by_url = dict(zip(LOGS, statuses, strict=True))
    first, other = published.look("logs", LOGS[0], lambda url: published.UrlAnswer(url, by_url[url]))
    assert first == published.UrlAnswer(LOGS[0], statuses[0])
    assert other == (published.Moved(first, LOGS[1]) if moved else None)


def test_a_host_without_an_address_counts_as_absent() -> None:
    answers = {
        METRICS[0]: published.UrlAnswer(METRICS[0], no_host=True),
        METRICS[1]: published.UrlAnswer(METRICS[1], 401),
    }
    assert published.look("metrics", METRICS[0], answers.__getitem__)[1] == published.Moved(
        answers[METRICS[0]], METRICS[1]
    )


class _Handler(BaseHTTPRequestHandler):
    """Answers as xScaler: 401 to a push without a token, 404 for another path; and notes the headers."""

    seen: list[tuple[str, Mapping[str, str]]]

    def do_POST(self) -> None:
        self.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        self.send_response(401 if self.path == "/api/v1/push" else 302 if self.path == "/moved" else 404)
        self.send_header("Content-Length", "0")
        self.send_header("Location", "/api/v1/push")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[tuple[str, certificates.Authority, list[tuple[str, Mapping[str, str]]]]]:
    authority = certificates.create(folder)
    _Handler.seen = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.socket = authority.server_context("127.0.0.1").wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}", authority, _Handler.seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_real_host_is_asked_without_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving(tmp_path) as (base, authority, seen):
        # Its certificate is not trusted yet.
        assert published.ask(f"{base}/api/v1/push") == published.UrlAnswer(f"{base}/api/v1/push")
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
        for path, status in (("/api/v1/logs/push", 404), ("/api/v1/push", 401), ("/moved", 302)):
            assert published.ask(f"{base}{path}") == published.UrlAnswer(f"{base}{path}", status)
    # A redirect is not followed.
    assert [path for path, _ in seen] == ["/api/v1/logs/push", "/api/v1/push", "/moved"]
    assert not {"authorization", "x-scope-orgid"} & {name for _, headers in seen for name in headers}
    assert published.ask("https://nowhere.invalid/push").no_host
