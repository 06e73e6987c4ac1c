"""A token goes to the host that it was meant for: what redirects, and what the commands that send a token do then."""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import ssl
import threading
from typing import TYPE_CHECKING

import pytest
import trustme

from xscaler_istio.rendered.destination import Bearer, Destination, File, Literal, MountedFiles
from xscaler_istio.system.errors import UnreachableError
from xscaler_istio.wire import probe, refusals
from xscaler_istio.wire.query_api import QueryApi

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STATUSES = (301, 302, 303, 307, 308)
HOSTS = ("127.0.0.1", "127.0.0.2")
SAME, OTHER = HOSTS


@dataclasses.dataclass
class Server:
    """Redirects /STATUS/... to `target`, answers everything else with 200, and keeps what it was asked."""

    url: str = ""
    target: str = ""
    asked: list[tuple[str, str]] = dataclasses.field(default_factory=list)


def handler(server: Server) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            server.asked.append((self.command, self.path))
            status = self.path.split("/")[1]
            self.send_response(int(status) if status.isdigit() else 200)
            if status.isdigit():
                self.send_header("Location", f"{server.target}/signin?secret=x")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET  # noqa: N815 - the base's name

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            pass

    return Handler


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, Path]:
    made = trustme.CA()
    file = tmp_path_factory.mktemp("ca") / "ca.crt"
    made.cert_pem.write_to_path(str(file))
    return made, file


@pytest.fixture
def servers(authority: tuple[trustme.CA, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Server]]:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority[1]))
    with contextlib.ExitStack() as stack:
        running = {host: stack.enter_context(serving(authority[0], host)) for host in HOSTS}
        yield running


@contextlib.contextmanager
def serving(authority: trustme.CA, host: str) -> Iterator[Server]:
    server = Server()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(host).configure_cert(context)
    with http.server.ThreadingHTTPServer((host, 0), handler(server)) as listening:
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
        server.url = f"https://{host}:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        listening.shutdown()
        thread.join()


@pytest.mark.parametrize("to", HOSTS)
@pytest.mark.parametrize("status", STATUSES)
def test_a_probe_reports_a_redirect_and_does_not_follow_it(
    servers: dict[str, Server], authority: tuple[trustme.CA, Path], status: int, to: str
) -> None:
    first, other = servers[SAME], servers[OTHER]
    first.target = servers[to].url
    path = f"/{status}/api/v1/push"
    where = Destination(
        url=f"{first.url}{path}",
        tenant=Literal("t"),
        headers=(),
        authentication=Bearer(File("/token")),
        proxy="",
        authority=File("/ca"),
    )
    files = MountedFiles({"/token": "t", "/ca": authority[1].read_text()})
    outcome = probe.ask("metrics", where, "prod-1", files)
    assert (outcome.stage, outcome.status, outcome.text) == (probe.ANSWER, status, f"a redirect to https://{to}")
    assert "redirects are not followed" in refusals.fix(refusals.cause_of_answer(outcome.status, outcome.text))
    assert (first.asked, other.asked) == ([("POST", path)], [])


def test_a_redirect_to_a_path_is_one_to_the_same_host(servers: dict[str, Server]) -> None:
    url = f"{servers[SAME].url}/302"
    with pytest.raises(UnreachableError, match=rf"redirects to https://{SAME} \(302\)"):
        QueryApi((url,), "read-token", "t").number("up")


@pytest.mark.parametrize("to", HOSTS)
@pytest.mark.parametrize("status", STATUSES)
def test_a_question_to_xscaler_reports_a_redirect_and_does_not_follow_it(
    servers: dict[str, Server], status: int, to: str
) -> None:
    first, other = servers[SAME], servers[OTHER]
    first.target = servers[to].url
    url = f"{first.url}/{status}"
    with pytest.raises(UnreachableError) as raised:
        QueryApi((url,), "read-token", "t").number("up")
    assert raised.value.message == f"{url} redirects to https://{to} ({status})"
    assert "--query-url" in raised.value.fix
    assert [len(first.asked), len(other.asked)] == [1, 0]
