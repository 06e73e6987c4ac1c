"""What changes in the life of a release: tokens, shards, collectors, values, pods; and what that costs."""

from __future__ import annotations

import collections
import functools
import itertools
import re
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import revisions
from tests.support.paths import CHART
from xscaler_istio.live import installation
from xscaler_istio.rendered.collectors import COLLECTORS

from . import catalogue, kubectl
from .release import NAME, VALUES, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .release import Release

MANIFESTS = Path(__file__).parent / "manifests"
INTERVAL = 5
FAST = f"metrics.scrapeInterval={INTERVAL}s,metrics.scrapeTimeout={INTERVAL}s"
JOBS = ("proxies", "ztunnel", "istiod", "cni")
MESH = 'job="integrations/istio"'
# The kubelet here writes changed Secrets and ConfigMaps every ten seconds, and up to as much later.
PROPAGATION = 25
# So many scrapes of each target show a gap, or a second collector.
SCRAPES = 6


def owners(release: Release, collector: str) -> collections.Counter[str]:
    """Return how many shards have each target, by URL, as the collectors say."""
    asked = installation.connect(NAME, release.namespace)
    urls: collections.Counter[str] = collections.Counter()
    for pod in release.pods():
        fetch = functools.partial(asked.response, pod["metadata"]["name"])
        urls.update(target.url for target in COLLECTORS[collector].targets(fetch, JOBS) if target.job in JOBS)
    return urls


def samples(release: Release, since: float) -> dict[str, list[float]]:
    """Return when each target of sidecars was scraped, by pod: since a time, and in two intervals before it."""
    seconds = round(time.time() - since + 2 * INTERVAL)
    found = release.query(f'up{{cluster="{release.cluster}",namespace="shop"}}[{seconds}s]')
    return {item["metric"]["pod"]: [float(when) for when, _ in item["values"]] for item in found}


def scraped(release: Release, since: float, times: int = SCRAPES) -> None:
    """Wait until every target of sidecars has been scraped so many times since a time."""

    def fewest() -> int:
        counts = (sum(when > since for when in found) for found in samples(release, since).values())
        return min(counts, default=0)

    eventually(lambda: fewest() >= times, True)


def longest_gap(release: Release, since: float) -> float:
    """Return the longest time in seconds between two samples of one target, beyond the interval."""
    times = samples(release, since).values()
    return max(after - before for found in times for before, after in itertools.pairwise(found)) - INTERVAL


def collectors_at_once(release: Release, since: float) -> float:
    """Return how many collectors scrape a target, by its samples since a time: 1 for one, however late some are."""
    of_each = ([when for when in found if when > since] for found in samples(release, since).values())
    return max((len(found) - 1) * INTERVAL / (found[-1] - found[0]) for found in of_each if len(found) > 1)


def overlap(release: Release, since: float) -> float:
    """Return for how many seconds a target was scraped by two collectors at most: samples too near each other."""
    times = samples(release, since).values()
    near = ([pair for pair in itertools.pairwise(found) if pair[1] - pair[0] < 0.8 * INTERVAL] for found in times)
    return max((pairs[-1][1] - pairs[0][0] for pairs in near if pairs), default=0.0)


def failed(release: Release, collector: str) -> int:
    """Return the samples that xScaler rejected permanently."""
    asked = installation.connect(NAME, release.namespace)
    pages = (functools.partial(asked.response, pod["metadata"]["name"]) for pod in release.pods())
    return sum(COLLECTORS[collector].pushes(page).failed for page in pages)


def identity(release: Release) -> list[tuple[str, int]]:
    """Return the names of the collector's pods and how often their containers started again."""
    return [(p["metadata"]["name"], p["status"]["containerStatuses"][0]["restartCount"]) for p in release.pods()]


