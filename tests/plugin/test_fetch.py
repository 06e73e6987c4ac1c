"""Values files named by a URL, over real TLS on this machine."""

from __future__ import annotations

import base64
import contextlib
import http.server
import ssl
import threading
from typing import TYPE_CHECKING

import pytest
import trustme

from tests.support.command import runner
from tests.support.paths import EXAMPLE
from tests.support.tools import tool
from xscaler_istio.values import fetch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MISSPELT = "metrics:\n  profil: minimal\n"
PASSWORD = "pa:ss word"  # noqa: S105 - of this test


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves values at some paths, to those who may read them."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        wanted = f"Basic {base64.b64encode(f'reader:{PASSWORD}'.encode()).decode()}"
        if path == "/moved.yaml":
            self.answer(302, b"", Location="/misspelt.yaml")
        elif path == "/private.yaml":
            self.answer(200 if self.headers["Authorization"] == wanted else 401, b"metrics: {shards: 2}\n")
        elif path in ("/misspelt.yaml", "/large.yaml"):
            self.answer(200, MISSPELT.encode() if path == "/misspelt.yaml" else b"#" * (2**20 + 1))
        else:
            self.answer(404, b"")

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """Where values are, and the environment that trusts it."""
    authority = trustme.CA()
    ca_file: Path = tmp_path_factory.mktemp("ca") / "ca.crt"
    authority.cert_pem.write_to_path(str(ca_file))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}", {"SSL_CERT_FILE": str(ca_file)}
        server.shutdown()
        thread.join()


def test_a_finding_names_url_line_and_column(served: tuple[str, dict[str, str]]) -> None:
    url, environment = served
    for path in ("/misspelt.yaml?sig=abc", "/moved.yaml"):
        ran = runner(tool("helm4"))("validate", "-f", EXAMPLE, "-f", f"{url}{path}", **environment)
        shown = f"{url}{path.partition('?')[0]}"
        assert ran.out.startswith(f"{shown}:2:3: error: metrics.profil is not a key of this chart [XS001]\n"), ran.out
        assert "fix: did you mean metrics.profile?" in ran.out
        assert (ran.code, "abc" in ran.out) == (1, False)
    github = runner(tool("helm4"))("validate", "-f", EXAMPLE, "-f", f"{url}/moved.yaml", "-o", "github", **environment)
    assert github.out.startswith(f"::error title=XS001::{url}/moved.yaml:2:3: metrics.profil")


def test_user_and_password_are_sent_and_not_shown(served: tuple[str, dict[str, str]]) -> None:
    url, environment = served
    with_password = url.replace("://", "://reader:pa%3Ass%20word@")
    ran = runner(tool("helm4"))("render", "-f", EXAMPLE, "-f", f"{with_password}/private.yaml", **environment)
    assert ran.code == 0, ran.err
    assert "xscaler-istio-metrics-1" in ran.out
    ran = runner(tool("helm4"))("render", "-f", f"{with_password}/none.yaml", **environment)
    assert (ran.code, ran.err.splitlines()[0]) == (3, f"error: cannot fetch {url}/none.yaml: 404 Not Found")


@pytest.mark.parametrize(
    ("path", "says"), [("/private.yaml", "401 Unauthorized"), ("/large.yaml", "is larger than 1 MiB")]
)
def test_what_gives_nothing(served: tuple[str, dict[str, str]], path: str, says: str) -> None:
    url, environment = served
    ran = runner(tool("helm4"))("validate", "-f", f"{url}{path}", **environment)
    assert (ran.code, ran.out) == (3, "")
    assert says in ran.err


def test_an_authority_that_is_not_trusted_and_a_host_that_is_not_there(served: tuple[str, dict[str, str]]) -> None:
    ran = runner(tool("helm4"))("validate", "-f", f"{served[0]}/misspelt.yaml")
    assert (ran.code, "certificate verify failed" in ran.err) == (3, True)
    ran = runner(tool("helm4"))("validate", "-f", "http://127.0.0.1:1/values.yaml")
    assert (ran.code, "Connection refused" in ran.err) == (3, True)


def test_what_is_shown_of_a_name() -> None:
    assert fetch.shown("https://u:p@h:1/a/b.yaml?token=t#f") == "https://h:1/a/b.yaml"
    assert fetch.shown("values.yaml?x") == "values.yaml?x"
    assert [fetch.is_url(name) for name in ("HTTPS://h/v", "http://h", "s3://b/v", "https:/h")] == [
        True,
        True,
        False,
        False,
    ]
