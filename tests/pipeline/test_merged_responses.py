"""What an application adds to its proxy's response, and what is left of the mesh, through the real collectors.

Istio's agent appends the application's metrics to Envoy's. Collectors read a response as a whole: the page of
troubleshooting has the message for each part that no collector can read. At Envoy's own port all of the mesh arrives.
"""

from __future__ import annotations

import dataclasses
import functools
import http.server
import json
import re
import threading
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.support.environments import COLLECTORS, Environment, asked_for, by_collector, configs, environment, numbered
from tests.support.paths import ROOT
from tests.support.waiting import until
from xscaler_istio.mesh import pages, pods
from xscaler_istio.mesh.model import Kind, Version
from xscaler_istio.mesh.pages import Combination, Party

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from anyio.from_thread import BlockingPortal

pytestmark = pytest.mark.xdist_group("merged responses")

# What no collector reads, by the row of docs/troubleshooting.md.
UNREADABLE = {
    "an exemplar in plain text": b'shop_seconds_bucket{le="+Inf"} 3 # {trace_id="4bf92f3577b34da6"} 0.05\n',
    "bytes that are not UTF-8": b'shop_orders_total{name="caf\xe9"} 4\n',
    "a carriage return": b"# TYPE shop_orders_total counter\r\nshop_orders_total 4\r\n",
    "a name with a dot": b"http.server.requests 4\n",
}
SLOW = "an application that is too slow"
READABLE = {
    "plain": b"shop_orders_total 4\n",
    "a quoted name": b'{"shop.http.duration_bucket",le="+Inf"} 3\n',
    "a quoted label": b'shop_http{"http.status"="200"} 3\n',
    "no line end": b"shop_orders_total 4",
}
OWN_BOUNDS = "own bounds"
APPLICATIONS: Mapping[str, bytes] = {**UNREADABLE, SLOW: b"", **READABLE, OWN_BOUNDS: b""}
# The ways in which a release scrapes: as by default, and Envoy apart from the agent.
WAYS = {
    "merged": (),
    "apart": ("metrics.targets.proxies.port=15090", "metrics.targets.agents.enabled=true"),
}
BOUNDS = ("64", "256", "1024", "4096", "65536")
NEWEST = Version(1, 31)


def name_of(case: str) -> str:
    return re.sub(r"[^a-z]+", "-", case.lower())


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a pod answers at a port; `slow`: not while the test runs."""

    body: bytes
    slow: bool = False


class _Server(http.server.ThreadingHTTPServer):
    """A port of one pod."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], answer: Answer, ended: threading.Event) -> None:
        super().__init__(address, _Handler)
        self.answer, self.ended = answer, ended


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        if self.server.answer.slow:
            self.server.ended.wait()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.server.answer.body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def envoy(case: str) -> bytes:
    """Return what Envoy answers at 15090; one pod has other bounds."""
    combination = Combination(reporter="destination", source=Party("web", "field"), destination=Party("api", "field"))
    page = pages.envoy_page(NEWEST) + pages.standard_page([combination])
    text = page.render(3)
    if case != OWN_BOUNDS:
        return text
    of_sizes = re.compile(rb'^(istio_(?:request|response)_bytes_bucket\{.*le=)"[^"]+"\} (\d+)$')
    lines: list[bytes] = []
    for line in text.splitlines():
        found = of_sizes.match(line)
        if not found:
            lines.append(line)
        elif b'le="+Inf"' in line:
            lines += [found[1] + b'"%s"} 1' % bound.encode() for bound in BOUNDS]
            lines.append(line)
    return b"\n".join(lines) + b"\n"