@pytest.mark.parametrize("collector", COLLECTORS)
def test_a_token_is_rotated(collector: str, new_release: Callable[..., Release]) -> None:
    release = new_release()
    release.install(f"metrics.collector={collector},{FAST}")
    eventually(lambda: release.found(10), release.expected())
    before, second, third = identity(release), f"{release.token}-2", f"{release.token}-3"
    # Both valid until the kubelet has written the new file: no restart, no gap, nothing refused.
    start = time.time()
    release.backend.grant(second, "acme", "write")
    release.secret(second)
    eventually(lambda: release.backend.admitted(second) > 2, True)
    release.backend.revoke(release.token)
    scraped(release, time.time(), 3)
    assert (identity(release), failed(release, collector)) == (before, 0)
    assert longest_gap(release, start) < INTERVAL
    # The old one refused first: what is sent until the new file is there is lost, counted, and named.
    refused = time.time()
    release.backend.revoke(second)
    eventually(lambda: failed(release, collector) > 0, True)
    assert "401 is the token" in " ".join(release.failed_test().split())
    release.backend.grant(third, "acme", "write")
    release.secret(third)
    written = time.time()
    # Every target has a sample again.
    scraped(release, written, 1)
    back = time.time()
    gap, lost = longest_gap(release, start), failed(release, collector)
    print(f"{collector}: refused first: {gap:.0f} s without samples, {lost} refused")
    # Between two samples: the gap begins and ends within an interval of what made it.
    assert written - refused - 2 * INTERVAL < gap < back - refused + 2 * INTERVAL
    assert lost > 0
    assert identity(release) == before
    assert "PASSED" in release.test()
    release.backend.revoke(third)


# How long it may take until every shard has the configuration of the new number, in seconds: Prometheus reads its file
# anew when the kubelet has written it; the others start anew.
SETTLED = {"prometheus": PROPAGATION + 30 + 2 * INTERVAL, "alloy": 90, "opentelemetry": 90}


@pytest.mark.parametrize("collector", COLLECTORS)
def test_shards_come_and_go(collector: str, new_release: Callable[..., Release]) -> None:
    release = new_release()
    values = f"metrics.collector={collector},{FAST}"
    count = len(release.expected())
    for shards in (1, 3, 2):
        start = time.time()
        release.install(f"{values},metrics.shards={shards}")
        assert len(release.pods()) == shards
        eventually(lambda: sorted(owners(release, collector).values()), [1] * count)
        eventually(lambda: release.found(10), release.expected())
        if shards > 1:
            gap, twice = longest_gap(release, start), overlap(release, start)
            print(f"{collector}: to {shards} shards: {gap:.0f} s without samples, {twice:.0f} s with two collectors")
            assert gap < SETTLED[collector]
            assert twice < SETTLED[collector]


def test_a_collector_follows_another(new_release: Callable[..., Release]) -> None:
    release = new_release()
    for collector in COLLECTORS:
        start = time.time()
        release.install(f"metrics.collector={collector},{FAST}")
        eventually(lambda: release.found(10), release.expected())
        assert len(release.pods()) == 1
    # None was scraped by two at once.
    scraped(release, start)
    assert collectors_at_once(release, start) < 1.5
    # The same series go on: one for each target, whoever scraped it.
    series = release.query(f'count by (pod) (count_over_time(up{{{MESH},cluster="{release.cluster}"}}[5m]))')
    assert {item["value"][1] for item in series} == {"1"}


@pytest.mark.parametrize("major", [3, 4])
def test_what_helm_renders_can_be_applied(major: int, new_release: Callable[..., Release]) -> None:
    release = new_release(major)

    def apply(*sets: str) -> str:
        words = [word for text in (f"cluster.name={release.cluster}", FAST, *sets) for word in ("--set", text)]
        command: list[str | Path] = [
            "template",
            NAME,
            CHART,
            "-n",
            release.namespace,
            "-f",
            VALUES,
            *words,
            "--skip-tests",
        ]
        return kubectl.run("apply", "-n", release.namespace, "-f", "-", stdin=kubectl.helm(major, *command))

    assert "created" in apply()
    eventually(lambda: release.found(10), release.expected())
    again = apply()
    assert "configured" not in again
    assert "created" not in again
    said = apply("metrics.shards=2,metrics.profile=full")
    assert f"deployment.apps/{NAME}-metrics-1 created" in said
    eventually(lambda: len(release.pods()), 2)
    eventually(lambda: release.found(10), release.expected())


