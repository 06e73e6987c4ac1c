"""`fit` as a function: what a mesh costs with today's values, and the least lossy change that makes it fit a plan."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from typing import TYPE_CHECKING, Any

from xscaler_istio import helm
from xscaler_istio.checks import plan
from xscaler_istio.checks.case import Environment, case_of
from xscaler_istio.rendered.relabeling import evaluated
from xscaler_istio.rendered.release import Release
from xscaler_istio.rendered.scraping import NATIVE
from xscaler_istio.system import scratch
from xscaler_istio.system.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from xscaler_istio.checks.case import Case
    from xscaler_istio.checks.plan import LogBytes
    from xscaler_istio.commands.bases import Basis, Estimate, Look, Progress, Seen
    from xscaler_istio.helm import Answer, Inputs


@dataclasses.dataclass(frozen=True)
class Adjustment:
    """A value that a proposal sets, and what is lost with it."""

    key: str
    value: Any
    loses: str


# It loses least; then come dropped sizes, smaller profiles, and both.
_NATIVE = Adjustment("metrics.histograms", NATIVE, "what reads _bucket finds nothing (docs/histograms.md)")


@dataclasses.dataclass(frozen=True)
class Proposal:
    """Changes together, and what the mesh costs with them."""

    changes: tuple[Adjustment, ...]
    cost: Estimate


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fit:
    """What the estimate is based on, today's cost, and proposals from the least lossy to the cheapest.

    `limit` is of active series, 0 without one. `logs` is None where none are sent, or nothing is known of them.
    """

    seen: Seen
    now: Estimate
    logs: LogBytes | None
    limit: int
    proposals: tuple[Proposal, ...]

    @property
    def fits(self) -> bool:
        """Whether today's values fit."""
        return self.has_room(self.now) and not (self.logs and self.logs.over)

    @property
    def others(self) -> int:
        """The known series of other senders of the account."""
        return self.seen.stored.others if self.seen.stored else 0

    @property
    def chosen(self) -> tuple[Adjustment, ...]:
        """The least lossy changes that fit; none where today's values do, or where no changes are enough."""
        enough = (item.changes for item in self.proposals if self.has_room(item.cost))
        room = () if self.has_room(self.now) else next(enough, None)
        lines = self.sampling if self.logs and self.logs.over else ()
        return (*room, *lines) if room is not None and lines is not None else ()

    @property
    def sampling(self) -> tuple[Adjustment, ...] | None:
        """The change with which the access logs fit; None where even the least is too much."""
        percent = self.logs.fitting_percent if self.logs else 0
        what = "the lines of the other successful requests"
        return (Adjustment("logs.sampling.successPercent", percent, what),) if percent else None

    def has_room(self, cost: Estimate) -> bool:
        """Return whether the limit holds so many series beside the known ones of other senders; true without one."""
        return not self.limit or cost.series + self.others <= self.limit


@evaluated()
def fit(inputs: Inputs, look: Look, *, limit: int, classic: bool, progress: Progress) -> Fit:
    """Estimate what a mesh costs with the values, and with less lossy to lossier changes.

    `look` finds what is known of the mesh. `limit` is how many series may be active (0: those of xscaler.plan),
    `classic` whether native histograms are out of the question.

    Raises UsageError for values without a collector, SetupError for an expression that only RE2 understands, and what
    `look` raises.
    """
    answer = helm.answered(inputs)
    case = case_of(inputs, answer.effective, Environment())
    release = Release.of(answer.text)
    if not case.settings.collector:
        raise UsageError("metrics.collector is none: no metrics are sent", "select a collector")
    basis = look(case, release, progress)
    environment = Environment(basis.mesh)

    def cost(asked: Inputs, answer: Answer) -> Estimate:
        return basis.estimate(case_of(asked, answer.effective, environment), Release.of(answer.text))

    def proposals(each: Iterable[tuple[Adjustment, ...]]) -> Iterator[Proposal]:
        for changes in each:
            progress(f"estimating {described(changes)}")
            # A combination that the chart refuses is none.
            with scratch.folder() as folder, contextlib.suppress(helm.ChartError):
                asked = _with(inputs, answer.effective.values, patch(changes), folder)
                yield Proposal(changes, cost(asked, helm.answered(asked)))

    native = () if classic or case.settings.metrics.histograms == NATIVE else (_NATIVE,)
    profiles = tuple(proposals(_profiles(case, basis, native)))
    cheapest = min(profiles, key=lambda item: item.cost.series).changes if profiles else native
    now = cost(inputs, answer)
    sizes = _without_sizes(case.settings.metrics.exclude_metrics)
    first = proposals([*([native] if native else []), (*native, sizes)])
    return Fit(
        seen=basis.seen,
        now=now,
        logs=plan.log_bytes(case, basis.seen.lines or 0),
        limit=limit or case.settings.xscaler.plan.active_series,
        proposals=_cheaper(now, (*first, *profiles, *proposals([(*cheapest, sizes)]))),
    )


def _profiles(case: Case, basis: Basis, before: tuple[Adjustment, ...]) -> Iterator[tuple[Adjustment, ...]]:
    """Yield the other profiles, the one that shows most first, each with the changes before it."""
    known, now = case.facts.profiles, case.settings.metrics.profile
    for name in sorted(known, key=lambda name: -known[name].rank):
        larger = known[name].rank >= known[now].rank
        if name != now and not (larger and basis.only_smaller):
            loses = f"what the profile {name} leaves out (docs/profiles.md)"
            yield (*before, Adjustment("metrics.profile", name, loses))


def _cheaper(now: Estimate, proposals: Iterable[Proposal]) -> tuple[Proposal, ...]:
    """Return the proposals that save more than those before them."""
    found: list[Proposal] = []
    for item in proposals:
        if item.cost.series < min([now.series, *(other.cost.series for other in found)]):
            found.append(item)
    return tuple(found)


def _without_sizes(excluded: tuple[str, ...]) -> Adjustment:
    """Return the change that drops sizes beside what the values exclude."""
    value = [*excluded, plan.SIZES]
    return Adjustment("metrics.excludeMetrics", value, "panels of request and response sizes are empty")


def patch(changes: Iterable[Adjustment]) -> dict[str, Any]:
    """Return the values that make changes."""
    found: dict[str, Any] = {}
    for change in changes:
        *blocks, name = change.key.split(".")
        block = found
        for each in blocks:
            block = block.setdefault(each, {})
        block[name] = change.value
    return found


def described(changes: Iterable[Adjustment]) -> str:
    """Return changes as one text."""
    values = ((change.key, change.value) for change in changes)
    return ", ".join(f"{key}: {value if isinstance(value, str) else json.dumps(value)}" for key, value in values)


def _with(inputs: Inputs, values: Mapping[str, Any], changed: Mapping[str, Any], folder: Path) -> Inputs:
    """Return what renders values with a patch, both in one file, because Helm reads files before every --set."""
    blocks = {name: {**values.get(name, {}), **block} for name, block in changed.items()}
    file = folder / "values.yaml"
    file.write_text(json.dumps({**values, **blocks}), encoding="utf-8")
    return dataclasses.replace(inputs, values=helm.ValuesArguments((str(file),)))
