"""`doctor --probe` against the real local xScaler, with the token of a recorded cluster's Secret."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import dataclasses
import json
import re
import shutil
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web

from tests.support.tools import tool
from xscaler_istio.local import certificates
from xscaler_istio.local.network import claim
from xscaler_istio.local.xscaler import service
from xscaler_istio.local.xscaler.gateway import Scope, Token
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.rendered.destination import Bearer, Destination, File, Header, Literal, MountedFiles
from xscaler_istio.system.errors import UsageError
from xscaler_istio.wire import probe, remote_write
from xscaler_istio.wire.query_api import QueryApi

from . import recorded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

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

    async def run(
        self, metrics: str, logs: str, *more: str, token: str, trust: bool = True, keys: Mapping[str, str] | None = None
    ) -> tuple[list[str], str]:
        """Return the lines about probes, and all output. `keys` are in the Secret beside the token."""
        data = {key: base64.b64encode(text.encode()).decode() for key, text in {"token": token, **(keys or {})}.items()}
        self.objects("secrets", "Secret", "xscaler-token", data)
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
    with claim() as network:
        authority = certificates.create(folder)
        tokens = {
            "tok-write": Token("acme", Scope.WRITE),
            "tok-read": Token("acme", Scope.READ),
            "tok-other": Token("another", Scope.WRITE),
        }
        parts: dict[str, Any] = {"backend": "prometheus", "binary": tool("prometheus"), "tokens": tokens}
        reader = service.Reader("tok-read", "acme")
        async with service.serving(network=network, authority=authority, folder=folder, reader=reader, **parts) as ours:
            doctor = Doctor(cli, folder, authority.ca_file)
            urls = (ours.push_url, ours.logs.push_url)
            # (token, what is said of both)
            cases = {
                "tok-write\n": "info: {what}: {url} accepted a {thing} [XS454]",
                "tok-wrong": "error: {what}: rejected by {url}: 401 invalid token [XS453] FIX the token is wrong,"
                " revoked or expired: update the Secret, no restart is needed",
                "tok-read": "error: {what}: rejected by {url}: 403 the token lacks the scope write [XS453] FIX the"
                " token lacks the write scope: create one that has it",
                "tok-other": "error: {what}: rejected by {url}: 400 x-scope-orgid mismatch [XS453] FIX the token"
                " belongs to another tenant: correct xscaler.tenantId",
            }
            for token, line in cases.items():
                said, out = await doctor.run(*urls, token=token)
                both = {"metrics": (urls[0], "sample"), "logs": (urls[1], "line")}
                expected = [f"{w}.url: {line.format(what=w, url=u, thing=t)}" for w, (u, t) in sorted(both.items())]
                assert said == expected, out
            account = await ours.account()
            assert (account.accepted, account.native) == (2, 1)
            (entry,) = (await ours.logs.account()).entries
            assert entry.labels == {"job": "xscaler-doctor", "cluster": "prod-1"}
            (series,) = await ours.query('xscaler_doctor_probe{job="xscaler-doctor",cluster="prod-1"}')
            assert series.value == 1

            said, out = await doctor.run(*urls, token="tok-write", trust=False)  # noqa: S106 - of a test
            untrusted = "no trusted certificate at {}: unable to get local issuer certificate [XS452]"
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
                "logs.url: error: logs: DNS has no address for https://nowhere.invalid/push: nowhere.invalid:"
                f" {_no_address()} [XS450] FIX correct xscaler.region, or the URL if you set one",
                f"metrics.url: error: metrics: no connection to {closed[0]}: Connection refused [XS451] FIX allow"
                " connections to port 443, or set xscaler.proxyUrl",
            ], out


@contextlib.asynccontextmanager
async def recording(ours: service.XScaler, authority: certificates.Authority, host: str) -> AsyncIterator[Recorder]:
    """Stand in front of the local xScaler, and keep the headers of what passes."""
    recorder = Recorder(ours, authority)
    application = web.Application()
    application.router.add_post("/{tail:.*}", recorder.pass_on)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, host, 0, ssl_context=authority.server_context(host)).start()
    recorder.base_url = f"https://{host}:{runner.addresses[0][1]}"
    try:
        yield recorder
    finally:
        await runner.cleanup()


class Recorder:
    """Passes pushes on to the local xScaler; `headers` are those of the last run, by path.

    With `classic_only` it rejects remote write 2.0. It never passes on the count of what was written.
    """

    def __init__(self, ours: service.XScaler, authority: certificates.Authority) -> None:
        self.base_url = ""
        self.classic_only = False
        self.headers: dict[str, Mapping[str, str]] = {}
        self._urls = {urlsplit(url).path: url for url in (ours.push_url, ours.logs.push_url)}
        self._context = authority.client_context()

    @property
    def urls(self) -> tuple[str, ...]:
        """Where metrics and logs are pushed to."""
        return tuple(f"{self.base_url}{path}" for path in self._urls)

    async def pass_on(self, request: web.Request) -> web.Response:
        self.headers[request.path] = request.headers
        if self.classic_only and remote_write.V2.message in request.headers["Content-Type"]:
            return web.Response(status=415, text="remote write 2.0 is not supported")
        headers = {name: value for name, value in request.headers.items() if name != "Host"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                self._urls[request.path], data=await request.read(), headers=headers, ssl=self._context
            ) as answer,
        ):
            return web.Response(status=answer.status, text=await answer.text())


@pytest.mark.whole("make test sends a token of a Secret and one of the values; here are user name, tenant and headers")
def test_what_is_sent_along_comes_from_where_the_values_say(cli4: Callable[..., Ran], tmp_path: Path) -> None:
    asyncio.run(_sent(cli4, tmp_path))


HEADERS = {"X-Team": "mesh", "X-Way": "a: b, c=$d"}
FROM_SECRET = (
    *("--set", "xscaler.auth.type=basic,xscaler.auth.existingSecret.usernameKey=user"),
    *("--set", "xscaler.tenantId=,xscaler.auth.existingSecret.tenantIdKey=tenant"),
    *("--set-json", f"xscaler.extraHeaders={json.dumps(HEADERS)}"),
)
# Values, what the Authorization header says, and further keys of the Secret.
SENT: Mapping[str, tuple[tuple[str, ...], str, dict[str, str]]] = {
    "bearer": ((), "Bearer tok-write", {}),
    "no user name": (("--set", "xscaler.auth.type=basic"), "Basic :tok-write", {}),
    "user name in the values": (
        ("--set", "xscaler.auth.type=basic,xscaler.auth.username=istio $x"),
        "Basic istio $x:tok-write",
        {},
    ),
    **{
        f"from the Secret, {collector}": (
            (*FROM_SECRET, "--set", f"metrics.collector={collector}"),
            "Basic mesh-writer:tok-write",
            {"user": "mesh-writer\n", "tenant": "acme\n"},
        )
        for collector in COLLECTORS
    },
}


async def _sent(cli: Callable[..., Ran], folder: Path) -> None:
    with claim() as network:
        authority = certificates.create(folder)
        tokens = {"tok-write": Token("acme", Scope.WRITE), "tok-read": Token("acme", Scope.READ)}
        parts: dict[str, Any] = {"backend": "prometheus", "binary": tool("prometheus"), "tokens": tokens}
        reader = service.Reader("tok-read", "acme")
        async with (
            service.serving(network=network, authority=authority, folder=folder, reader=reader, **parts) as ours,
            recording(ours, authority, network.infrastructure) as recorder,
        ):
            doctor = Doctor(cli, folder, authority.ca_file)
            for name, (values, authorization, keys) in SENT.items():
                recorder.headers.clear()
                said, out = await doctor.run(*recorder.urls, *values, token="tok-write", keys=keys)  # noqa: S106
                assert [line.rpartition(" ")[2] for line in said] == ["[XS454]", "[XS454]"], (name, out)
                assert len(recorder.headers) == 2
                for headers in recorder.headers.values():
                    kind, _, credential = headers["Authorization"].partition(" ")
                    plain = base64.b64decode(credential).decode() if kind == "Basic" else credential
                    assert f"{kind} {plain}" == authorization, name
                    assert headers["X-Scope-OrgID"] == "acme"
                    assert [headers.get(item) for item in HEADERS] == (
                        list(HEADERS.values()) if values[: len(FROM_SECRET)] == FROM_SECRET else [None, None]
                    )
            # With a token of one's own the Secret is still asked for the rest.
            file = folder / "token"
            file.write_text("tok-write")
            keys = {"user": "u", "tenant": "acme"}
            asked = (*FROM_SECRET, "--token-file", str(file))
            said, out = await doctor.run(*recorder.urls, *asked, token="tok-wrong", keys=keys)  # noqa: S106 - of a test
            assert [line.rpartition(" ")[2] for line in said] == ["[XS454]", "[XS454]"], out


def test_a_token_of_the_values_is_sent(cli4: Callable[..., Ran], tmp_path: Path) -> None:
    asyncio.run(_sent_from_the_values(cli4, tmp_path))


async def _sent_from_the_values(cli: Callable[..., Ran], folder: Path) -> None:
    """The Secret that the chart will make is not in the cluster yet."""
    with claim() as network:
        authority = certificates.create(folder)
        parts: dict[str, Any] = {
            "backend": "prometheus",
            "binary": tool("prometheus"),
            "tokens": {"tok-write": Token("acme", Scope.WRITE)},
        }
        reader = service.Reader("tok-read", "acme")
        async with service.serving(network=network, authority=authority, folder=folder, reader=reader, **parts) as ours:
            doctor = Doctor(cli, folder, authority.ca_file)
            own = ("--set", "xscaler.auth.token=tok-write,xscaler.auth.existingSecret.name=")
            said, out = await doctor.run(ours.push_url, ours.logs.push_url, *own, token="tok-other")  # noqa: S106
            assert [line.rpartition(" ")[2] for line in said] == ["[XS454]", "[XS454]"], out


def test_what_xscaler_does_with_native_histograms(cli4: Callable[..., Ran], tmp_path: Path) -> None:
    asyncio.run(_native(cli4, tmp_path))


async def _native(cli: Callable[..., Ran], folder: Path) -> None:
    with claim() as network:
        authority = certificates.create(folder)
        tokens = {"tok-write": Token("acme", Scope.WRITE), "tok-read": Token("acme", Scope.READ)}
        parts: dict[str, Any] = {"backend": "prometheus", "binary": tool("prometheus"), "tokens": tokens}
        reader = service.Reader("tok-read", "acme")
        (folder / "read").write_text("tok-read\n")
        async with (
            service.serving(network=network, authority=authority, folder=folder, reader=reader, **parts) as ours,
            recording(ours, authority, network.infrastructure) as recorder,
        ):
            doctor = Doctor(cli, folder, authority.ca_file)

            async def said(urls: tuple[str, ...], form: str, *more: str) -> list[str]:
                given = ("--set", f"metrics.histograms={form}", *more)
                _, out = await doctor.run(urls[0], urls[1], *given, token="tok-write")  # noqa: S106 - of a test
                return re.findall(r"(?m)^.*?(\w+: https://.* native histogram.* \[XS45\d\](?:\n  fix: .*)?)", out)

            ours_urls = (ours.push_url, ours.logs.push_url)
            stored = f"info: {ours.push_url} stores native histograms [XS457]"
            possible = "\n  fix: metrics.histograms: native is possible (docs/histograms.md)"
            assert await said(ours_urls, "native") == [stored]
            assert await said(ours_urls, "classic") == [stored + possible]

            url = recorder.urls[0]
            uncounted = (
                f"warning: {url} answers 200 to a native histogram, without a count of what it stored [XS456]\n"
                "  fix: give the probe a read token (--read-token-file), or query for xscaler_doctor_probe_histogram"
            )
            assert await said(recorder.urls, "both") == [uncounted.replace("200", "204")]
            assert await said(recorder.urls, "classic") == []
            reading = ("--read-token-file", str(folder / "read"), "--query-url", ours.query_url)
            assert await said(recorder.urls, "native", *reading) == [f"info: {url} stores native histograms [XS457]"]

            recorder.classic_only = True
            rejected = f"{url} rejects a native histogram: 415 remote write 2.0 is not supported"
            until = "\n  fix: set metrics.histograms: classic until it stores native histograms"
            assert await said(recorder.urls, "native") == [f"error: {rejected} [XS455]{until}"]
            only = "metrics.histograms can only be classic"
            assert await said(recorder.urls, "classic") == [f"info: {rejected}: {only} [XS457]"]


def test_what_a_query_does_not_find_is_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    accepted = probe.Outcome(what=probe.HISTOGRAMS, url=WHERE.url, status=200)
    monkeypatch.setattr(probe, "ask", lambda *_: accepted)
    monkeypatch.setattr(probe, "_VISIBLE_SECONDS", -1)
    # An older one is there.
    monkeypatch.setattr(QueryApi, "number", lambda *_: 1.0)
    read = QueryApi(("https://127.0.0.1:9",), "t", "acme")
    outcome = probe.ask_native(WHERE, "prod-1", MountedFiles({}), read)
    assert (outcome.stage, outcome.stored) == ("", False)


def test_a_file_that_only_the_pods_have_is_asked_for(cli4: Callable[..., Ran], tmp_path: Path) -> None:
    async def run() -> None:
        with claim() as network:
            doctor = Doctor(cli4, tmp_path, certificates.create(tmp_path).ca_file)
            url, host = f"https://{network.infrastructure}:9/push", network.infrastructure
            file = "xscaler.auth.existingSecret.name=,xscaler.auth.tokenFile=/vault/secrets/token,pod.annotations.a=b"
            said, out = await doctor.run(url, url, "--set", file, token="tok-write")  # noqa: S106 - of a test
            assert said == []
            assert "no Secret has /vault/secrets/token: name a copy of the token with --token-file" in out
            own = tmp_path / "token"
            own.write_text("tok-own")
            said, out = await doctor.run(url, url, "--set", file, "--token-file", str(own), token="tok-write")  # noqa: S106
            assert len(said) == 2, out
            assert all(f"no connection to https://{host}" in line for line in said)

    asyncio.run(run())


def _no_address() -> str:
    """Return how this machine says that a name is nobody's."""
    import socket

    with pytest.raises(OSError) as raised:  # noqa: PT011 - the words differ
        socket.getaddrinfo("nowhere.invalid", 443)
    return str(raised.value.strerror)


