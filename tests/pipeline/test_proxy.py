"""A proxy that asks for a password: every program that sends goes through it, with its URL in a Secret or a variable.

The real programs run with the destination, the arguments and the variables that the chart renders. What they scrape and
read is replaced, since only the way out is the subject. The proxy notes what it is asked and refuses.
"""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import os
import socket
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.paths import ci
from tests.support.rendering import configs, log_configs, of_kind, template
from tests.support.tools import tool
from tests.support.waiting import until
from xscaler_istio.rendered.collectors import COLLECTORS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FROM_A_SECRET = {"xscaler": {"proxySecret": {"name": "corporate-proxy"}, "noProxy": [".internal.example"]}}
# A platform team's variable, as it comes into every pod of theirs.
FROM_A_VARIABLE = {
    "pod": {
        "extraEnv": [{"name": "HTTPS_PROXY", "valueFrom": {"secretKeyRef": {"name": "corporate-proxy", "key": "url"}}}]
    }
}
CREDENTIAL = base64.b64encode(b"mesh:p@ss").decode()
METRICS, LOGS = "euw1-01.xscalerlabs.com:443", "euw1-01.l.xscalerlabs.com:443"


class Proxy(http.server.ThreadingHTTPServer):
    """A proxy that refuses, and a target with one metric."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: set[tuple[str, str]] = set()


class Handler(http.server.BaseHTTPRequestHandler):
    """Notes the host that a tunnel is asked for, with the credential."""

    server: Proxy

    def do_CONNECT(self) -> None:
        self.server.asked.add((self.path, self.headers.get("Proxy-Authorization", "")))
        self.send_error(403)

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(b"istio_build 1\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Write nothing."""


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


def rendered(values: dict[str, Any], collector: str, folder: Path) -> str:
    file = folder / "values.yaml"
    file.write_text(json.dumps({**values, "metrics": {"collector": collector}, "logs": {"enabled": True}}))
    return template("helm4", "--values", str(ci("default")), "--values", str(file))


def variables(text: str, kind: str, url: str) -> dict[str, str]:
    """Return the variables of a workload's program as the kubelet makes them, with `url` in the Secret."""
    (container,) = of_kind(text, kind)[0]["spec"]["template"]["spec"]["containers"]
    found = {item["name"]: item.get("value", url) for item in container["env"]}
    return {name: value.replace("$(KUBERNETES_SERVICE_HOST)", "192.0.2.1") for name, value in found.items()}


def prometheus(text: str, port: int) -> str:
    return yaml.safe_dump({**yaml.safe_load(text), "scrape_configs": [job(port)]})


def opentelemetry(text: str, port: int) -> str:
    loaded = yaml.safe_load(text)
    receiver = {"prometheus": {"config": {"scrape_configs": [job(port)]}}}
    loaded["extensions"]["health_check"]["endpoint"] = "127.0.0.1:0"
    loaded["service"]["telemetry"] = {"metrics": {"level": "none"}}
    return yaml.safe_dump({**loaded, "receivers": receiver})


def job(port: int) -> dict[str, Any]:
    targets = [{"targets": [f"127.0.0.1:{port}"]}]
    return {"job_name": "a", "scrape_interval": "1s", "scrape_timeout": "1s", "static_configs": targets}


def alloy(text: str, port: int) -> str:
    source = f"""prometheus.scrape "a" {{
  targets = [{{"__address__" = "127.0.0.1:{port}"}}]
  forward_to = [prometheus.remote_write.xscaler.receiver]
  scrape_interval = "1s"
  scrape_timeout = "1s"
}}
"""
    return source + 'prometheus.remote_write "xscaler" {' + text.partition('prometheus.remote_write "xscaler" {')[2]


def lines(text: str, folder: Path) -> str:
    (folder / "a.log").write_text("a line\n")
    source = f"""loki.source.file "a" {{
  targets = [{{"__path__" = "{folder}/a.log"}}]
  forward_to = [loki.write.xscaler.receiver]
}}
"""
    return source + 'loki.write "xscaler" {' + text.partition('loki.write "xscaler" {')[2]


WITH_ONE_TARGET: dict[str, Callable[[str, int], str]] = {
    "prometheus": prometheus,
    "alloy": alloy,
    "opentelemetry": opentelemetry,
}
_ALLOY = ["run", "--disable-reporting", "--stability.level=experimental"]
ARGUMENTS: dict[str, Callable[[Path, Path], list[str]]] = {
    "prometheus": lambda file, state: [
        "--agent",
        f"--config.file={file}",
        f"--storage.agent.path={state}",
        "--web.listen-address=127.0.0.1:0",
    ],
    "alloy": lambda file, state: [
        *_ALLOY,
        # It does not start with port 0.
        f"--server.http.listen-addr=127.0.0.1:{free_port()}",
        f"--storage.path={state}",
        str(file),
    ],
    "otelcol": lambda file, _: [f"--config={file}"],
}


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


@contextlib.contextmanager
def running(program: str, text: str, environment: dict[str, str], folder: Path) -> Iterator[Callable[[], str]]:
    """Run a program with a configuration; yield what it has printed, which raises when it has ended."""
    (folder / "token").write_text("demo")
    file, printed = folder / "config", folder / "printed"
    file.write_text(text.replace("/etc/xscaler/auth/", f"{folder}/"))
    command = [str(tool(program)), *ARGUMENTS[program](file, folder / "state")]
    with printed.open("wb") as output:
        plain = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        process = subprocess.Popen(command, env={**plain, **environment}, stdout=output, stderr=output)

        def said() -> str:
            text = printed.read_text(errors="replace")[-2000:]
            assert process.poll() is None, text
            return text

        try:
            yield said
        finally:
            process.kill()
            process.wait()


by_way = pytest.mark.parametrize(
    "values",
    [
        pytest.param(FROM_A_SECRET, id="secret"),
        pytest.param(FROM_A_VARIABLE, id="variable", marks=pytest.mark.whole("make test shows it for a Secret")),
    ],
)


def came(proxy: Proxy, said: Callable[[], str]) -> bool:
    said()
    return bool(proxy.asked)


@by_way
@pytest.mark.parametrize("collector", COLLECTORS)
def test_a_collector_goes_through_a_proxy_with_a_password(
    collector: str, values: dict[str, Any], proxy: Proxy, tmp_path: Path
) -> None:
    port = proxy.server_address[1]
    text = rendered(values, collector, tmp_path)
    environment = variables(text, "Deployment", f"http://mesh:p%40ss@127.0.0.1:{port}")
    config = WITH_ONE_TARGET[collector](configs(text)[0].text, int(port))
    with running(COLLECTORS[collector].program, config, environment, tmp_path) as said:
        until(lambda: came(proxy, said), said)
    assert proxy.asked == {(METRICS, f"Basic {CREDENTIAL}")}


@by_way
def test_the_log_agent_goes_through_a_proxy_with_a_password(
    values: dict[str, Any], proxy: Proxy, tmp_path: Path
) -> None:
    text = rendered(values, "prometheus", tmp_path)
    environment = variables(text, "DaemonSet", f"http://mesh:p%40ss@127.0.0.1:{proxy.server_address[1]}")
    with running("alloy", lines(log_configs(text)[0].text, tmp_path), environment, tmp_path) as said:
        until(lambda: came(proxy, said), said)
    assert proxy.asked == {(LOGS, f"Basic {CREDENTIAL}")}
