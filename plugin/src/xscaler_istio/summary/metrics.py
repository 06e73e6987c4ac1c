"""Jobs, and labels of their series, in words."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from xscaler_istio.rendered import documents
from xscaler_istio.rendered.relabeling import relabel
from xscaler_istio.summary import sample
from xscaler_istio.summary.model import Fact, Section, Subject, facts
from xscaler_istio.summary.rules import metric_facts, target_facts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from xscaler_istio.rendered.scraping import Job
    from xscaler_istio.summary.sample import Selection
    from xscaler_istio.values.settings import Settings


# What becomes of the pages of a sample mesh.
KEPT, DROPPED = "kept (sample)", "dropped (sample)"


@dataclasses.dataclass(frozen=True)
class SeriesFacts:
    """The labels of Istio's metrics by job and family, before relabelling, and how many labels a series may have."""

    families: Mapping[str, Mapping[str, tuple[str, ...]]]
    limit: int


def series_facts(chart: Path, settings: Settings) -> SeriesFacts:
    """Read the chart's files/labels.yaml; a chart without it has no families."""
    file = chart / "files" / "labels.yaml"
    if not file.is_file():
        return SeriesFacts({}, 0)
    loaded = documents.load(file.read_text(encoding="utf-8"))
    families = {
        job: {
            family: (
                *(label for group in groups for label in loaded["groups"][group]),
                *(settings.istio.custom_tags if job in loaded["customTags"] else ()),
            )
            for family, groups in of_job.items()
        }
        for job, of_job in loaded["families"].items()
    }
    return SeriesFacts(families, settings.limits.labels_per_series)


def jobs_section(jobs: tuple[Job, ...], known: Collection[Selection] = ()) -> Section:
    """Say for each job which targets it finds and what it keeps of them, but for selections that are `known`."""
    return Section("jobs", tuple(Subject(job.name, _job_facts(job, known)) for job in jobs))


def _job_facts(job: Job, known: Collection[Selection]) -> tuple[Fact, ...]:
    return (
        *facts(namespaces=job.namespaces),
        *target_facts(job.target_rules, job.path),
        *facts(
            every=f"{job.interval}, at most {job.timeout} long",
            sample_limit=str(job.sample_limit or ""),
            body_size_limit=job.body_size_limit,
        ),
        *_sample_facts(job, known),
        *metric_facts(job.metric_rules),
    )


def _sample_facts(job: Job, known: Collection[Selection]) -> tuple[Fact, ...]:
    """Say what is kept of the pages of a sample mesh, which is what the expressions below come to."""
    selected = sample.selection(job)
    if selected in known:
        return ()
    try:
        found = sample.kept(selected)
    except re.error:
        return ()
    return tuple(fact for fact in (Fact(KEPT, found.kept), Fact(DROPPED, found.dropped)) if fact.values)


def labels_section(jobs: tuple[Job, ...], series: SeriesFacts) -> Section:
    """Say how many labels the series of each family have, the name counted, and which."""
    found = ((job, series.families.get(job.name, {})) for job in jobs)
    subjects = (Subject(job.name, _label_facts(job, families, series.limit)) for job, families in found)
    return Section("labels of a series", tuple(subject for subject in subjects if subject.facts))


def _label_facts(job: Job, families: Mapping[str, tuple[str, ...]], limit: int) -> tuple[Fact, ...]:
    counted = ((family, _counted(job, family, labels, limit)) for family, labels in families.items())
    return tuple(Fact(family, (count,)) for family, count in counted if count)


def _counted(job: Job, family: str, labels: tuple[str, ...], limit: int) -> str:
    """Return how many labels are left of a series in the worst case, or nothing where the job drops it."""
    added = (rule.target_label for rule in job.target_rules if rule.action == "replace")
    names = dict.fromkeys((*labels, *(name for name in added if not name.startswith("__"))))
    series = {**dict.fromkeys(names, "x"), "__name__": family, **({"le": "+Inf"} if "le" in names else {})}
    try:
        left = relabel(series, job.metric_rules)
    except re.error:
        return "not counted: a rule has an expression that only RE2 understands"
    return f"{sum(not name.startswith('__tmp') for name in left)} of {limit} labels" if left else ""
