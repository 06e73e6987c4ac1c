"""The log side of the local xScaler: who may push, what becomes of a line, and books that say so."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.support.tools import tool
from xscaler_istio.local import certificates
from xscaler_istio.local.network import claim
from xscaler_istio.local.xscaler import log_gateway, service
from xscaler_istio.local.xscaler.admission import Fault, Scope, Token
from xscaler_istio.local.xscaler.log_gateway import RateLimit
from xscaler_istio.wire import log_push
from xscaler_istio.wire.log_push import Entry

from .test_gateway import REFUSED
from .test_log_push import as_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from xscaler_istio.local.xscaler.service import LogSide

WRITE = {"Authorization": "Bearer write", "X-Scope-OrgID": "tenant"}
PROTOBUF, JSON = "application/x-protobuf", "application/json"


@dataclasses.dataclass(frozen=True)
class Case:
    """The log side of a local xScaler and someone who pushes to it."""

    logs: LogSide
    session: aiohttp.ClientSession

    async def push(
        self, body: bytes, content_type: str = PROTOBUF, *, headers: dict[str, str] | None = None, url: str = ""
    ) -> int:
        own = {**(WRITE if headers is None else headers), "Content-Type": content_type}
        async with self.session.post(url or self.logs.push_url, data=body, headers=own) as answer:
            return answer.status


def lines(*texts: str, **labels: str) -> tuple[Entry, ...]:
    now = time.time_ns()
    return tuple(Entry({"job": "test", **labels}, now + n, text, {"n": str(n)}) for n, text in enumerate(texts))


def run(tmp_path: Path, test: Callable[[Case], Awaitable[Any]], *, loki: bool = False) -> Any:
    async def go() -> Any:
        with claim() as network:
            authority = certificates.create(tmp_path)
            tokens = {"write": Token("tenant", Scope.WRITE), "read": Token("tenant", Scope.READ)}
            async with (
                service.serving(
                    network=network,
                    authority=authority,
                    folder=tmp_path,
                    backend="prometheus",
                    binary=tool("prometheus"),
                    tokens=tokens,
                    reader=service.Reader("read", "tenant"),
                    loki_binary=tool("loki") if loki else None,
                ) as xscaler,
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=authority.client_context())) as session,
            ):
                return await test(Case(xscaler.logs, session))

    return asyncio.run(go())


def test_both_forms_at_both_paths_are_stored_and_found(tmp_path: Path) -> None:
    async def test(case: Case) -> None:
        sent: list[Entry] = []
        for number, path in enumerate(log_gateway.PUSH_PATHS):
            url = case.logs.push_url.replace(log_gateway.PUSH_PATHS[0], path)
            for form, write in ((PROTOBUF, log_push.encode), (JSON, as_json)):
                entries = lines("one", "two", which=f"{number}-{form[-4:]}")
                assert await case.push(write(entries), form, url=url) == 204
                sent += entries
        account = await case.logs.account()
        assert account.entries == tuple(sent)
        assert (account.accepted, dict(account.rejected), dict(account.requests)) == (8, {}, {204: 4})
        [found] = await case.logs.query('sum(count_over_time({job="test"}[5m]))')
        assert found.value == 8
        # What is structured metadata can be asked for.
        [found] = await case.logs.query('sum(count_over_time({job="test"} | n="1" [5m]))')
        assert found.value == 4

    run(tmp_path, test, loki=True)


def test_lokis_limits_judge_and_the_rest_is_stored(tmp_path: Path) -> None:
    async def test(case: Case) -> None:
        good, long = lines("good"), lines("x" * (256 * 1024 + 1))
        assert await case.push(log_push.encode([*good, *long])) == 400
        account = await case.logs.account()
        assert dict(account.rejected) == {"line_too_long": 1}
        assert account.accepted == 1
        assert "max entry size" in account.last_refusal
        many = Entry({"job": "test", **{f"label_{n}": "v" for n in range(15)}}, time.time_ns(), "labels", {})
        assert await case.push(log_push.encode([many])) == 400
        assert (await case.logs.account()).rejected["max_label_names_per_series"] == 1

    run(tmp_path, test, loki=True)


@pytest.mark.parametrize(("headers", "status", "reason"), REFUSED)
def test_who_may_push(tmp_path: Path, headers: dict[str, str], status: int, reason: str) -> None:
    async def test(case: Case) -> None:
        assert await case.push(log_push.encode(lines("one", "two")), headers=headers) == status
        account = await case.logs.account()
        assert (account.accepted, account.entries, dict(account.rejected)) == (0, (), {reason: 2})

    run(tmp_path, test)


def test_faults_are_counted_by_line(tmp_path: Path) -> None:
    async def test(case: Case) -> None:
        body = log_push.encode(lines("one", "two", "three"))
        case.logs.inject(Fault(429, requests=1, retry_after_seconds=1))
        assert await case.push(body) == 429
        case.logs.inject(Fault(503))
        assert [await case.push(body) for _ in range(2)] == [503, 503]
        case.logs.inject(Fault(400, requests=1))
        assert await case.push(body) == 400
        assert await case.push(body) == 204
        assert await case.push(b"no snappy") == 400
        account = await case.logs.account()
        assert (account.accepted, dict(account.deferred), dict(account.rejected)) == (
            3,
            {429: 3, 503: 6},
            {"injected": 3},
        )

    run(tmp_path, test)


def test_who_writes_may_not_read(tmp_path: Path) -> None:
    async def test(case: Case) -> None:
        async with case.session.get(f"{case.logs.query_url}/labels", headers=WRITE) as answer:
            assert (answer.status, await answer.text()) == (403, "the token lacks the scope read")

    run(tmp_path, test)


def test_a_rate_limit_takes_a_seconds_worth_and_then_what_time_brings() -> None:
    limit = RateLimit(100)
    assert limit.takes(100, 0.0)
    assert not limit.takes(1, 0.0)
    assert limit.takes(50, 0.5)
    # A request that is larger than a second's worth passes when its time has come.
    assert not limit.takes(300, 1.0)
    assert limit.takes(300, 4.0)
