"""`doctor --probe` against the real local xScaler, with the token of a recorded cluster's Secret."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.tools import tool
from xscaler_istio.local import certificates
from xscaler_istio.local import network as networks
from xscaler_istio.local.xscaler import server
from xscaler_istio.local.xscaler.gateway import Scope, Token
from xscaler_istio.rendered.scraping import Destination
from xscaler_istio.system.errors import UsageError
from xscaler_istio.wire import probe

from . import recorded

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.command import Ran

MESH = Path(__file__).parent / "clusters" / "mesh"


class Doctor:
    """Runs the command on a copy of a recorded cluster, with another Secret."""

    def __init__(self, cli: Callable[..., Ran], folder: Path, ca_file: Path) -> None:
        self._cli = cli
        self._folder = folder / "cluster"
        self._ca_file = ca_file
        shutil.copytree(MESH, self._folder)

    def objects(self, resource: str, kind: str, name: str, data: dict[str, str]) -> None:
        """Replace the objects of a kind by one in the release's namespace."""
        metadata = {"name": name, "namespace": "telemetry"}
        item = {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": data}
        (self._folder / f"{resource}.json").write_text(json.dumps({"items": [item]}))

    async def run(self, metrics: str, logs: str, *more: str, token: str, trust: bool = True) -> tuple[list[str], str]:
        """Return the lines about probes, and what stands on stderr."""
        self.objects("secrets", "Secret", "xscaler-token", {"token": base64.b64encode(token.encode()).decode()})
        sets = (f"xscaler.metrics.url={metrics}", f"xscaler.logs.url={logs}", "logs.enabled=true")
        given = [word for text in sets for word in ("--set", text)]
        words = ("doctor", "-n", "telemetry", "-f", MESH / "values.yaml", *given, "--probe", *more)
        config = self._folder / "kubeconfig"
        with recorded.serving(self._folder, config):
            variables = {"KUBECONFIG": str(config), "XSCALER_KUBECTL": str(tool("kubectl"))}
            trusted = {"SSL_CERT_FILE": str(self._ca_file)} if trust else {}
            ran = await asyncio.to_thread(self._cli, *words, **variables, **trusted)
        assert token not in ran.out + ran.err
        found = re.findall(r"(?m)^--set xscaler\.(.*XS45\d\].*(?:\n  fix: .*)?)", ran.out)
        return [item.replace("\n  fix: ", " FIX ") for item in found], ran.out + ran.err


def test_what_xscaler_answers(cli4: Callable[..., Ran], tmp_path: Path) -> None:
    asyncio.run(_answers(cli4, tmp_path))


async def _answers(cli: Callable[..., Ran], folder: Path) -> None:
    with networks.claim() as network:
        authority = certificates.create(folder)
        tokens = {
            "tok-write": Token("acme", Scope.WRITE),
            "tok-read": Token("acme", Scope.READ),
            "tok-other": Token("another", Scope.WRITE),
        }
        parts: dict[str, Any] = {"backend": "prometheus", "binary": tool("prometheus"), "tokens": tokens}
        reader = server.Reader("tok-read", "acme")
        async with server.serving(network=network, authority=authority, folder=folder, reader=reader, **parts) as ours:
            doctor = Doctor(cli, folder, authority.ca_file)
            urls = (ours.push_url, ours.logs.push_url)
            # (token, what is said of both)
            cases = {
                "tok-write\n": "info: {what}: {url} took a {thing} [XS454]",
                "tok-wrong": "error: {what}: refused by {url}: 401 invalid token [XS453] FIX the token is wrong or"
                " expired: update the Secret, no restart is needed",
                "tok-read": "error: {what}: refused by {url}: 403 the token lacks the scope write [XS453] FIX the token"
                " may not write: make one with the write scope",
                "tok-other": "error: {what}: refused by {url}: 400 x-scope-orgid mismatch [XS453] FIX the tenant is not"
                " the token's: is xscaler.tenantId right?",
            }
            for token, line in cases.items():
                said, out = await doctor.run(*urls, token=token)
                both = {"metrics": (urls[0], "sample"), "logs": (urls[1], "line")}
                expected = [f"{w}.url: {line.format(what=w, url=u, thing=t)}" for w, (u, t) in sorted(both.items())]
                assert said == expected, out
            assert (await ours.account()).accepted == 1
            (entry,) = (await ours.logs.account()).entries
            assert entry.labels == {"job": "xscaler-doctor", "cluster": "prod-1"}
            (series,) = await ours.query('xscaler_doctor_probe{job="xscaler-doctor",cluster="prod-1"}')
            assert series.value == 1

            said, out = await doctor.run(*urls, token="tok-write", trust=False)  # noqa: S106 - of a test
            untrusted = "the certificate is not trusted of {}: unable to get local issuer certificate [XS452]"
            assert [line.partition(" FIX ")[0] for line in said] == [
                f"{what}.url: error: {what}: {untrusted.format(url)}"
                for what, url in (("logs", urls[1]), ("metrics", urls[0]))
            ], out
            doctor.objects("configmaps", "ConfigMap", "ca", {"ca.crt": authority.ca_file.read_text()})
            own = ("--set", "xscaler.tls.ca.name=ca")
            said, out = await doctor.run(*urls, *own, token="tok-write", trust=False)  # noqa: S106 - of a test
            assert [line.rpartition(" ")[2] for line in said] == ["[XS454]", "[XS454]"], out

            # A token of one's own, where the Secret's is another or may not be read.
            file = folder / "token"
            file.write_text("tok-write\n")
            said, out = await doctor.run(*urls, "--token-file", str(file), token="tok-wrong")  # noqa: S106 - of a test
            assert [line.rpartition(" ")[2] for line in said] == ["[XS454]", "[XS454]"], out

            closed = (f"https://{network.infrastructure}:9/push", "https://nowhere.invalid/push")
            said, out = await doctor.run(*closed, token="tok-write")  # noqa: S106 - of a test
            assert said == [
                "logs.url: error: logs: no address for https://nowhere.invalid/push: nowhere.invalid:"
                f" {_no_address()} [XS450] FIX is xscaler.region right, or the URL in its place?",
                f"metrics.url: error: metrics: no connection to {closed[0]}: Connection refused [XS451] FIX open the"
                " way on port 443, or set xscaler.proxyUrl",
            ], out


def _no_address() -> str:
    """Return how this machine says that a name is nobody's."""
    import socket

    with pytest.raises(OSError) as raised:  # noqa: PT011 - the words differ
        socket.getaddrinfo("nowhere.invalid", 443)
    return str(raised.value.strerror)


def test_the_other_published_forms() -> None:
    base = "https://euw1-01"
    metrics = (f"{base}.xscalerlabs.com/api/v1/push", f"{base}.m.xscalerlabs.com/api/v1/push")
    logs = (f"{base}.l.xscalerlabs.com/api/v1/logs/push", f"{base}.l.xscalerlabs.com/api/v1/push")
    assert probe.other_forms("metrics", metrics[0]) == (metrics[1],)
    assert probe.other_forms("metrics", metrics[1]) == (metrics[0],)
    assert probe.other_forms("logs", logs[0]) == (logs[1],)
    assert probe.other_forms("logs", f"{base}.xscalerlabs.com/x") == logs
    assert probe.other_forms("metrics", "https://push.internal.example/api/v1/push") == ()


def test_a_token_does_not_travel_in_the_clear() -> None:
    where = Destination("http://127.0.0.1:9/push", "t", (), "bearer", "", own_authority=False)
    with pytest.raises(UsageError, match="is not https"):
        probe.ask("metrics", where, "prod-1", probe.Credentials("s3cret", "t"))
    assert "s3cret" not in repr(probe.Credentials("s3cret", "t"))
