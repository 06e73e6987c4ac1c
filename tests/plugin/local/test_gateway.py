"""The local xScaler says no where xScaler does, whatever stores behind it."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.support.tools import tool
from xscaler_istio.local import certificates
from xscaler_istio.local.network import claim
from xscaler_istio.local.xscaler import service
from xscaler_istio.local.xscaler.backends import BACKENDS
from xscaler_istio.local.xscaler.gateway import Fault, Scope, Token
from xscaler_istio.wire.remote_write import V1, V2, Format, Histogram, Series

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from xscaler_istio.local.xscaler.service import XScaler

WRITE = {"Authorization": "Bearer write", "X-Scope-OrgID": "tenant"}


class Case:
    """A local xScaler and someone who pushes to it."""

    def __init__(self, xscaler: XScaler, session: aiohttp.ClientSession) -> None:
        self.xscaler = xscaler
        self._session = session
        self.text = ""
        self.written: dict[str, str] = {}
        self.retry_after: str | None = None

    async def push(
        self,
        *series: Series,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        form: Format = V1,
        content_type: str = "",
    ) -> int:
        data = form.encode(series) if body is None else body
        sender = WRITE if headers is None else headers
        sent = {**form.headers, **sender, **({"Content-Type": content_type} if content_type else {})}
        async with self._session.post(self.xscaler.push_url, data=data, headers=sent) as answer:
            self.text = await answer.text()
            self.written = {name: value for name, value in answer.headers.items() if name.endswith("-Written")}
            self.retry_after = answer.headers.get("Retry-After")
            return answer.status


def series(name: str, labels: int = 2, count: int = 1, **more: str) -> Series:
    """Return a series with this many labels in all."""
    now = int(time.time() * 1000)
    pairs = {"__name__": name, **{f"label_{n:02}": "v" for n in range(labels - 1 - len(more))}, **more}
    return Series(tuple(sorted(pairs.items())), tuple((float(n), now - 1000 * (count - n)) for n in range(count)))


def run(tmp_path: Path, backend: str, test: Callable[[Case], Awaitable[Any]]) -> Any:
    async def go() -> Any:
        with claim() as network:
            authority = certificates.create(tmp_path)
            tokens = {
                "write": Token("tenant", Scope.WRITE),
                "read": Token("tenant", Scope.READ),
                "both": Token("tenant", Scope.READ | Scope.WRITE),
            }
            async with (
                service.serving(
                    network=network,
                    authority=authority,
                    folder=tmp_path,
                    backend=backend,
                    binary=tool(backend),
                    tokens=tokens,
                    reader=service.Reader("read", "tenant"),
                ) as xscaler,
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=authority.client_context())) as session,
            ):
                return await test(Case(xscaler, session))

    return asyncio.run(go())


def latency(name: str, labels: int = 2, which: str = "a") -> Series:
    """Return a series of one native histogram with this many labels in all: 3 observations below 0.5, one above 10."""
    plain = series(name, labels, which=which)
    return Series(plain.labels, (), (Histogram((0.5, 10.0), (3, 0, 1), 42.5, int(time.time() * 1000)),))


async def judged(case: Case) -> dict[str, Any]:
    """Push what is good, bad and mixed; return everything that a user can see of the verdict."""
    too_many, long_name = series("labels_31", 31), series("name_too_long", 2, 1, **{"n" * 1025: "v"})
    long_value, nameless = (
        series("value_too_long", big="v" * 2049),
        Series((("a", "b"),), ((1.0, int(time.time() * 1000)),)),
    )
    statuses = [
        await case.push(series("labels_30", 30)),
        await case.push(too_many),
        await case.push(long_name),
        await case.push(long_value),
        await case.push(nameless),
        await case.push(series("good_beside_bad"), series("labels_31", 31, which="b")),
        await case.push(series("many", count=2000)),
        await case.push(series("too_many", count=2001)),
        await case.push(body=b"no snappy"),
    ]
    account = await case.xscaler.account()
    found = await case.xscaler.query('count by (__name__) ({__name__=~".+"})')
    return {
        "statuses": [status // 100 for status in statuses],
        "accepted": account.accepted,
        "rejected": dict(account.rejected),
        "stored": sorted(sample.labels["__name__"] for sample in found),
    }


async def judged_native(case: Case) -> dict[str, Any]:
    """Push native histograms by remote write 2.0: good, mixed and too many; return everything that a user can see."""
    first = await case.push(latency("latency_30", 30), series("up"), form=V2)
    # Mimir's header counts what it refuses in a mixed request too.
    written, native = case.written, (await case.xscaler.account()).native
    tomorrow = V2.content_type.replace("v2", "v3")
    statuses = [
        first,
        await case.push(latency("latency_29", 29), latency("latency_31", 31), form=V2),
        await case.push(*(latency("many", which=str(number)) for number in range(2001)), form=V2),
        await case.push(latency("of_tomorrow"), form=V2, content_type=tomorrow),
    ]
    account = await case.xscaler.account()
    of_one = "latency_30"
    asked = (f"histogram_count({of_one})", f"histogram_sum({of_one})", f"histogram_fraction(0, 0.5, {of_one})")
    stored = await case.xscaler.query('count by (__name__) ({__name__=~".+"})')
    return {
        "statuses": [status // 100 for status in statuses],
        "written": written["X-Prometheus-Remote-Write-Histograms-Written"],
        "accepted": account.accepted,
        "native": native,
        "rejected": dict(account.rejected),
        "answers": [sample.value for query in asked for sample in await case.xscaler.query(query)],
        "stored": sorted(sample.labels["__name__"] for sample in stored),
    }


def of_both_backends(tmp_path: Path, judge: Callable[[Case], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """Return what a user sees of pushes, which is the same with both backends."""
    verdicts: dict[str, dict[str, Any]] = {}
    for backend in BACKENDS:
        folder = tmp_path / backend
        folder.mkdir()
        verdicts[backend] = run(folder, backend, judge)
    assert verdicts["mimir"] == verdicts["prometheus"]
    return verdicts["mimir"]


def test_both_backends_judge_native_histograms_alike(tmp_path: Path) -> None:
    seen = of_both_backends(tmp_path, judged_native)
    assert seen["statuses"] == [2, 4, 4, 4]
    assert (seen["written"], seen["native"]) == ("1", 1)
    assert seen["answers"] == [4, 42.5, 0.75]
    assert seen["stored"] == ["latency_29", "latency_30", "up"]
    assert seen["accepted"] == 3


def test_both_backends_judge_alike(tmp_path: Path) -> None:
    seen = of_both_backends(tmp_path, judged)
    assert seen["stored"] == ["good_beside_bad", "labels_30", "many"]
    assert seen["statuses"] == [2, 4, 4, 4, 4, 4, 2, 4, 4]
    assert seen["accepted"] == 2002
    assert seen["rejected"]["max_label_names_per_series"] == 2
    assert seen["rejected"]["samples_per_request"] == 2001


# Of samples and of lines alike.
REFUSED: list[tuple[dict[str, str], int, str]] = [
    ({}, 401, "unauthorized"),
    ({"Authorization": "Bearer wrong", "X-Scope-OrgID": "tenant"}, 401, "unauthorized"),
    ({"Authorization": "Bearer read", "X-Scope-OrgID": "tenant"}, 403, "scope"),
    ({"Authorization": "Bearer write"}, 401, "tenant"),
    ({"Authorization": "Bearer write", "X-Scope-OrgID": "other"}, 400, "tenant"),
    ({"Authorization": "Basic !!", "X-Scope-OrgID": "tenant"}, 401, "unauthorized"),
]


@pytest.mark.parametrize(("headers", "status", "reason"), REFUSED)
def test_who_may_push(tmp_path: Path, headers: dict[str, str], status: int, reason: str) -> None:
    async def test(case: Case) -> None:
        assert await case.push(series("up"), series("down"), headers=headers) == status
        account = await case.xscaler.account()
        assert (account.accepted, dict(account.rejected)) == (0, {reason: 2})

    run(tmp_path, "prometheus", test)


def test_basic_auth_takes_the_token_as_password(tmp_path: Path) -> None:
    async def test(case: Case) -> None:
        credential = base64.b64encode(b"anyone:write").decode()
        headers = {"Authorization": f"Basic {credential}", "X-Scope-OrgID": "tenant"}
        assert await case.push(series("up"), headers=headers) < 300

    run(tmp_path, "prometheus", test)


def test_faults_and_rotation(tmp_path: Path) -> None:
    async def test(case: Case) -> None:
        case.xscaler.inject(Fault(429, requests=1, retry_after_seconds=7))
        assert (await case.push(series("up")), case.retry_after) == (429, "7")
        assert await case.push(series("up")) < 300
        case.xscaler.inject(Fault(503))
        assert [await case.push(series("up")) for _ in range(2)] == [503, 503]
        case.xscaler.inject(Fault(400, requests=1))
        assert await case.push(series("up")) == 400
        account = await case.xscaler.account()
        assert (dict(account.deferred), dict(account.rejected)) == ({429: 1, 503: 2}, {"injected_400": 1})
        case.xscaler.revoke_token("write")
        assert await case.push(series("up")) == 401
        case.xscaler.add_token("write", Token("tenant", Scope.WRITE))
        assert await case.push(series("up")) < 300

    run(tmp_path, "prometheus", test)