def test_prometheus_takes_new_values_without_a_restart(new_release: Callable[..., Release]) -> None:
    release = new_release()
    release.install(FAST)
    eventually(lambda: release.found(10), release.expected())
    before, start = identity(release), time.time()
    release.install(f"{FAST},metrics.profile=full")
    more = f'count(envoy_listener_manager_lds_update_success{{cluster="{release.cluster}"}}) > bool 0'
    assert release.query(more) == []
    eventually(lambda: [item["value"][1] for item in release.query(more)], ["1"])
    scraped(release, time.time())
    assert identity(release) == before
    # At most one scrape is missing.
    assert longest_gap(release, start) < 2 * INTERVAL


@pytest.mark.parametrize("collector", COLLECTORS)
def test_an_upgrade_with_the_values_of_an_earlier_chart(
    collector: str, new_release: Callable[..., Release], tmp_path: Path
) -> None:
    """Its names of values go on, with a warning. Pods of another template take over, and nothing is scraped twice."""
    release = new_release()
    old_names = "metrics.extraLabels.environment=night,limits.samplesPerRequest=500"
    values = f"metrics.collector={collector},{FAST},{old_names}"
    before_1_0 = revisions.chart_of(revisions.WITH_OLD_NAMES, tmp_path)
    assert "old names" not in release.install(values, chart=before_1_0)
    eventually(lambda: release.found(10), release.expected())
    start = time.time()
    notes = release.install(values)
    assert 'metrics.extraLabels: {"environment":"night"}   becomes   cluster.labels' in notes
    assert "limits.samplesPerRequest: 500   becomes   xscaler.limits.samplesPerRequest: 500" in notes
    eventually(lambda: release.found(10), release.expected())
    upgraded = time.time()
    scraped(release, upgraded)
    assert collectors_at_once(release, upgraded) < 1.5
    unlabelled = f'up{{cluster="{release.cluster}",environment!="night"}}'
    assert release.query(f"max_over_time({unlabelled}[{time.time() - start:.0f}s])") == []


@pytest.mark.parametrize("collector", COLLECTORS)
def test_a_pod_that_is_killed_comes_back(collector: str, new_release: Callable[..., Release]) -> None:
    release = new_release()
    release.install(f"metrics.collector={collector},{FAST}")
    eventually(lambda: release.found(10), release.expected())
    (pod,) = release.pods()
    kubectl.run("-n", release.namespace, "delete", "pod", pod["metadata"]["name"], "--grace-period=0", "--force")
    killed = time.time()
    # Of samples after the kill alone.
    fresh = f'count(timestamp(up{{{MESH},cluster="{release.cluster}"}}) > {killed + 1})'
    expected = [str(len(release.expected()))]
    eventually(lambda: [item["value"][1] for item in release.query(fresh)], expected)
    back = time.time()
    scraped(release, back)
    assert collectors_at_once(release, back) < 1.5


def orders(release: Release, pod: str) -> list[int]:
    """Return the numbers of the frontend's orders that arrived, as often as they did."""
    lines = [line for line in release.backend.lines(release.cluster) if line["labels"]["pod"] == pod]
    return sorted(int(found[1]) for line in lines if (found := re.search(r"GET /orders/(\d+)", line["line"])))


