"""Something that answers pushes with redirects: the log agent follows none, and counts each line as lost."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import re
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web

from tests.support.environments import own_metric
from tests.support.helm_tests import verdict
from tests.support.paths import ci
from tests.support.rendering import template
from tests.support.waiting import comes
from xscaler_istio.rendered.log_agent import LOG_AGENT
from xscaler_istio.rendered.own_metrics import Pushes, last_reason
from xscaler_istio.wire import refusals

from .log_cases import Case

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from tests.support.log_environment import LogEnvironment

STATUSES = (301, 302, 303, 307, 308)
PATH = "/api/v1/logs/push"
_PORT = 8448
_SENT, _DROPPED = "loki_write_sent_entries_total", "loki_write_dropped_entries_total"


@dataclasses.dataclass(frozen=True)
class Request:
    """What a host was asked, and with which credential."""

    method: str
    path: str
    authorization: str


@dataclasses.dataclass
class Host:
    """A web server that answers a push with the next redirect, if it has any, and everything else with 200."""

    redirects: Iterator[tuple[int, str]] = dataclasses.field(default_factory=lambda: iter(()))
    requests: list[Request] = dataclasses.field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        await request.read()
        self.requests.append(Request(request.method, request.path, request.headers.get("Authorization", "")))
        if request.method == "POST" and (redirect := next(self.redirects, None)):
            status, location = redirect
            return web.Response(status=status, headers={"Location": location})
        return web.Response(text="a page that is there")


@contextlib.asynccontextmanager
async def serving(host: Host, address: str) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", host.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, _PORT).start()
        yield
    finally:
        await runner.cleanup()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """What both hosts were asked, and the agent's metrics and log after all lines had their answer."""

    first: list[Request]
    other: list[Request]
    metrics: str
    log: str


async def outcome(environment: LogEnvironment, lines: int, counter: str, change: Callable[[str], str]) -> Outcome:
    """Send lines one by one through an agent with a changed configuration, until its counter has each."""
    network = environment.network
    front, elsewhere = network.infrastructure, network.log_agent(99)
    locations = (f"/elsewhere{PATH}", f"http://{elsewhere}:{_PORT}{PATH}")
    first, other = Host(itertools.cycle(itertools.product(STATUSES, locations))), Host()
    async with serving(first, front), serving(other, elsewhere):
        there = dataclasses.replace(environment.surroundings, logs_url=f"http://{front}:{_PORT}{PATH}")
        case = Case(dataclasses.replace(environment, surroundings=there))
        case.config = dataclasses.replace(case.config, text=change(case.config.text))
        log = await case.container("a")
        async with case.agent() as agent:
            url = f"{agent.url}/metrics"
            for number in range(1, lines + 1):
                log.write(f"line {number}".encode())

                async def counted(number: int = number) -> bool:
                    return await own_metric(url, counter) == number

                await comes(counted, lambda: f"{counter} does not count: {agent.child.log_tail(20)}")
            async with aiohttp.ClientSession() as session, session.get(url) as response:
                metrics = await response.text()
            return Outcome(first=first.requests, other=other.requests, metrics=metrics, log=agent.child.log_tail(100))


def test_a_redirect_loses_lines_but_neither_silently_nor_with_the_token(
    counted: LogEnvironment, go: Callable[..., Any], tmp_path: Path
) -> None:
    number = 2 * len(STATUSES)
    found = go(outcome(counted, number, _DROPPED, str))
    # Neither is followed, on the same host or to another, which never sees the token.
    assert found.first == [Request("POST", PATH, "Bearer write")] * number
    assert found.other == []
    assert LOG_AGENT.pushes(lambda _port, _path: found.metrics) == Pushes(delivered=0, failed=number)
    answers = re.findall(r'loki_write_request_duration_seconds_count\{.*status_code="(\d+)".*\} (\d+)', found.metrics)
    assert answers == [(str(status), "2") for status in STATUSES]
    # What the plugin reads in its log, and says to it.
    reason = last_reason(found.log, LOG_AGENT.refusal)
    assert "308 Permanent Redirect" in reason
    assert "redirect" in refusals.fix(refusals.cause(reason))
    rendered = template("helm4", "--values", str(ci("default")), "--set", "logs.enabled=true")
    code, output = verdict(rendered, "logs", tmp_path, {"ready": "ready", "metrics": found.metrics})
    assert code == 1
    assert f"has accepted no line and rejected {number} permanently" in output
    assert "fix: a redirect (308) answers pushes to " in output


@pytest.mark.whole("what Alloy does by default shows that the test above sees a redirect that is followed")
def test_alloy_s_default_sends_the_token_on_and_counts_lost_lines_as_sent(
    counted: LogEnvironment, go: Callable[..., Any]
) -> None:
    def by_default(config: str) -> str:
        assert config.count("follow_redirects = false") == 1
        return config.replace("follow_redirects = false", "follow_redirects = true")

    found = go(outcome(counted, 2, _SENT, by_default))
    assert Request("GET", PATH, "Bearer write") in found.other
    assert LOG_AGENT.pushes(lambda _port, _path: found.metrics) == Pushes(delivered=2, failed=0)
