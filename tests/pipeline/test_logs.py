"""Access logs: every line once, its fields right, and no secret in it."""

from __future__ import annotations

import asyncio
import collections
import datetime
import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.environments import own_metric
from tests.support.log_environment import LogEnvironment, log_config, log_environment
from tests.support.waiting import comes
from xscaler_istio.local.log_oracle import redacted
from xscaler_istio.mesh.model import Kind

from . import log_lines
from .log_cases import HANDS, Case, follows_files
from .log_lines import SECRET, VERSIONS, Line, text_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from anyio.from_thread import BlockingPortal

    from xscaler_istio.local.container_log import ContainerLog
    from xscaler_istio.wire.log_push import Entry

PAGE_LABELS = {"namespace", "pod", "container", "job"}


further = pytest.mark.whole("other settings of the log agent show that it follows them")


def write(log: ContainerLog, lines: Sequence[Line]) -> None:
    for line in lines:
        log.write(line.text.encode("utf-8", errors="surrogateescape"), line.stream)


def plain(rng: random.Random, number: int) -> list[Line]:
    return [text_line(rng, "http") for _ in range(number)]


def present(fields: Mapping[str, str]) -> dict[str, str]:
    """Return what is there: what a line has a dash or null for is left out."""
    return {name: value for name, value in fields.items() if value not in ("", "-")}


def expected(line: Line) -> dict[str, str]:
    fields = present(line.fields)
    for name in ("path", "user_agent"):
        before, mark, _ = fields.get(name, "").partition("?")
        if mark:
            fields[name] = f"{before}?redacted"
    return fields


# What is written before anyone looks at what has arrived.
_AT_ONCE = 500


async def all_formats(environment: LogEnvironment, total: int, rotate_bytes: int) -> dict[str, Any]:
    """Write lines of every kind, rotating the files, and start the agent again in the middle."""
    case = Case(environment)
    rng = random.Random(20261125)
    logs = [await case.container(f"pod-{number}") for number in range(4)]
    lines = list(log_lines.mixture(rng, total)) + list(log_lines.hostile_lines(rng))

    async def write_some(some: Sequence[Line]) -> None:
        for number, line in enumerate(some):
            log = logs[number % len(logs)]
            log.write(line.text.encode("utf-8", errors="surrogateescape"), line.stream)
            if log.size() > rotate_bytes:
                # A file that is renamed before the agent has opened it is not read.
                await case.read_to_its_end()
                log.rotate()
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)

    half = len(lines) // 2
    async with case.agent():
        await write_some(lines[:half])
        await case.arrived(half // 2)
    async with case.agent():
        await write_some(lines[half:])
        entries = await case.all_read()
    return {"case": case, "lines": lines, "entries": entries}


@pytest.fixture(scope="module")
def environment(portal: BlockingPortal) -> Iterator[LogEnvironment]:
    with portal.wrap_async_context_manager(log_environment()) as running:
        yield running


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(10_000, marks=pytest.mark.xdist_group("log formats")),
        pytest.param(
            100_000, marks=[pytest.mark.xdist_group("log formats"), pytest.mark.whole("10,000 lines show the same")]
        ),
    ],
)
def everything(request: pytest.FixtureRequest, portal: BlockingPortal, environment: LogEnvironment) -> dict[str, Any]:
    """Lines of every kind, a rotation or two of each file, and a restart of the agent in the middle."""
    found: dict[str, Any] = portal.call(all_formats, environment, request.param, request.param * 80)
    return found


def cut(line: Line) -> str:
    """Return the line as it must arrive."""
    text = redacted(line.text)
    raw = text.encode("utf-8", errors="surrogateescape")
    limit = 262144
    return text if len(raw) <= limit else raw[: limit - len("…".encode())].decode() + "…"


def test_every_line_arrives_once(everything: dict[str, Any]) -> None:
    have = collections.Counter(entry.line for entry in everything["entries"])
    want = collections.Counter(map(cut, everything["lines"]))
    lost, foreign = want - have, have - want
    # The agent ended in the middle.
    assert foreign.total() == 0, list(foreign)[:3]
    assert lost.total() <= HANDS, list(lost)[:3]


