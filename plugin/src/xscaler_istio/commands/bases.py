"""What `fit` estimates from: pods of a running mesh, the stated size of one, or what xScaler has stored of one."""

from __future__ import annotations

import collections
import dataclasses
import json
from typing import TYPE_CHECKING

from xscaler_istio.checks import plan
from xscaler_istio.cluster import discovery, inventory, sampling
from xscaler_istio.rendered import responses, stored
from xscaler_istio.rendered.scraping import NATIVE
from xscaler_istio.rendered.stored import SeriesCount
from xscaler_istio.system.errors import UnreachableError, UsageError
from xscaler_istio.values import units

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xscaler_istio.checks.case import Case, Mesh
    from xscaler_istio.cluster.access import Access
    from xscaler_istio.cluster.sampling import MeshSample, Read
    from xscaler_istio.rendered.release import Release
    from xscaler_istio.wire.query_api import LabelledNumber, QueryApi, ReadAccess

    Progress = Callable[[str], None]
    # How a basis is found, given today's values.
    Look = Callable[[Case, Release, Progress], "Basis"]

_JOB = "integrations/istio"
# The histogram of every proxy with traffic, as a native one.
_LATENCY = "istio_request_duration_milliseconds"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Estimate:
    """Active series, samples and bytes a minute, and memory of one shard in bytes, as docs/scale.md computes it."""

    series: int
    samples: float
    sent: float
    memory: int

    @classmethod
    def of(cls, case: Case, series: float, samples: float) -> Estimate:
        """Return what so many series are with these values."""
        metrics = case.settings.metrics
        capacity = case.facts.capacity
        sent = samples * capacity.bytes_per_sample[metrics.collector][metrics.histograms]
        memory = capacity.needed(metrics.collector, series / metrics.shards)
        return cls(series=round(series), samples=samples, sent=sent, memory=round(memory))


@dataclasses.dataclass(frozen=True)
class StoredSeries:
    """How many series xScaler has: of the cluster, of the whole account, and in memory with ended ones; None where it
    does not say."""

    cluster: int
    account: int | None
    in_memory: int | None

    @property
    def others(self) -> int:
        """Those of other senders that are known."""
        return max(0, (self.account or 0) - self.cluster)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Seen:
    """What an estimate is based on: `pods` by kind, how many were read, and those that failed with the reason.

    `source` is one of cluster, mesh and xscaler; `lines` are those of access logs a second, None where unknown.
    """

    source: str
    pods: Mapping[str, int]
    read: int = 0
    failed: tuple[str, ...] = ()
    lines: float | None = None
    stored: StoredSeries | None = None


@dataclasses.dataclass(frozen=True)
class Basis:
    """Something to estimate from: `estimate` returns what values cost.

    `mesh` is a size that was stated. `only_smaller` is whether larger profiles cannot be estimated.
    """

    seen: Seen
    estimate: Callable[[Case, Release], Estimate]
    mesh: Mesh | None = None
    only_smaller: bool = False


# -- pods of a cluster --------------------------------------------------------------------------------------------


def of_cluster(access: Access, most: int) -> Look:
    """Return what reads at most so many pods, of each workload one; it raises UnreachableError where none answers."""

    def look(_: Case, release: Release, progress: Progress) -> Basis:
        progress("listing pods")
        found = discovery.outcomes(inventory.running_pods(access), release.jobs)
        if not any(item.addresses for item in found):
            raise UsageError("these values scrape no pod of this cluster", "see `helm xscaler doctor`")
        progress("reading responses of proxies through the API server")
        read = sampling.sample(access, found, release.jobs, most)
        seen = Seen(source="cluster", pods=read.pods, read=len(read.read), failed=read.failed, lines=_lines(read))
        return Basis(seen, lambda case, release: _of_pods(read, case, release))

    return look


def _lines(sample: MeshSample) -> float | None:
    """Return the lines of access logs a second: a proxy counts each request, and writes a line of it."""
    found = tuple(
        (one.pod.kind, one.pods, response.requests)
        for one in sample.read
        for response in one.responses.values()
        if response.requests is not None
    )
    total = 0.0
    for kind in {kind for kind, _, _ in found}:
        of_kind = [(pods, rate) for other, pods, rate in found if other == kind]
        total += sample.pods[kind] * sum(pods * rate for pods, rate in of_kind) / sum(pods for pods, _ in of_kind)
    return total if found else None


