"""`fit` as a function: what a mesh costs with today's values, and the least lossy change that makes it fit a plan."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import json
from typing import TYPE_CHECKING, Any

import yaml

from xscaler_istio import helm
from xscaler_istio.checks import plan
from xscaler_istio.checks.case import Environment, case_of
from xscaler_istio.cluster import discovery, inventory, sampling
from xscaler_istio.rendered import responses
from xscaler_istio.rendered.relabeling import evaluated
from xscaler_istio.rendered.release import Release
from xscaler_istio.rendered.scraping import NATIVE
from xscaler_istio.system import scratch
from xscaler_istio.system.errors import UsageError
from xscaler_istio.values import units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from xscaler_istio.checks.case import Case
    from xscaler_istio.cluster.access import Access
    from xscaler_istio.cluster.sampling import MeshSample, Read
    from xscaler_istio.helm import Inputs


@dataclasses.dataclass(frozen=True)
class Adjustment:
    """A value that a proposal sets, and what is lost with it."""

    key: str
    value: Any
    loses: str


# It loses least; then come smaller profiles, and dropped sizes at last.
_NATIVE = Adjustment("metrics.histograms", NATIVE, "what reads _bucket finds nothing (docs/histograms.md)")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Estimate:
    """Active series, samples a minute, and memory of one shard in bytes, as docs/scale.md computes it."""

    series: int
    samples: float
    memory: int


@dataclasses.dataclass(frozen=True)
class Proposal:
    """Changes together, and what the mesh costs with them."""

    changes: tuple[Adjustment, ...]
    cost: Estimate


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fit:
    """What was sampled, today's cost, and proposals from the least lossy to the cheapest; `limit` is 0 without one."""

    sample: MeshSample
    now: Estimate
    limit: int
    proposals: tuple[Proposal, ...]

    @property
    def fits(self) -> bool:
        """Whether today's values fit."""
        return not self.limit or self.now.series <= self.limit

    @property
    def chosen(self) -> Proposal | None:
        """The least lossy proposal that fits, if today's values do not."""
        if self.fits:
            return None
        return next((item for item in self.proposals if self.holds(item)), None)

    def holds(self, proposal: Proposal) -> bool:
        """Return whether a limit is stated that a proposal keeps."""
        return bool(self.limit) and proposal.cost.series <= self.limit


@evaluated()
def fit(
    access: Access,
    inputs: Inputs,
    *,
    most: int,
    limit: int,
    classic: bool,
    progress: Callable[[str], None],
) -> Fit:
    """Read a sample of a mesh, and estimate what it costs with the values and with less lossy to lossier changes.

    `most` is how many pods are read, `limit` the series that may be active (0: those of xscaler.plan), `classic`
    whether native histograms are out of the question.

    Raises UnreachableError where no cluster or pod answers, UsageError for values without a collector or a mesh,
    SetupError for an expression that only RE2 understands.
    """
    answer = helm.answered(inputs)
    case = case_of(inputs, answer.effective, Environment())
    release = Release.of(answer.text)
    if not case.settings.collector:
        raise UsageError("metrics.collector is none: no metrics are sent", "select a collector")
    progress("listing pods")
    found = discovery.outcomes(inventory.running_pods(access), release.jobs)
    if not any(item.addresses for item in found):
        raise UsageError("these values scrape no pod of this cluster", "see `helm xscaler doctor`")
    progress("reading responses of proxies through the API server")
    read = sampling.sample(access, found, release.jobs, most)

    def proposals(each: Iterable[tuple[Adjustment, ...]]) -> Iterator[Proposal]:
        for changes in each:
            progress(f"estimating {_described(changes)}")
            # A combination that the chart refuses is none.
            with scratch.folder() as folder, contextlib.suppress(helm.ChartError):
                asked = _with(inputs, answer.effective.values, patch(changes), folder)
                changed = Release.of(helm.answered(asked).text)
                yield Proposal(changes, _estimate(read, changed, case))

    native = () if classic or case.settings.metrics.histograms == NATIVE else (_NATIVE,)
    profiles = tuple(proposals(_profiles(case, native)))
    cheapest = min(profiles, key=lambda item: item.cost.series).changes if profiles else native
    now = _estimate(read, release, case)
    last = (*cheapest, _without_sizes(case.settings.metrics.exclude_metrics))
    return Fit(
        sample=read,
        now=now,
        limit=limit or case.settings.xscaler.plan.active_series,
        proposals=_cheaper(now, (*proposals([native] if native else []), *profiles, *proposals([last]))),
    )


def _profiles(case: Case, before: tuple[Adjustment, ...]) -> Iterator[tuple[Adjustment, ...]]:
    """Yield the other profiles, the one that shows most first, each with the changes before it."""
    for name in sorted(case.facts.profiles, key=lambda name: -case.facts.profiles[name].rank):
        if name != case.settings.metrics.profile:
            yield (
                *before,
                Adjustment("metrics.profile", name, f"what the profile {name} leaves out (docs/profiles.md)"),
            )


def _cheaper(now: Estimate, proposals: Iterable[Proposal]) -> tuple[Proposal, ...]:
    """Return the proposals that save more than those before them."""
    found: list[Proposal] = []
    for item in proposals:
        if item.cost.series < min([now.series, *(other.cost.series for other in found)]):
            found.append(item)
    return tuple(found)


