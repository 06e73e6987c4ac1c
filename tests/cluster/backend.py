"""The local xScaler of the cluster, as the tests see it: through forwarded ports."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import ssl
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

from tests.support.tools import tool

from . import authority

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def forwarded(service: str, port: int) -> Iterator[int]:
    """Forward a port of this machine to a service of the namespace xscaler, until the end of the block."""
    command = [str(tool("kubectl")), "-n", "xscaler", "port-forward", f"service/{service}", f":{port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            assert found, line
            yield int(found[1])
        finally:
            process.terminate()


@dataclasses.dataclass(frozen=True)
class Backend:
    """Addresses on this machine."""

    administration: str
    metrics: str
    logs: str
    context: ssl.SSLContext

    def grant(self, token: str, tenant: str, *scope: str) -> None:
        """Make a token valid for `read`, `write` or both."""
        self._administer("PUT", f"/tokens/{token}", {"tenant": tenant, "scope": list(scope or ("write",))})

    def revoke(self, token: str) -> None:
        """Make a token invalid."""
        self._administer("DELETE", f"/tokens/{token}")

    def admitted(self, token: str) -> int:
        """Return how many requests came with a token while it was valid."""
        found: int = self._administer("GET", f"/tokens/{token}")["admitted"]
        return found

    def lines(self, cluster: str) -> list[dict[str, Any]]:
        """Return the log lines that arrived of a cluster."""
        found: list[dict[str, Any]] = self._administer("GET", f"/lines?cluster={cluster}")["entries"]
        return found

    def samples(self) -> dict[str, Any]:
        """Return the account of samples of all tenants."""
        account: dict[str, Any] = self._administer("GET", "/samples")
        return account

    def query(self, token: str, tenant: str, promql: str) -> list[dict[str, Any]]:
        """Ask an instant query as a user of xScaler does."""
        return self._ask(f"{self.metrics}/api/v1/query", token, tenant, promql)

    def log_query(self, token: str, tenant: str, logql: str) -> list[dict[str, Any]]:
        """Ask a metric query of LogQL."""
        return self._ask(f"{self.logs}/api/v1/logs/query", token, tenant, logql)

    def _ask(self, url: str, token: str, tenant: str, query: str) -> list[dict[str, Any]]:
        headers = {"Authorization": f"Bearer {token}", "X-Scope-OrgID": tenant}
        request = urllib.request.Request(f"{url}?{urllib.parse.urlencode({'query': query})}", headers=headers)
        with urllib.request.urlopen(request, context=self.context, timeout=30) as answer:
            result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return result

    def _administer(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.administration}{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None


@contextlib.contextmanager
def connected() -> Iterator[Backend]:
    """Give the local xScaler of the current cluster."""
    context = ssl.create_default_context(cadata=authority.xscaler().cert_pem.bytes().decode())
    with (
        forwarded("administration", 9000) as administration,
        forwarded("metrics", 443) as metrics,
        forwarded("logs", 443) as logs,
    ):
        yield Backend(
            f"http://127.0.0.1:{administration}",
            f"https://127.0.0.1:{metrics}",
            f"https://127.0.0.1:{logs}",
            context,
        )