def judged(everything: dict[str, Any]) -> Iterator[tuple[Line, bool]]:
    """Yield each line that arrived, and whether its labels, level and fields are right."""
    by_line = {entry.line: entry for entry in everything["entries"]}
    for line in everything["lines"]:
        if entry := by_line.get(cut(line)):
            labels = (entry.labels["log_type"], entry.labels.get("level", ""))
            # To LogQL an empty field is none.
            there = {name: value for name, value in entry.metadata.items() if value}
            yield line, labels == (line.log_type, line.level) and there == expected(line)


def test_every_field_is_right(everything: dict[str, Any]) -> None:
    wrong: collections.Counter[tuple[str, str]] = collections.Counter()
    seen: collections.Counter[tuple[str, str]] = collections.Counter()
    for line, right in judged(everything):
        key = (line.kind, str(line.version))
        seen[key] += 1
        if not right:
            wrong[key] += 1
    assert wrong == {}
    # Every format in every version that has it.
    assert {kind for kind, _ in seen} >= {f"{f} {case}" for f in ("text", "json") for case in log_lines.REQUESTS}
    assert {version for kind, version in seen if kind == "text http"} == {str(version) for version in VERSIONS}


def test_no_secret_arrives(everything: dict[str, Any]) -> None:
    planted = sum(line.text.count(SECRET) for line in everything["lines"]) / len(everything["lines"])
    found = [e for e in everything["entries"] if SECRET in e.line or any(SECRET in v for v in e.metadata.values())]
    assert planted > 0.2
    assert found == []


def test_labels_are_few_and_those_of_the_page_among_them(everything: dict[str, Any]) -> None:
    names = {frozenset(entry.labels) for entry in everything["entries"]}
    common = PAGE_LABELS | {"cluster", "log_type"}
    assert names == {frozenset(common), frozenset(common | {"level"})}
    assert {entry.labels["job"] for entry in everything["entries"]} == {"integrations/istio"}


def test_loki_has_them_all_and_counts_by_field(
    everything: dict[str, Any], environment: LogEnvironment, go: Callable[..., Any]
) -> None:
    case = everything["case"]
    namespace, received = case.namespace, case.received
    stored = go(environment.xscaler.logs.query(f'sum(count_over_time({{namespace="{namespace}"}}[6h]))'))
    assert int(stored[0].value) == len(received)
    selected = f'{{namespace="{namespace}",log_type="access"}} | response_code=~"5.."'
    found = go(environment.xscaler.logs.query(f"sum by (response_code) (count_over_time({selected} [6h]))"))
    by_code = {sample.labels["response_code"]: int(sample.value) for sample in found}
    wanted = collections.Counter(
        code for e in received if (code := e.metadata.get("response_code", "")).startswith("5")
    )
    assert by_code == wanted
    assert go(environment.xscaler.logs.account()).rejected == {}