WHERE = Destination(
    url="https://127.0.0.1:9/push",
    tenant=Literal("t"),
    headers=(),
    authentication=Bearer(File("/token")),
    proxy="",
    authority=None,
)


def test_a_token_does_not_travel_in_the_clear() -> None:
    files = MountedFiles({"/token": "s3cret"})
    with pytest.raises(UsageError, match="is not an https URL"):
        probe.ask("metrics", dataclasses.replace(WHERE, url="http://127.0.0.1:9/push"), "prod-1", files)
    assert "s3cret" not in repr(files)


@pytest.mark.parametrize("text", ["s3cret\nX-More: x", "s3cret\rx", "s3cret\u2013", "s3\0s3cret"])
@pytest.mark.parametrize("header", ["Authorization", "X-Team"])
def test_a_header_that_http_does_not_admit_is_named_without_its_value(header: str, text: str) -> None:
    files = MountedFiles({"/token": text if header == "Authorization" else "t", "/team": f"{text}x"})
    where = WHERE if header == "Authorization" else dataclasses.replace(WHERE, headers=(Header(header, File("/team")),))
    with pytest.raises(UsageError, match=f"the header {header} cannot be sent") as raised:
        probe.ask("metrics", where, "prod-1", files)
    assert "s3cret" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize(
    "content", ["no PEM", "\u2013", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_an_authority_that_is_not_one_is_a_fault_of_tls(content: str) -> None:
    files = MountedFiles({"/token": "t", "/ca": content})
    outcome = probe.ask("metrics", dataclasses.replace(WHERE, authority=File("/ca")), "prod-1", files)
    assert (outcome.stage, outcome.text) == (probe.TLS, "xscaler.tls.ca does not contain a certificate in PEM")


def test_words_around_the_certificate_of_an_authority_are_comments(tmp_path: Path) -> None:
    content = certificates.create(tmp_path).ca_file.read_text()
    files = MountedFiles({"/token": "t", "/ca": f"Autorit\u00e9\n{content}"})
    outcome = probe.ask("metrics", dataclasses.replace(WHERE, authority=File("/ca")), "prod-1", files)
    assert outcome.stage == probe.CONNECTION