def _of_pods(sample: MeshSample, case: Case, release: Release) -> Estimate:
    """Add up what is sent of the pods that were read, each for its workload; others are as the mean of their kind."""
    of_kind: dict[str, list[tuple[int, int, float]]] = collections.defaultdict(list)
    for one in sample.read:
        of_kind[one.pod.kind].append((one.pods, *_sent(one, release)))
    total, samples = 0.0, 0.0
    for kind, number in sample.pods.items():
        measured = of_kind[kind]
        pods = sum(count for count, _, _ in measured) or 1
        total += number * sum(count * series for count, series, _ in measured) / pods
        samples += number * sum(count * rate for count, _, rate in measured) / pods
    return Estimate.of(case, total, samples)


def _sent(one: Read, release: Release) -> tuple[int, float]:
    """Return the series that are sent of one pod, and the samples a minute."""
    series, samples, form = 0, 0.0, release.scraping[0].histograms
    for target in discovery.targets(one.pod.pod, release.jobs):
        # Changes of histograms and profiles do not change what is scraped.
        if response := one.responses.get((target.port, target.path)):
            count = responses.kept(target.job, target.labels, response, form)
            series += count
            samples += count * 60 / units.seconds(target.job.interval)
    return series, samples


# -- a stated size ------------------------------------------------------------------------------------------------


def of_size(mesh: Mesh) -> Look:
    """Return what computes with the size of a mesh, as `validate --mesh` does; it reads nothing."""

    def look(case: Case, _: Release, __: Progress) -> Basis:
        if "proxies" not in case.settings.scraped:
            raise UsageError("these values scrape no proxies", "set metrics.targets.proxies.enabled: true")
        lines = mesh.requests * plan.LINES_OF_A_REQUEST
        seen = Seen(source="mesh", pods={"proxy": mesh.proxies}, lines=lines or None)
        return Basis(seen, lambda case, _: _of_proxies(case), mesh)

    return look


def _of_proxies(case: Case) -> Estimate:
    series, metrics = plan.series(case), case.settings.metrics
    interval = metrics.targets["proxies"].scrape_interval or metrics.scrape_interval
    return Estimate.of(case, series, series * 60 / units.seconds(interval))


# -- what xScaler has stored --------------------------------------------------------------------------------------


def of_stored(access: ReadAccess, tenant: str) -> Look:
    """Return what asks xScaler with a read token. `tenant` is for values that do not name one.

    It raises UnreachableError with xScaler's answer, UsageError where the values are not those of what is stored.
    """

    def look(case: Case, release: Release, progress: Progress) -> Basis:
        xscaler, name = case.settings.xscaler, case.settings.cluster.name
        tenant_id = tenant or xscaler.tenant_id
        if not tenant_id:
            raise UsageError("the values read the tenant from a Secret", "give the tenant with --tenant")
        api = access.metrics(xscaler.region, tenant_id)
        progress("counting series at xScaler")
        selector = f"{{job={json.dumps(_JOB)},cluster={json.dumps(name)}}}"
        counted = api.vector(f"count by (__name__, le, {stored.TARGET_LABEL}) ({selector})")
        if not counted:
            raise UsageError(
                f"xScaler has no series with cluster={json.dumps(name)}",
                "check cluster.name, and that --tenant is the tenant that the release sends to",
            )
        counts = tuple(_count(item) for item in counted)
        native = {item.name for item in counts} - stored.classic_histograms(counts)
        if release.scraping[0].histograms != NATIVE and _LATENCY in native:
            raise UsageError(
                "xScaler has native histograms of this cluster, and the values send classic ones",
                "give the values of the running release",
            )
        targets = sum(item.series for item in counts if item.name == "up")
        lines = api.number(f"sum(rate(istio_requests_total{selector}[5m]))")
        account = _account(api, sum(item.series for item in counts))
        seen = Seen(source="xscaler", pods={"target": targets} if targets else {}, lines=lines or None, stored=account)
        return Basis(seen, lambda case, release: _of_counts(counts, case, release), only_smaller=True)

    return look


def _count(item: LabelledNumber) -> SeriesCount:
    name, le, app = (item.labels.get(key, "") for key in ("__name__", "le", stored.TARGET_LABEL))
    return SeriesCount(name, le, app, int(item.value))


def _of_counts(counts: tuple[SeriesCount, ...], case: Case, release: Release) -> Estimate:
    found = stored.kept(counts, release.jobs, _JOB, release.scraping[0].histograms)
    samples = sum(item.series * 60 / units.seconds(job.interval) for job, item in found)
    return Estimate.of(case, sum(item.series for _, item in found), samples)


def _account(api: QueryApi, cluster: int) -> StoredSeries:
    try:
        account = api.number('count({__name__!=""})')
    except UnreachableError:
        # A backend may limit what one query reads.
        account = None
    return StoredSeries(cluster, None if account is None else int(account), api.in_memory())