def test_logs_through_the_api_server(new_release: Callable[..., Release]) -> None:
    """What docs/logs.md says of a container's restart and of a new pod."""
    release = new_release()
    release.install("metrics.collector=none,logs.enabled=true,logs.source=api")
    assert "PASSED" in release.test()
    name = kubectl.get("pods", "-n", "shop", "-l", "app=frontend")["items"][0]["metadata"]["name"]
    eventually(lambda: len(orders(release, name)) > 10, True)
    first = orders(release, name)
    assert first == sorted(set(first))
    lines = [line for line in release.backend.lines(release.cluster) if line["labels"]["log_type"] == "access"]
    labels = {"job", "cluster", "namespace", "pod", "container", "log_type"}
    assert all(line["labels"].keys() == labels for line in lines)
    assert {line["labels"]["job"] for line in lines} == {"integrations/istio"}
    assert all(line["metadata"]["response_code"] for line in lines if " /orders/" in line["line"])
    (pod,) = release.pods("logs-api")
    kubectl.run("-n", release.namespace, "delete", "pod", pod["metadata"]["name"])
    last = max(orders(release, name))
    eventually(lambda: max(orders(release, name)) > last + 20, True)
    # A new pod begins with its own start: nothing twice, and what was written in between is not sent.
    came = orders(release, name)
    assert came == sorted(set(came))
    written = re.findall(r"GET /orders/(\d+)", kubectl.run("-n", "shop", "logs", name, "-c", "istio-proxy"))
    missing = {int(number) for number in written} & set(range(came[0], came[-1])) - set(came)
    assert not [number for number in missing if number < last - 12]


@pytest.fixture
def client() -> Iterator[str]:
    """Run a client of the mesh in a namespace of its own; give the namespace."""
    name = f"client-{uuid.uuid4().hex[:8]}"
    kubectl.namespace(name, {"istio-injection": "enabled"})
    kubectl.run("-n", name, "apply", "-f", MANIFESTS / "own-client.yaml")
    kubectl.run("-n", name, "wait", "--for=condition=Ready", "pod/client", f"--timeout={kubectl.PATIENCE}")
    yield name
    kubectl.run("delete", "namespace", name, "--wait=false")


@pytest.mark.parametrize("source", ["files", "api"])
def test_a_proxy_that_starts_again_is_read_on(source: str, new_release: Callable[..., Release], client: str) -> None:
    release = new_release(level="privileged")
    only = f"logs.namespaces.include={{{client}}}"
    release.install(f"metrics.collector=none,logs.enabled=true,logs.source={source}", only)
    eventually(lambda: len(orders(release, "client")) > 20, True)
    quit_ = "urllib.request.Request('http://127.0.0.1:15020/quitquitquit', method='POST')"
    end = f"import urllib.request; urllib.request.urlopen({quit_})"
    kubectl.run("-n", client, "exec", "client", "-c", "app", "--", catalogue.interpreter(), "-c", end)
    last = max(orders(release, "client"))
    eventually(lambda: max(orders(release, "client")) > last + 50, True)
    came = orders(release, "client")
    logs = ("-n", client, "logs", "client", "-c", "istio-proxy")
    written = "".join((kubectl.run(*logs, "--previous"), kubectl.run(*logs)))
    numbers = [int(number) for number in re.findall(r"GET /orders/(\d+)", written)]
    # Nothing is lost and nothing comes twice.
    assert came == [number for number in numbers if came[0] <= number <= came[-1]]


def test_the_agent_restarts_while_a_log_is_written(new_release: Callable[..., Release]) -> None:
    release = new_release(level="privileged")
    release.install("metrics.collector=none,logs.enabled=true")
    eventually(lambda: len(release.backend.lines(release.cluster)) > 20, True)
    kubectl.run("-n", release.namespace, "rollout", "restart", f"daemonset/{NAME}-logs")
    kubectl.rolled_out(f"daemonset/{NAME}-logs", release.namespace)
    restarted = time.time_ns()
    eventually(
        lambda: sum(line["nanoseconds"] > restarted for line in release.backend.lines(release.cluster)) > 20, True
    )
    lines = [line for line in release.backend.lines(release.cluster) if line["labels"]["namespace"] == "shop"]
    keys = collections.Counter((line["labels"]["pod"], line["nanoseconds"], line["line"]) for line in lines)
    # An orderly end: nothing twice.
    assert max(keys.values()) == 1