@pytest.fixture(scope="module")
def field(request: pytest.FixtureRequest, portal: BlockingPortal) -> Iterator[Environment]:
    """A pod for each application, and a release of each collector for each way to scrape them."""
    ended = threading.Event()
    servers, manifests = [], []
    for number, (case, application) in enumerate(APPLICATIONS.items()):
        ip = f"127.8.77.{1 + number}"
        own = envoy(case)
        merged = Answer(pages.agent_page(NEWEST).render(3) + own + application, slow=case == SLOW)
        servers += [_Server((ip, 15020), merged, ended), _Server((ip, 15090), Answer(own), ended)]
        made = pods.pod(
            Kind.SIDECAR, namespace="field", name=name_of(case), ip=ip, workload=name_of(case), version=NEWEST
        )
        manifests.append(dict(made.manifest))
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    collectors = asked_for(request)
    found = [
        configs(f"metrics.collector={collector}", f"cluster.name={collector}-{way}", *WAYS[way])[0]
        for collector in collectors
        for way in WAYS
    ]
    try:
        with environment(
            portal,
            configs=numbered(*found),
            backend="prometheus",
            interval=2,
            workloads=(),
            real_envoys=False,
            pods=tuple(manifests),
        ) as running:
            # Each target was scraped twice, and what was read of it has arrived.
            wanted = len(collectors) * (len(APPLICATIONS) + 2 * len(APPLICATIONS))
            twice = "count_over_time(up[30m]) >= 2"
            until(lambda: len(running.query(twice)) >= wanted, "not all targets arrived")
            yield running
    finally:
        ended.set()
        for server in servers:
            server.shutdown()
            server.server_close()


def stored(running: Environment, collector: str, way: str, case: str) -> set[frozenset[tuple[str, str]]]:
    """Return the series of a pod so far, without the labels that tell releases apart."""
    # So far: one scrape that a busy machine does not finish in time says nothing of what can be read.
    series = f'{{cluster="{collector}-{way}",pod="{name_of(case)}",__name__!~"up|scrape_.*"}}'
    found = running.query(f"last_over_time({series}[30m])")
    return {frozenset((key, text) for key, text in sample.labels.items() if key != "cluster") for sample in found}


def names(series: set[frozenset[tuple[str, str]]]) -> set[str]:
    return {dict(labels)["__name__"] for labels in series}


@by_collector()
@pytest.mark.parametrize("case", [*UNREADABLE, SLOW])
def test_what_cannot_be_read_takes_the_mesh_away_only_where_it_is_merged(
    field: Environment, collector: str, case: str
) -> None:
    assert stored(field, collector, "merged", case) == set()
    apart = names(stored(field, collector, "apart", case))
    assert "istio_requests_total" in apart
    assert not any(name.startswith("istio_agent_") for name in apart)


@by_collector()
@pytest.mark.parametrize("case", [*READABLE, OWN_BOUNDS])
def test_what_can_be_read_gives_the_same_series_everywhere(field: Environment, collector: str, case: str) -> None:
    def without_instance(way: str) -> set[frozenset[tuple[str, str]]]:
        found = stored(field, collector, way, case)
        return {frozenset(pair for pair in labels if pair[0] != "instance") for labels in found}

    merged = stored(field, collector, "merged", case)
    assert merged == stored(field, "prometheus", "merged", case)
    assert {"istio_requests_total", "istio_agent_cert_expiry_seconds"} <= names(merged)
    assert not any(name.startswith(("shop", "{")) for name in names(merged))
    # Apart, only the port in `instance` differs.
    assert without_instance("apart") == without_instance("merged")


@by_collector()
def test_bounds_that_a_pod_sets_arrive(field: Environment, collector: str) -> None:
    buckets = [
        dict(labels)
        for labels in stored(field, collector, "merged", OWN_BOUNDS)
        if dict(labels)["__name__"] == "istio_request_bytes_bucket"
    ]
    assert {labels["le"] for labels in buckets} == {*BOUNDS, "+Inf"}


@functools.cache
def rows() -> Mapping[str, str]:
    """Return the message of each row of the page, by what the application serves."""
    text = (
        (ROOT / "docs/troubleshooting.md")
        .read_text()
        .partition("### The application's part\n")[2]
        .partition("\n## ")[0]
    )
    cells = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {first: re.findall(r"`([^`]+)`", second)[0] for first, second, *_ in cells[1:]}


# Alloy has no list of targets outside its own format; it embeds the same scraper.
@by_collector("prometheus", "opentelemetry")
@pytest.mark.parametrize("case", [*UNREADABLE, SLOW])
def test_the_collector_names_what_the_page_says(field: Environment, collector: str, case: str) -> None:
    # Each collector has a release for each way, the merged one first.
    number = COLLECTORS.index(collector) * len(WAYS)
    url = f"http://{field.run.network.collector(number)}:9090/api/v1/targets?state=active"
    with urllib.request.urlopen(url) as answer:
        targets = json.load(answer)["data"]["activeTargets"]
    (error,) = [target["lastError"] for target in targets if target["labels"].get("pod") == name_of(case)]
    assert rows()[case] in error