def _without_sizes(excluded: tuple[str, ...]) -> Adjustment:
    """Return the change that drops sizes beside what the values exclude."""
    value = [*excluded, "istio_(request|response)_bytes.*"]
    return Adjustment("metrics.excludeMetrics", value, "panels of request and response sizes are empty")


def patch(changes: Iterable[Adjustment]) -> dict[str, Any]:
    """Return the values that make changes."""
    found: dict[str, Any] = {}
    for change in changes:
        block, _, name = change.key.partition(".")
        found.setdefault(block, {})[name] = change.value
    return found


def _with(inputs: Inputs, values: Mapping[str, Any], changed: Mapping[str, Any], folder: Path) -> Inputs:
    """Return what renders values with a patch, both in one file, because Helm reads files before every --set."""
    blocks = {name: {**values.get(name, {}), **block} for name, block in changed.items()}
    file = folder / "values.yaml"
    file.write_text(json.dumps({**values, **blocks}), encoding="utf-8")
    return dataclasses.replace(inputs, values=helm.ValuesArguments((str(file),)))


def _estimate(read: MeshSample, release: Release, case: Case) -> Estimate:
    """Add up what is sent of the pods that were read, each for its workload; others are as the mean of their kind."""
    form = release.scraping[0].histograms
    of_kind: dict[str, list[tuple[int, int, float]]] = collections.defaultdict(list)
    for one in read.read:
        of_kind[one.pod.kind].append((one.pods, *_sent(one, release, form)))
    total, samples = 0.0, 0.0
    for kind, number in read.pods.items():
        measured = of_kind[kind]
        pods = sum(count for count, _, _ in measured) or 1
        total += number * sum(count * series for count, series, _ in measured) / pods
        samples += number * sum(count * rate for count, _, rate in measured) / pods
    metrics = case.settings.metrics
    memory = case.facts.capacity.needed(metrics.collector, total / metrics.shards)
    return Estimate(series=round(total), samples=samples, memory=round(memory))


def _sent(one: Read, release: Release, form: str) -> tuple[int, float]:
    """Return the series that are sent of one pod, and the samples a minute."""
    series, samples = 0, 0.0
    for target in discovery.targets(one.pod.pod, release.jobs):
        # Changes of histograms and profiles do not change what is scraped.
        if response := one.responses.get((target.port, target.path)):
            count = responses.kept(target.job, target.labels, response, form)
            series += count
            samples += count * 60 / units.seconds(target.job.interval)
    return series, samples


# -- for readers and programs -------------------------------------------------------------------------------------


def _cost(cost: Estimate) -> str:
    return (
        f"{cost.series:,} active series, {cost.samples:,.0f} samples a minute, {cost.memory / 2**20:,.0f} MiB a shard"
    )


def text(found: Fit) -> str:
    """Write an estimate, the proposals and the patch for readers."""
    pods = ", ".join(f"{number} {kind}{'' if number == 1 else 's'}" for kind, number in found.sample.pods.items())
    lines = [f"mesh: {pods}; {len(found.sample.read)} pods read"]
    lines += [f"not read: {name}" for name in found.sample.failed]
    lines.append(f"today: {_cost(found.now)}")
    if found.limit:
        share = found.now.series / found.limit
        lines.append(f"limit: {found.limit:,} active series; today's values use {share:.0%}")
    chosen = found.chosen
    for item in found.proposals:
        saved = 1 - item.cost.series / found.now.series
        mark = " (fits)" if found.holds(item) else ""
        lines.append(f"{_described(item.changes)}: {_cost(item.cost)}, {saved:.0%} fewer series{mark}")
        lines.append(f"  loses: {item.changes[-1].loses}")
    lines += _conclusion(found, chosen)
    return "\n".join(lines) + "\n"


def _described(changes: Iterable[Adjustment]) -> str:
    values = ((change.key, change.value) for change in changes)
    return ", ".join(f"{key}: {value if isinstance(value, str) else json.dumps(value)}" for key, value in values)


def _conclusion(found: Fit, chosen: Proposal | None) -> Sequence[str]:
    if not found.limit:
        return ["fit: no limit is stated: set xscaler.plan.activeSeries, or give --max-series"]
    if found.fits:
        return ["fit: these values fit"]
    if chosen:
        values = yaml.safe_dump(patch(chosen.changes), sort_keys=False)
        return ["fit: these values do not fit; the least lossy change that does:", "", values.rstrip("\n")]
    over = (found.proposals[-1].cost if found.proposals else found.now).series - found.limit
    return [f"fit: no change fits: the cheapest is {over:,} series over the limit; {plan.OTHERWISE}"]


def as_json(found: Fit) -> str:
    """Write an estimate as JSON."""

    def cost(item: Estimate) -> dict[str, Any]:
        return {"series": item.series, "samplesPerMinute": round(item.samples), "memoryBytesPerShard": item.memory}

    def proposal(item: Proposal) -> dict[str, Any]:
        loses = [change.loses for change in item.changes]
        return {"values": patch(item.changes), **cost(item.cost), "fits": found.holds(item), "loses": loses}

    document = {
        "schemaVersion": 1,
        "pods": dict(found.sample.pods),
        "read": len(found.sample.read),
        "notRead": list(found.sample.failed),
        "limit": found.limit,
        "fits": found.fits,
        "today": cost(found.now),
        "proposals": [proposal(item) for item in found.proposals],
        "chosen": patch(found.chosen.changes) if found.chosen else None,
    }
    return json.dumps(document, indent=2) + "\n"
