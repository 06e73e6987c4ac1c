"""What is scraped is what arrives: the same series with the same values, within xScaler's limits, once each.

One mesh with every kind of pod, five versions of Istio from 1.9 to 1.31 and real Envoys stands still while every
collector and profile reads it. What must arrive of generated pods is worked out from the pages, the rendered rules and
Prometheus' relabelling as documented; of real Envoys, the same must arrive through all collectors.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import re
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support import environments
from tests.support.environments import COLLECTORS, Environment, configs, environment, numbered
from tests.support.estimates import COUNTED_BY, estimated, estimated_of_stored
from tests.support.relabel import relabel
from tests.support.waiting import until
from xscaler_istio.local import oracle
from xscaler_istio.local.mesh import envoy
from xscaler_istio.mesh import topology

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from anyio.from_thread import BlockingPortal

    from xscaler_istio.local.mesh.placed import Member
    from xscaler_istio.rendered.manifests import CollectorConfig
    from xscaler_istio.wire.answers import Sample

# Everything that the values can add to a profile and take from it, and as many labels as the budget bears.
EXTENDED: Mapping[str, Any] = {
    "profile": "dashboards",
    "includeMetrics": ["envoy_cluster_upstream_rq.*"],
    "excludeMetrics": ["istio_response_bytes_.*", "pilot_k8s_.*"],
    "namespaces": {"include": ["gen*", "ambient"], "exclude": ["ambient"]},
    "extraMetricRelabelConfigs": [
        {"action": "drop", "source_labels": ["__name__", "reporter"], "regex": "istio_requests_total;source"},
        {
            "source_labels": ["response_code"],
            "regex": "([0-9]).*",
            "target_label": "code_class",
            "replacement": "${1}xx",
        },
    ],
}
# What is in the block `metrics`, by case.
CASES: Mapping[str, Mapping[str, Any]] = {
    "minimal": {"profile": "minimal"},
    "traffic": {"profile": "traffic"},
    "dashboards": {"profile": "dashboards"},
    "full": {"profile": "full"},
    "extended": EXTENDED,
}
# The labels that the values add beside them, by case.
LABELS: Mapping[str, Mapping[str, str]] = {"extended": {"env": "prod $1"}}
SHARDS = 3
# What `make test` reads the mesh for.
DEFAULT = "dashboards"
SHARDED = "prometheus"
whole = pytest.mark.whole("make test shows it for the default profile and one collector's shards")
# Whoever reads the mesh: what holds for all of them is asked again where there are more.
by_readers = pytest.mark.parametrize("readers", ["some", pytest.param("all", marks=whole)])
by_sharded = pytest.mark.parametrize(
    "collector", [pytest.param(name, marks=() if name == SHARDED else whole) for name in COLLECTORS]
)
pytestmark = pytest.mark.xdist_group("series")


def by_case(*names: str) -> pytest.MarkDecorator:
    """Run a test for these cases, of which `make test` takes that of the default profile."""
    return pytest.mark.parametrize(
        "case", [pytest.param(name, marks=() if name == DEFAULT else whole) for name in names]
    )


# Series that a scrape itself gives; their values are of the moment.
SCRAPE = re.compile(r"up|scrape_.*")
REPORT = (
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
)
_SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
LabelSet = frozenset[tuple[str, str]]
# What a release says of itself differs by nature (docs/alerts.md), and has tests of its own below.
MESH = 'job="integrations/istio"'
OWN = 'job="xscaler-istio"'


def release(
    collector: str,
    metrics: Mapping[str, Any],
    cluster: str,
    name: str | None = None,
    labels: Mapping[str, str] | None = None,
) -> tuple[CollectorConfig, ...]:
    # Each knows its own pods among those of the others by their name.
    sets = (f"cluster.name={cluster}", f"nameOverride={name or cluster}", "selfMonitoring.enabled=true")
    added = (f"cluster.labels.{label}={value}" for label, value in (labels or {}).items())
    return configs(*sets, *added, metrics={**metrics, "collector": collector})


def undivided(collector: str, cases: Sequence[str]) -> list[CollectorConfig]:
    return [release(collector, CASES[case], f"{collector}-{case}", labels=LABELS.get(case))[0] for case in cases]


def shards(collector: str) -> list[CollectorConfig]:
    # A cluster label of its own for each shard, so that the backend knows them apart.
    minimal = {"profile": "minimal", "shards": SHARDS}
    return [release(collector, minimal, f"{collector}-shard-{n}", f"{collector}-shards")[n] for n in range(SHARDS)]


def choices(case: str, cluster: str) -> oracle.Choices:
    metrics = CASES[case]
    namespaces = metrics.get("namespaces", {"include": (), "exclude": ()})
    return oracle.Choices(
        cluster=cluster,
        include=tuple(namespaces["include"]),
        exclude=tuple(namespaces["exclude"]),
        labels=LABELS.get(case, {}),
    )


@dataclasses.dataclass(frozen=True)
class Still(Environment):
    """A mesh that stands still, and who reads it: each collector by these cases, and some of them in shards too.

    Questions are asked of `moment`, a time at which every target was read: a busy machine may miss a later scrape.
    """

    cases: tuple[str, ...]
    sharded: tuple[str, ...]
    moment: float | None = None

    def query(self, promql: str) -> tuple[Sample, ...]:
        return self.at(promql, self.moment)

    def at(self, promql: str, moment: float | None = None) -> tuple[Sample, ...]:
        """Ask of another time, by default of now."""
        return self.portal.call(functools.partial(self.run.xscaler.query, promql, at=moment))

    def readers(self, collector: str) -> list[oracle.Choices]:
        """Return what the readers of one kind of collector choose; those of all its shards are one."""
        every = [oracle.Choices(cluster="")] if collector in self.sharded else []
        return [*(choices(case, "") for case in self.cases), *every]


@pytest.fixture(scope="module")
def still(request: pytest.FixtureRequest, portal: BlockingPortal) -> Iterator[Still]:
    """A mesh whose counters have moved and now stand still, read by all collectors that the chosen tests ask for."""
    everything = environments.whole(request)
    cases = tuple(CASES) if everything else (DEFAULT,)
    sharded = COLLECTORS if everything else (SHARDED,)
    found = [config for name in COLLECTORS for config in undivided(name, cases)]
    found += [config for name in sharded for config in shards(name)]
    with environment(
        portal,
        configs=numbered(*found),
        backend="mimir",
        # 21 readers are much for a machine of two cores, which runs other tests too.
        interval=15 if everything else 2,
        workloads=topology.small(),
    ) as up:
        running = Still(up.run, portal, cases, sharded)
        wanted = sum(len(expected_targets(running, one)) for name in COLLECTORS for one in running.readers(name))
        until(lambda: len(running.query(f"up{{{MESH}}}")) == wanted, f"not {wanted} targets")
        assert running.run.envoys
        running.run.clock.freeze()
        running.call(running.run.envoys.freeze)
        frozen = time.time()
        moment = 0.0

        def read_whole() -> bool:
            nonlocal moment
            moment = newest_of_all(running)
            return all_read_between(running, frozen, moment, wanted + len(found))

        until(read_whole, "there is no time at which every target was read and all of it has arrived")
        yield dataclasses.replace(running, moment=moment)


def all_read_between(running: Still, since: float, moment: float, targets: int) -> bool:
    """Report whether at a moment the last scrape of all targets succeeded, and each series has a sample since."""
    seconds = int(moment - since)
    if seconds <= 0 or [sample.value for sample in running.at("count(up == 1)", moment)] != [targets]:
        return False
    # What a scrape reports of itself may arrive before the rest.
    each = (f'{MESH},cluster="{cluster}"' for cluster in clusters(running))
    return all(running.at(f"count({{{own}}}) == count(last_over_time({{{own}}}[{seconds}s]))", moment) for own in each)


def clusters(running: Still) -> list[str]:
    """Return the readers. A query over the series of all of them takes a busy machine minutes."""
    return [sample.labels["cluster"] for sample in running.at(f"count by (cluster) (up{{{MESH}}})")]


def newest_of_all(running: Still) -> float:
    """Return the time of the newest scrape of the target that was scraped first."""
    return running.at(f"min(timestamp(up{{{MESH}}}))")[0].value


def expected_targets(running: Environment, chosen: oracle.Choices) -> Mapping[tuple[str, str], oracle.ExpectedTarget]:
    assert running.run.envoys
    pods = [*(member.pod for member in running.run.members), *running.run.envoys.pods]
    targets = oracle.expected_targets([pod.manifest for pod in pods], chosen)
    return {(target.labels["namespace"], target.labels["pod"]): target for target in targets}


def samples(page: str) -> Iterator[tuple[dict[str, str], float]]:
    for name, labels, value in _SAMPLE.findall(page):
        unescaped = {
            key: re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), text) for key, text in _LABEL.findall(labels)
        }
        yield {"__name__": name, **unescaped}, float(value)


def ingested(scraped: Mapping[str, str], target: Mapping[str, str]) -> dict[str, str]:
    """Add the target's labels; honor_labels is off, so a label of the page that is in the way is renamed."""
    own = {(f"exported_{key}" if key in target else key): value for key, value in scraped.items()}
    return {**own, **target}


