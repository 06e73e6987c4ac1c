"""Access logs: every line once, its fields right, and no secret in it."""

from __future__ import annotations

import asyncio
import collections
import itertools
import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.log_environment import LogEnvironment, count, log_config, log_environment, until_arrived
from tests.support.tools import tool
from xscaler_istio.local.log_oracle import redacted
from xscaler_istio.mesh.model import Kind

from . import log_lines
from .log_lines import SECRET, VERSIONS, Line, text_line

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence

    from anyio.from_thread import BlockingPortal

    from xscaler_istio.local.container_log import ContainerLog
    from xscaler_istio.wire.log_push import Entry

# All tests of this file share a Loki and an API; each has a namespace, and so pods, of its own.
_namespaces = (f"test-{number}" for number in itertools.count())
PAGE_LABELS = {"namespace", "pod", "container", "job"}


@pytest.fixture(scope="module")
def environment(portal: BlockingPortal) -> Iterator[LogEnvironment]:
    tool("alloy")
    with portal.wrap_async_context_manager(log_environment()) as running:
        yield running


@pytest.fixture
def go(portal: BlockingPortal) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine where everything runs."""
    return lambda coroutine: portal.call(lambda: coroutine)


class Case:
    """A namespace with pods, and an agent that reads it alone."""

    def __init__(self, environment: LogEnvironment, *sets: str) -> None:
        self.environment = environment
        self.namespace = next(_namespaces)
        self.config = log_config(f"logs.namespaces.include={{{self.namespace}}}", *sets)
        self.number = int(self.namespace.rpartition("-")[2])
        self.logs: list[ContainerLog] = []

    async def container(self, name: str, **more: Any) -> ContainerLog:
        log = await self.environment.container(name, namespace=self.namespace, **more)
        self.logs.append(log)
        return log

    def agent(self) -> Any:
        return self.environment.agent(self.config, number=self.number)

    async def entries(self) -> tuple[Entry, ...]:
        return tuple(e for e in await self.environment.entries() if e.labels["namespace"] == self.namespace)

    async def arrived(self, number: int, seconds: float = 30) -> tuple[Entry, ...]:
        """Wait until this many lines of the namespace have arrived, and no more."""
        others = len(await self.environment.entries()) - len(await self.entries())
        await until_arrived(self.environment, others + number, seconds)
        return await self.entries()


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


async def all_formats(environment: LogEnvironment, total: int, rotate_bytes: int) -> dict[str, Any]:
    case = Case(environment)
    rng = random.Random(20261125)
    logs = [await case.container(f"pod-{number}") for number in range(4)]
    lines = list(log_lines.mixture(rng, total)) + list(log_lines.hostile_lines(rng))

    async def write_some(some: Sequence[Line]) -> None:
        for number, line in enumerate(some):
            log = logs[number % len(logs)]
            log.write(line.text.encode("utf-8", errors="surrogateescape"), line.stream)
            if log.size() > rotate_bytes:
                # The kubelet looks at sizes every ten seconds; the agent reads four times a second.
                await asyncio.sleep(0.6)
                log.rotate()
            if number % 500 == 0:
                await asyncio.sleep(0)

    half = len(lines) // 2
    async with case.agent():
        # A file that is rotated before the agent has seen it is not read.
        await write_some(lines[:4])
        await case.arrived(4)
        await write_some(lines[4:half])
        await case.arrived(half // 2, 60)
    async with case.agent() as second:
        before = len(await case.entries())
        await write_some(lines[half : half + 4])
        await case.arrived(max(half, before) + 4, 60)
        await write_some(lines[half + 4 :])
        entries = await case.arrived(len(lines) - 3, 120)
    return {"case": case, "lines": lines, "entries": entries, "log": second.child.log_tail(50)}


@pytest.fixture(scope="module")
def everything(portal: BlockingPortal, environment: LogEnvironment) -> dict[str, Any]:
    """A hundred thousand lines, rotated, with a restart of the agent in the middle."""
    found: dict[str, Any] = portal.call(all_formats, environment, 100_000, 8_000_000)
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
    # The agent ended in the middle: at most the line in the hand of each of its components.
    assert foreign.total() == 0, list(foreign)[:3]
    assert lost.total() <= 3, list(lost)[:3]


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
    planted = sum(line.text.count(SECRET) for line in everything["lines"])
    found = [e for e in everything["entries"] if SECRET in e.line or any(SECRET in v for v in e.metadata.values())]
    assert planted > 10_000
    assert found == []


def test_labels_are_few_and_those_of_the_page_among_them(everything: dict[str, Any]) -> None:
    names = {frozenset(entry.labels) for entry in everything["entries"]}
    common = PAGE_LABELS | {"cluster", "log_type"}
    assert names == {frozenset(common), frozenset(common | {"level"})}
    assert {entry.labels["job"] for entry in everything["entries"]} == {"integrations/istio"}


def test_loki_has_them_all_and_counts_by_field(
    everything: dict[str, Any], environment: LogEnvironment, go: Callable[..., Any]
) -> None:
    namespace = everything["case"].namespace
    stored = go(environment.xscaler.logs.query(f'sum(count_over_time({{namespace="{namespace}"}}[6h]))'))
    assert int(stored[0].value) == len(everything["entries"])
    selected = f'{{namespace="{namespace}",log_type="access"}} | response_code=~"5.."'
    found = go(environment.xscaler.logs.query(f"sum by (response_code) (count_over_time({selected} [6h]))"))
    by_code = {sample.labels["response_code"]: int(sample.value) for sample in found}
    wanted = collections.Counter(
        code for e in everything["entries"] if (code := e.metadata.get("response_code", "")).startswith("5")
    )
    assert by_code == wanted
    assert go(environment.xscaler.logs.account()).rejected == {}


def test_times_are_those_of_the_line_or_of_the_runtime(environment: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run() -> None:
        case = Case(environment)
        rng = random.Random(1)
        log = await case.container("a")
        lines = [text_line(rng, "http"), text_line(rng, "long connection"), *log_lines.system_lines(rng)]
        async with case.agent():
            write(log, lines)
            entries = {entry.line: entry for entry in await case.arrived(len(lines))}
        written = {item.text.decode(): item.nanoseconds for item in log.written}
        first = entries[redacted(lines[0].text)]
        # The request's own time, to the millisecond.
        assert f"{first.nanoseconds // 10**6 % 1000:03d}Z" == lines[0].text[1:].partition("]")[0][-4:]
        assert abs(first.nanoseconds - written[lines[0].text]) < 3 * 10**9
        for line in lines[1:]:
            assert entries[redacted(line.text)].nanoseconds == written[line.text]

    go(run())


@pytest.mark.parametrize("start", ["end", "beginning"])
def test_old_lines_are_left_or_sent(environment: LogEnvironment, go: Callable[..., Any], start: str) -> None:
    async def run() -> None:
        case = Case(environment, f"logs.startAt={start}")
        rng = random.Random(2)
        log = await case.container("old")
        old, early, late = plain(rng, 50), plain(rng, 20), plain(rng, 20)
        write(log, old)
        await asyncio.sleep(0.1)
        async with case.agent():
            write(log, late)
            # A pod that comes later is read from its first line, whenever the agent notices it.
            young = await case.container("young")
            write(young, early)
            entries = await case.arrived(40 if start == "end" else 90)
        # Nor does a restart make old lines of new ones.
        async with case.agent():
            write(log, late[:1])
            entries = await case.arrived(len(entries) + 1)
        texts = {entry.line for entry in entries}
        assert {redacted(line.text) for line in (*early, *late)} <= texts
        assert (len(texts & {redacted(line.text) for line in old}) == 50) == (start == "beginning")
        assert len(entries) == (41 if start == "end" else 91)

    go(run())


def test_docker_files(environment: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run() -> None:
        case = Case(environment, "logs.runtime=docker")
        rng = random.Random(3)
        log = await case.container("a", docker=True)
        lines = [*log_lines.mixture(rng, 200), *log_lines.custom_lines(rng)]
        lines += [Line(f"{'x' * 40000} {n}", "three pieces", "access", {"format": "custom"}) for n in range(3)]
        async with case.agent():
            write(log, lines)
            entries = await case.arrived(len(lines))
        found = count([log], entries)
        assert (found.once, found.more, found.lost, found.foreign) == (len(lines), 0, 0, 0)
        by_line = {entry.line: entry for entry in entries}
        for line in lines:
            assert present(by_line[redacted(line.text)].metadata) == expected(line)

    go(run())


def test_which_containers_are_read(environment: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run(*sets: str) -> set[str]:
        case = Case(environment, *sets)
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
        async with case.agent():
            for log in case.logs:
                write(log, plain(rng, 1))
            await case.arrived(5)
            return {entry.labels["pod"] for entry in await case.entries()}

    proxies = {"sidecar", "native", "gateway", "waypoint", "ztunnel"}
    assert go(run()) == proxies
    assert go(run("logs.containers.istiod=true", "logs.containers.cni=true")) == proxies | {"istiod", "cni"}


def test_namespaces_choose(environment: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run() -> None:
        case = Case(environment)
        case.config = log_config("logs.namespaces.include={choice-*}", "logs.namespaces.exclude={choice-b}")
        rng = random.Random(5)
        for namespace in ("choice-a", "choice-b", "other"):
            write(await environment.container("p", namespace=namespace), plain(rng, 1))
        async with case.agent():
            for namespace in ("choice-a", "choice-b", "other"):
                log = await environment.container("q", namespace=namespace)
                write(log, plain(rng, 1))
            await until_arrived(environment, len(await environment.entries()) + 1, 10)
        found = {e.labels["namespace"] for e in await environment.entries()}
        assert found & {"choice-a", "choice-b", "other"} == {"choice-a"}

    go(run())


def test_privacy_can_be_more_or_less(environment: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run(*sets: str) -> list[Entry]:
        case = Case(environment, *sets)
        rng = random.Random(6)
        log = await case.container("a")
        lines = [make(rng, "gateway") for make in (log_lines.text_line, log_lines.json_line) for _ in range(10)]
        async with case.agent():
            write(log, lines)
            return list(await case.arrived(20))

    shown = go(run("logs.redactQueryStrings=false"))
    assert any(SECRET in e.line and SECRET in e.metadata["path"] for e in shown)
    assert all("203.0.113.7" in e.line and e.metadata["x_forwarded_for"] for e in shown)
    masked = go(run("logs.maskForwardedFor=true"))
    assert not any("203.0.113" in e.line + e.metadata["x_forwarded_for"] for e in masked)
    assert all(e.metadata["x_forwarded_for"] == "masked" and e.metadata["response_code"] for e in masked)


def test_sampling_takes_successes_only(environment: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run() -> tuple[list[Line], tuple[Entry, ...]]:
        case = Case(environment, "logs.sampling.successRatio=0")
        rng = random.Random(7)
        log = await case.container("a")
        lines = [*log_lines.mixture(rng, 2000), *log_lines.hostile_lines(rng)]
        async with case.agent():
            write(log, lines)
            return lines, await case.arrived(600)

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


def test_half_of_the_successes(environment: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run() -> int:
        case = Case(environment)
        # --set makes a text of what has a point.
        case.config = log_config(f"logs.namespaces.include={{{case.namespace}}}", json="logs.sampling.successRatio=0.5")
        rng = random.Random(8)
        log = await case.container("a")
        lines = [line for line in plain(rng, 6000) if line.fields["response_code"] == "200"][:2000]
        async with case.agent():
            write(log, lines)
            return len(await case.arrived(900))

    assert 850 < go(run()) < 1150


def test_dashboard_labels(environment: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run() -> tuple[Entry, ...]:
        case = Case(environment, "logs.dashboardLabels=true")
        rng = random.Random(9)
        log = await case.container("a")
        lines = [make(rng, "http") for make in (log_lines.text_line, log_lines.json_line) for _ in range(5)]
        async with case.agent():
            write(log, lines)
            found: tuple[Entry, ...] = await case.arrived(10)
            return found

    for entry in go(run()):
        assert entry.labels["request_method"] == entry.metadata["method"]
        assert entry.labels["protocol"].startswith("HTTP/")
        assert entry.labels["response_code"].isdigit()


def test_without_structured_metadata(environment: LogEnvironment, go: Callable[..., Any]) -> None:
    async def run() -> tuple[Entry, ...]:
        case = Case(environment, "logs.fields=none")
        rng = random.Random(10)
        log = await case.container("a")
        lines = [*log_lines.mixture(rng, 100)]
        async with case.agent():
            write(log, lines)
            found: tuple[Entry, ...] = await case.arrived(100)
            return found

    entries = go(run())
    assert len(entries) == 100
    assert all(entry.metadata == {} for entry in entries)
    assert {entry.labels["log_type"] for entry in entries} == {"access", "system"}