def test_times_are_those_of_the_line_or_of_the_runtime(counted: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run() -> None:
        case = Case(counted)
        rng = random.Random(1)
        log = await case.container("a")
        async with case.agent():
            lines = [text_line(rng, "http"), text_line(rng, "long connection"), *log_lines.system_lines(rng)]
            write(log, lines)
            entries = {entry.line: entry for entry in await case.all_read()}
        written = {item.text.decode(): item.nanoseconds for item in log.written}
        # The request's own time, which has milliseconds.
        own = datetime.datetime.fromisoformat(lines[0].text[1:].partition("Z]")[0] + "+00:00")
        assert entries[redacted(lines[0].text)].nanoseconds == round(own.timestamp() * 1000) * 10**6
        for line in lines[1:]:
            assert entries[redacted(line.text)].nanoseconds == written[line.text]

    go(run())


@pytest.mark.parametrize("start", ["end", pytest.param("beginning", marks=further)])
def test_old_lines_are_left_or_sent(counted: LogEnvironment, go: Callable[..., Any], start: str) -> None:
    async def run() -> None:
        case = Case(counted, f"logs.startAt={start}")
        rng = random.Random(2)
        log = await case.container("old")
        old, early, late = plain(rng, 50), plain(rng, 20), plain(rng, 20)
        write(log, old)
        async with case.agent():
            write(log, late)
            # A pod that comes later is read from its first line, whenever the agent notices it.
            young = await case.container("young")
            write(young, early)
            await case.all_read()
        # Nor does a restart make old lines of new ones.
        async with case.agent():
            write(log, late[:1])
            entries = await case.all_read()
        texts = {entry.line for entry in entries}
        assert {redacted(line.text) for line in (*early, *late)} <= texts
        assert (len(texts & {redacted(line.text) for line in old}) == 50) == (start == "beginning")
        assert len(entries) == (41 if start == "end" else 91)

    go(run())


@further
def test_docker_files(counted: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run() -> None:
        case = Case(counted, "logs.runtime=docker")
        rng = random.Random(3)
        log = await case.container("a", docker=True)
        lines = [*log_lines.mixture(rng, 200), *log_lines.custom_lines(rng)]
        lines += [
            Line(text=f"{'x' * 40000} {n}", kind="three pieces", log_type="access", fields={"format": "custom"})
            for n in range(3)
        ]
        async with case.agent():
            write(log, lines)
            # A line in pieces may come after those behind it.
            await case.arrived(len(lines))
            entries = await case.all_read()
        found = case.count()
        assert (found.once, found.more, found.lost, found.foreign) == (len(lines), 0, 0, 0)
        by_line = {entry.line: entry for entry in entries}
        for line in lines:
            assert present(by_line[redacted(line.text)].metadata) == expected(line)

    go(run())


def test_which_containers_are_read(counted: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run(wanted: set[str], *sets: str) -> None:
        case = Case(counted, *sets)
        rng = random.Random(4)
        await case.container("sidecar")
        await case.container("native", kind=Kind.NATIVE_SIDECAR)
        await case.container("gateway", kind=Kind.GATEWAY)
        await case.container("waypoint", kind=Kind.WAYPOINT)
        await case.container("ztunnel", kind=Kind.ZTUNNEL)
        await case.container("istiod", kind=Kind.ISTIOD, container="discovery", labels={"app": "istiod"})
        await case.container("cni", kind=Kind.CNI, container="install-cni")
        await case.container("application", container="app")
        await case.container("outside", kind=Kind.NON_MESH, container="app")
        await case.container("elsewhere", node="node-2")
        await case.container("opted-out", annotations={"xscaler.io/logs": "false"})
        async with case.agent(follows=len(wanted)) as agent:
            for log in case.logs:
                write(log, plain(rng, 1))
            found = {entry.labels["pod"] for entry in await case.arrived(len(wanted))}
            assert found == wanted
            assert await follows_files(agent, len(wanted))

    proxies = {"sidecar", "native", "gateway", "waypoint", "ztunnel"}
    go(run(proxies))
    go(run(proxies | {"istiod", "cni"}, "logs.containers.istiod=true", "logs.containers.cni=true"))


@further
def test_namespaces_choose(counted: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run() -> None:
        case = Case(counted)
        case.config = log_config("logs.namespaces.include={choice-*}", "logs.namespaces.exclude={choice-b}")
        rng = random.Random(5)
        # The chosen one comes last: what is discovered before it is not read.
        order = ("other", "choice-b", "choice-a")
        for namespace in order:
            await counted.container("p", namespace=namespace)
        async with case.agent(follows=1):
            for namespace in order:
                write(await counted.container("q", namespace=namespace), plain(rng, 1))

            def found() -> set[str]:
                return {entry.labels["namespace"] for entry in counted.xscaler.logs.entries()} & set(order)

            await comes(lambda: bool(found()), "nothing arrives")
            assert found() == {"choice-a"}

    go(run())


def test_privacy_can_be_more_or_less(counted: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run(*sets: str) -> list[Entry]:
        case = Case(counted, *sets)
        rng = random.Random(6)
        log = await case.container("a")
        lines = [make(rng, "gateway") for make in (log_lines.text_line, log_lines.json_line) for _ in range(10)]
        async with case.agent():
            write(log, lines)
            return list(await case.all_read())

    shown = go(run("logs.redactQueryStrings=false"))
    assert any(SECRET in e.line and SECRET in e.metadata["path"] for e in shown)
    assert all("203.0.113.7" in e.line and e.metadata["x_forwarded_for"] for e in shown)
    masked = go(run("logs.maskForwardedFor=true"))
    assert not any("203.0.113" in e.line + e.metadata["x_forwarded_for"] for e in masked)
    assert all(e.metadata["x_forwarded_for"] == "masked" and e.metadata["response_code"] for e in masked)


def test_stages_of_the_user_run_when_the_fields_are_known(counted: LogEnvironment, go: Callable[..., Any]) -> None:
    stages = """
stage.drop {
  source = "route_name"
  expression = "^default$"
  drop_counter_reason = "by_route"
}
stage.match {
  selector = `{log_type="access"}`
  stage.static_labels {
    values = {team = "mesh"}
  }
  stage.structured_metadata_drop {
    values = ["authority"]
  }
}
"""

    async def run() -> tuple[Entry, ...]:
        case = Case(counted, json=f"logs.extraStages={json.dumps(stages)}")
        rng = random.Random(11)
        log = await case.container("a")
        lines = [*plain(rng, 3), text_line(rng, "no route"), text_line(rng, "dash first"), *log_lines.system_lines(rng)]
        async with case.agent() as agent:
            write(log, lines)

            async def left_out() -> bool:
                return await own_metric(f"{agent.url}/metrics", "loki_process_dropped_lines_total") == 3

            # The last lines of all_read would have the route that is left out.
            await comes(left_out, "not all are left out")
            return await case.arrived(len(lines) - 3)

    entries = go(run())
    requests = [entry for entry in entries if entry.labels["log_type"] == "access"]
    assert {entry.metadata.get("route_name") or "-" for entry in requests} == {"-", "-canary"}
    assert [entry.labels["team"] for entry in requests] == ["mesh", "mesh"]
    assert not [entry for entry in entries if "authority" in entry.metadata]
    assert not [entry for entry in entries if entry.labels["log_type"] == "system" and "team" in entry.labels]


def test_sampling_takes_successes_only(counted: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run() -> tuple[list[Line], tuple[Entry, ...]]:
        case = Case(counted, "logs.sampling.successPercent=0")
        rng = random.Random(7)
        log = await case.container("a")
        lines = [*log_lines.mixture(rng, 2000), *log_lines.hostile_lines(rng)]
        async with case.agent():
            write(log, lines)
            return lines, await case.all_read()

    lines, entries = go(run())
    have = {entry.line for entry in entries}
    kept = [line for line in lines if cut(line) in have]
    dropped = [line for line in lines if cut(line) not in have]
    assert len(dropped) > 500
    for line in dropped:
        code = int(line.fields.get("response_code", "200"))
        assert line.log_type == "access"
        assert 100 <= code < 400
        assert line.fields.get("response_flags", "-") == "-"
        assert "error" not in line.fields
        assert "format" not in line.fields
    # And of the usual ones none is left.
    assert not [line for line in kept if line.kind in ("text http", "json http") and line.fields["response_code"] < "4"]


@further
def test_half_of_the_successes(counted: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run() -> int:
        # --set makes a text of what has a point.
        case = Case(counted, json="logs.sampling.successPercent=50")
        rng = random.Random(8)
        log = await case.container("a")
        lines = [line for line in plain(rng, 6000) if line.fields["response_code"] == "200"][:2000]
        async with case.agent():
            write(log, lines)
            return len(await case.all_read())

    assert 850 < go(run()) < 1150


@further
def test_dashboard_labels(counted: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run() -> tuple[Entry, ...]:
        case = Case(counted, "logs.streamLabels={protocol,request_method,response_code}")
        rng = random.Random(9)
        log = await case.container("a")
        lines = [make(rng, "http") for make in (log_lines.text_line, log_lines.json_line) for _ in range(5)]
        async with case.agent():
            write(log, lines)
            return await case.all_read()

    for entry in go(run()):
        assert entry.labels["request_method"] == entry.metadata["method"]
        assert entry.labels["protocol"].startswith("HTTP/")
        assert entry.labels["response_code"].isdigit()


@further
def test_without_structured_metadata(counted: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run() -> tuple[Entry, ...]:
        case = Case(counted, "logs.structuredMetadata=false")
        rng = random.Random(10)
        log = await case.container("a")
        lines = [*log_lines.mixture(rng, 100)]
        async with case.agent():
            write(log, lines)
            return await case.all_read()

    entries = go(run())
    assert len(entries) == 100
    assert all(entry.metadata == {} for entry in entries)
    assert {entry.labels["log_type"] for entry in entries} == {"access", "system"}