def expected_series(
    members: Iterable[Member], running: Environment, chosen: oracle.Choices, rules: Mapping[str, Any]
) -> Any:
    targets = expected_targets(running, chosen)
    tick = running.run.clock.tick
    found: dict[LabelSet, float] = {}
    for member in members:
        target = targets.get((member.pod.namespace, member.pod.name))
        if target is None or member.page is None:
            continue
        for scraped, value in samples(member.page.render(tick).decode()):
            kept = relabel(ingested(scraped, target.labels), rules[target.job])
            if kept is not None:
                stored = {key: text for key, text in kept.items() if not key.startswith("__") or key == "__name__"}
                assert frozenset(stored.items()) not in found, f"two series became one: {stored}"
                found[frozenset(stored.items())] = value
    return found


def stored_series(running: Environment, selector: str) -> dict[LabelSet, float]:
    found = running.query(f"{{{MESH},{selector}}}")
    return {
        frozenset(sample.labels.items()): sample.value
        for sample in found
        if not SCRAPE.fullmatch(sample.labels["__name__"])
    }


def metric_rules(case: str) -> dict[str, Any]:
    """Return the rules of each job, in Prometheus' words, which all collectors share."""
    jobs = yaml.safe_load(release("prometheus", CASES[case], "any")[0].text)["scrape_configs"]
    return {job["job_name"]: job["metric_relabel_configs"] for job in jobs}


