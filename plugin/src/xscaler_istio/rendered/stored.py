"""Series that a backend has stored, counted by name, and how many of them the rules of a release keep."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from xscaler_istio.rendered.relabeling import relabel
from xscaler_istio.rendered.responses import base_name
from xscaler_istio.rendered.scraping import CLASSIC, NATIVE, is_of_a_scrape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from xscaler_istio.rendered.relabeling import RelabelRule
    from xscaler_istio.rendered.scraping import Job

# The label by which targets of jobs differ (`files/jobs`), and the labels that rules of a name read.
TARGET_LABEL = "app"
_OF_A_NAME = frozenset({"__name__", "le"})


@dataclasses.dataclass(frozen=True)
class SeriesCount:
    """How many series have a name, and where they have one this `le` and this `app`."""

    name: str
    le: str
    app: str
    series: int


def classic_histograms(stored: Iterable[SeriesCount]) -> frozenset[str]:
    """Return the names of the histograms that are stored as classic ones."""
    return frozenset(base_name(item.name) for item in stored if item.le and item.name.endswith("_bucket"))


def kept(
    stored: Sequence[SeriesCount], jobs: Iterable[Job], label: str, form: str
) -> tuple[tuple[Job, SeriesCount], ...]:
    """Return what jobs with this label `job` keep of stored series, in a form of histograms, each with its job.

    Rules that read other labels than a series' name and `le` count as applied: they were, before it was stored. What
    no job keeps is left out. Native histograms do not become classic ones.

    Raises re.error for an expression that only RE2 understands.
    """
    ours = {job.name: job for job in jobs if _constant(job, "job") == label}
    of_app = {name: _constant(job, TARGET_LABEL) for name, job in ours.items()}
    known = classic_histograms(stored)
    found: list[tuple[Job, SeriesCount]] = []
    for item in stored:
        candidates = [job for name, job in ours.items() if of_app[name] == item.app] or list(ours.values())
        if is_of_a_scrape(item.name):
            found += [(job, item) for job in candidates[:1]]
            continue
        each = ((job, tuple(_sent(item, job, known, form))) for job in candidates)
        found += next(([(job, one) for one in series] for job, series in each if series), [])
    return tuple(found)


def _sent(item: SeriesCount, job: Job, classic: frozenset[str], form: str) -> Iterator[SeriesCount]:
    """Yield what a job sends of series, in whichever form its rules see histograms."""
    rules = [rule for rule in job.metric_rules if _of_a_name(rule)]
    for one in _in_form(item, classic, job.histograms):
        if relabel({"__name__": one.name, "le": one.le}, rules) is not None:
            yield from _in_form(one, classic, form) if job.histograms == CLASSIC else (one,)


def _of_a_name(rule: RelabelRule) -> bool:
    return rule.action in ("keep", "drop") and bool(rule.source_labels) and {*rule.source_labels} <= _OF_A_NAME


def _in_form(item: SeriesCount, classic: frozenset[str], form: str) -> Iterator[SeriesCount]:
    """Yield series in a form of histograms: a native one is counted as the `_count` of the classic one."""
    # Stored in both forms: the classic one becomes it again.
    if item.name in classic:
        return
    base = base_name(item.name)
    if base not in classic:
        yield item
        return
    if form != NATIVE:
        yield item
    if form != CLASSIC and item.name.endswith("_count"):
        yield dataclasses.replace(item, name=base)


def _constant(job: Job, name: str) -> str:
    """Return the value that a job gives to a label of all its targets."""
    values = [rule.replacement for rule in job.target_rules if rule.target_label == name and not rule.source_labels]
    return "".join(values[-1:])