@by_case(*CASES)
@pytest.mark.parametrize("collector", COLLECTORS)
def test_exactly_what_is_chosen_arrives_with_exact_values(still: Still, collector: str, case: str) -> None:
    cluster = f"{collector}-{case}"
    expected = expected_series(still.run.members, still, choices(case, cluster), metric_rules(case))
    stored = stored_series(still, f'cluster="{cluster}",namespace!="{envoy.NAMESPACE}"')
    assert sorted(map(sorted, expected.keys() - stored.keys())) == []
    assert sorted(map(sorted, stored.keys() - expected.keys())) == []
    assert stored == expected
    assert len(stored) > 500


@by_case(*CASES)
@pytest.mark.parametrize("collector", COLLECTORS)
def test_the_estimate_of_fit_is_what_arrives(still: Still, collector: str, case: str) -> None:
    """`helm xscaler fit` counts by the rendered rules: of all generated pods, exactly what is stored of them."""
    cluster = f"{collector}-{case}"
    (config,) = release(collector, CASES[case], cluster, labels=LABELS.get(case))
    stored = still.query(f'count({{{MESH},cluster="{cluster}",namespace!="{envoy.NAMESPACE}"}})')
    assert [sample.value for sample in stored] == [estimated(config, still.run.members)]


@whole
@pytest.mark.parametrize("case", ["minimal", "traffic", "dashboards"])
@pytest.mark.parametrize("collector", COLLECTORS)
def test_the_estimate_of_fit_from_what_is_stored_is_what_arrives(still: Still, collector: str, case: str) -> None:
    """From what the profile `full` has stored, it counts exactly what smaller profiles send."""
    (config,) = release(collector, CASES[case], f"{collector}-{case}")
    generated = f'{MESH},namespace!="{envoy.NAMESPACE}"'
    counts = still.query(f'count by ({", ".join(COUNTED_BY)}) ({{{generated},cluster="{collector}-full"}})')
    arrived = still.query(f'count({{{generated},cluster="{collector}-{case}"}})')
    assert [sample.value for sample in arrived] == [estimated_of_stored(config, counts)]


@by_case("minimal", "dashboards", "full")
@pytest.mark.parametrize("collector", COLLECTORS)
def test_real_envoys_give_the_same_series_through_every_collector(still: Still, collector: str, case: str) -> None:
    def found(name: str) -> dict[LabelSet, float]:
        cluster = ("cluster", f"{name}-{case}")
        stored = stored_series(still, f'cluster="{cluster[1]}",namespace="{envoy.NAMESPACE}"')
        return {labels - {cluster}: value for labels, value in stored.items()}

    def counted(series: dict[LabelSet, float]) -> dict[LabelSet, float]:
        # Of Envoy's own statistics some go on without traffic.
        return {key: value for key, value in series.items() if dict(key)["__name__"].startswith("istio_")}

    own, first = found(collector), found("prometheus")
    assert sorted(map(sorted, own.keys() ^ first.keys())) == []
    assert counted(own) == counted(first)
    assert len(counted(own)) > 300


@by_case(*CASES)
@pytest.mark.parametrize("collector", COLLECTORS)
def test_every_scrape_reports_itself(still: Still, collector: str, case: str) -> None:
    cluster = f"{collector}-{case}"
    targets = expected_targets(still, choices(case, cluster)).values()
    found = still.query(f'{{{MESH},cluster="{cluster}",__name__=~"up|scrape_.*"}}')
    wanted = {frozenset({**target.labels, "__name__": name}.items()) for target in targets for name in REPORT}
    assert {frozenset(sample.labels.items()) for sample in found} == wanted
    assert {sample.value for sample in found if sample.labels["__name__"] == "up"} == {1}


def test_reports_differ_by_nature_in_one_number(still: Still) -> None:
    def reported(collector: str, name: str) -> float:
        selector = f'{MESH},cluster="{collector}-dashboards",namespace!="{envoy.NAMESPACE}"'
        return still.query(f"sum({name}{{{selector}}})")[0].value

    scraped = {name: reported(name, "scrape_samples_scraped") for name in COLLECTORS}
    kept = {name: reported(name, "scrape_samples_post_metric_relabeling") for name in COLLECTORS}
    assert scraped["prometheus"] == scraped["alloy"] == scraped["opentelemetry"]
    assert kept["prometheus"] == kept["opentelemetry"] < scraped["prometheus"]
    # Alloy relabels after the scrape: docs/collectors.md.
    assert kept["alloy"] == scraped["alloy"]


@by_readers
@pytest.mark.usefixtures("readers")
def test_no_series_is_refused(still: Still) -> None:
    account = still.account()
    assert account.rejected == {}
    assert account.largest_request <= 2000


@by_readers
@pytest.mark.usefixtures("readers")
def test_no_series_has_more_than_30_labels(still: Still) -> None:
    # The worst cases of chart/files/labels.yaml.
    assert largest(still, 'app!="ztunnel",cluster!~".*-extended"') == 28
    # ztunnel's localities since 1.25 and its app label fill the budget.
    assert largest(still, 'app="ztunnel",cluster!~".*-extended"') == 30


@whole
def test_no_series_with_two_labels_more_has_more_than_30(still: Still) -> None:
    assert largest(still, 'app!="ztunnel",cluster=~".*-extended"') == 30
    # The regions make room.
    assert largest(still, 'app="ztunnel",cluster=~".*-extended"') == 29


def largest(running: Still, selector: str) -> int:
    return max(
        len(sample.labels)
        for cluster in clusters(running)
        for sample in running.query(f'{{{MESH},cluster="{cluster}",{selector}}}')
    )


@pytest.mark.parametrize("collector", COLLECTORS)
def test_every_latency_bucket_is_there(still: Still, collector: str) -> None:
    buckets = 'istio_request_duration_milliseconds_bucket{cluster="%s-dashboards"}'
    found = {sample.labels["le"] for sample in still.query(buckets % collector)}
    assert found == {
        *"0.5 1 5 10 25 50 100 250 500 1000 2500 5000 10000 30000 60000 300000 600000 1800000 3600000 +Inf".split()
    }


@by_sharded
def test_shards_own_every_target_once(still: Still, collector: str) -> None:
    owners = collections.Counter(
        sample.labels["instance"]
        for n in range(SHARDS)
        for sample in still.query(f'up{{{MESH},cluster="{collector}-shard-{n}"}}')
    )
    assert set(owners.values()) == {1}
    assert owners.keys() == {
        target.labels["instance"] for target in expected_targets(still, oracle.Choices(cluster="")).values()
    }


@whole
@pytest.mark.parametrize("collector", COLLECTORS)
def test_every_collector_gives_a_target_to_the_same_shard(still: Still, collector: str) -> None:
    def owned(name: str) -> dict[str, str]:
        found = still.query(f'up{{{MESH},cluster=~"{name}-shard-.*"}}')
        return {sample.labels["instance"]: sample.labels["cluster"].rpartition("-")[2] for sample in found}

    assert owned(collector) == owned("prometheus")


@by_readers
@pytest.mark.usefixtures("readers")
def test_no_reader_reads_a_target_more_often_than_its_interval(still: Still) -> None:
    # Late scrapes are followed by ones in time; two a round would be eight.
    four_rounds = 4 * still.run.plan.interval
    assert still.query(f"max(count_over_time(up{{{MESH}}}[{four_rounds}s]))")[0].value <= 5


@by_readers
@pytest.mark.usefixtures("readers")
def test_every_scrape_reads_each_target_once(still: Still) -> None:
    """Whatever a pod served is a scrape that some reader reports: the books agree whenever no scrape is under way.

    A scrape that a reader gave up, which it reports as failed, may have been served or not.
    """
    moments: list[tuple[float, dict[tuple[str, str], int]]] = []
    open_books = {(pod.namespace, pod.name) for pod in (member.pod for member in still.run.members)}
    open_books &= still.run.mesh.scrapes.keys()

    def agree() -> bool:
        moments.append((time.time(), dict(still.run.mesh.scrapes)))
        arrived = newest_of_all(still)
        while moments and moments[0][0] < arrived:
            at, served = moments.pop(0)
            succeeded, reported = (scrapes_by_pod(still, over_time, at) for over_time in ("sum", "count"))
            agreeing = {pod for pod in open_books & reported.keys() if succeeded[pod] <= served[pod] <= reported[pod]}
            open_books.difference_update(agreeing)
        return not open_books

    until(agree, lambda: f"of {open_books} other numbers were served than reported")


def scrapes_by_pod(running: Still, over_time: str, moment: float) -> Mapping[tuple[str, str], float]:
    """Return how many scrapes of each pod its readers reported until a moment: all of them, or the sum of successes."""
    found = running.at(f"sum by (namespace, pod) ({over_time}_over_time(up{{{MESH}}}[1h]))", moment)
    return {(sample.labels["namespace"], sample.labels["pod"]): sample.value for sample in found}


def own_targets(running: Environment, collector: str, cluster: str, name: str) -> set[LabelSet]:
    own = oracle.Own("telemetry", "t", name, collector)
    found = oracle.expected_targets(running.run.pods, oracle.Choices(cluster=cluster, jobs=frozenset(), own=own))
    return {frozenset({**target.labels, "__name__": "up"}.items()) for target in found}


@by_case("minimal", "dashboards", "full")
@pytest.mark.parametrize("collector", COLLECTORS)
def test_a_release_scrapes_its_own_pod_and_no_other_release_s(still: Still, collector: str, case: str) -> None:
    cluster = f"{collector}-{case}"
    up = still.query(f'up{{{OWN},cluster="{cluster}"}}')
    expected = own_targets(still, collector, cluster, cluster)
    assert len(expected) == 1
    assert {frozenset(sample.labels.items()) for sample in up} == expected
    assert [sample.value for sample in up] == [1]


@by_sharded
def test_shards_own_each_other_s_pods_once(still: Still, collector: str) -> None:
    up = still.query(f'up{{{OWN},cluster=~"{collector}-shard-.*"}}')
    by_shard = {frozenset({**sample.labels, "cluster": ""}.items()): sample.value for sample in up}
    assert len(up) == len(by_shard) == SHARDS
    named = {labels - {("cluster", "")} for labels in own_targets(still, collector, "", f"{collector}-shards")}
    assert {labels - {("cluster", "")} for labels in by_shard} == named
    assert set(by_shard.values()) == {1}


@whole
@pytest.mark.parametrize("collector", COLLECTORS)
def test_no_profile_changes_what_a_release_says_of_itself(still: Still, collector: str) -> None:
    def names(case: str) -> set[str]:
        # Of now: some are there after the first push only.
        found = still.at(f'{{{OWN},cluster="{collector}-{case}"}}')
        # As few as tell the story: Alloy counts three of them by job.
        assert len(found) <= 30
        return {sample.labels["__name__"] for sample in found}

    def alike() -> bool:
        return names("minimal") == names("traffic") == names("dashboards") == names("full") > set(REPORT)

    until(alike, lambda: f"{[sorted(names(case)) for case in ('minimal', 'traffic', 'dashboards', 'full')]}")
