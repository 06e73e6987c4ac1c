"""Jobs, and labels of their series, in words."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from xscaler_istio.rendered import documents
from xscaler_istio.rendered.relabeling import relabel
from xscaler_istio.rendered.scraping import CLASSIC, NATIVE, sent_as
from xscaler_istio.rendered.words import alternatives
from xscaler_istio.summary import sample
from xscaler_istio.summary.model import Fact, Section, Subject, facts
from xscaler_istio.summary.rules import (
    as_written,
    choice,
    expressions,
    label,
    metric_facts,
    of_metrics,
    of_targets,
    target_facts,
    thinned,
)
from xscaler_istio.summary.short import by_owner

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from xscaler_istio.rendered.relabeling import RelabelRule
    from xscaler_istio.rendered.scraping import Job, Scraping
    from xscaler_istio.summary.sample import Selection
    from xscaler_istio.values.settings import Settings


_NAMESPACE = "__meta_kubernetes_namespace"

# What becomes of the responses of a sample mesh.
KEPT, DROPPED = "kept (sample mesh)", "dropped (sample mesh)"


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
    return SeriesFacts(families, settings.xscaler.limits.labels_per_series)


def jobs_section(jobs: tuple[Job, ...], known: Collection[Selection] = ()) -> Section:
    """Say for each job which targets it finds and what it keeps of them, but for selections that are `known`."""
    return Section("jobs", tuple(Subject(job.name, _job_facts(job, known)) for job in jobs))


def histograms_section(scraping: tuple[Scraping, ...]) -> Section:
    """Say in which form histograms are sent, if not only as series of buckets."""
    return Section("histograms", tuple(Subject("", facts(sent=_form(one))) for one in scraping[:1] if _form(one)))


def _form(scraping: Scraping) -> str:
    """Return in words how native histograms are sent; nothing for classic ones."""
    if scraping.histograms == CLASSIC:
        return ""
    how = "by remote write 2.0" if scraping.carries_native else "but the remote write drops them"
    also = "" if scraping.histograms == NATIVE else ", and as classic ones too"
    return f"native, a series for each histogram, {how}{also}"


def overview_section(scraping: tuple[Scraping, ...], collector: str, shards: int, profile: str) -> Section:
    """Say in a line for each job what it scrapes and keeps, and in one for all jobs what is added and left out."""
    jobs = tuple(job for first in scraping[:1] for job in first.jobs)
    if not jobs:
        return Section("metrics", ())
    targets = {job.name: of_targets(job.target_rules) for job in jobs}
    series = {job.name: of_metrics(job.metric_rules) for job in jobs}
    return Section(
        "metrics",
        (
            Subject(
                "",
                (
                    *facts(
                        collector=f"{collector}, {_count(shards, 'shard')}, profile {profile}",
                        histograms=_form(scraping[0]),
                    ),
                    *(Fact(job.name, (_in_a_line(job),)) for job in jobs),
                    *facts(
                        namespaces=by_owner({job.name: _namespaces(job) for job in jobs}),
                        # Conditions of one kind of targets are what the kind's name says.
                        only_where=by_owner(
                            {name: map(choice, of.get("choice", ())) for name, of in targets.items()},
                            least=min(2, len(jobs)),
                        ),
                        limits=by_owner({job.name: _limits(job) for job in jobs}),
                        labels_added=by_owner({name: map(label, of.get("label", ())) for name, of in targets.items()}),
                        labels_emptied=by_owner({name: _emptied(of.get("empty", ())) for name, of in series.items()}),
                        dropped=by_owner({name: expressions(of.get("drop", ())) for name, of in series.items()}),
                        dropped_buckets=by_owner({name: thinned(of.get("thin", ())) for name, of in series.items()}),
                        further_rules=by_owner(
                            {
                                name: map(as_written, (*targets[name].get("other", ()), *of.get("other", ())))
                                for name, of in series.items()
                            }
                        ),
                    ),
                ),
            ),
        ),
    )


def _in_a_line(job: Job) -> str:
    found = _sample(job)
    count = len(found.kept) if found else 0
    keeping = expressions(of_metrics(job.metric_rules).get("keep", ()))
    kept = f"keeps what matches {_count(len(keeping), 'expression')}" if keeping else "keeps all metrics"
    if found and (found.kept or found.dropped):
        kept = f"keeps {count} of the {count + len(found.dropped)} metrics of a sample mesh"
    ports = " or ".join(sample.ports(job))
    return f"every {job.interval} from {f'port {ports}' if ports else 'the address found'}, {job.path}; {kept}"


def _namespaces(job: Job) -> tuple[str, ...]:
    """Return the namespaces that a job discovers, that its rules keep, and, after `not`, that its rules drop."""
    rules = of_targets(job.target_rules).get("choice", ())
    chosen = [rule for rule in rules if rule.source_labels == (_NAMESPACE,)]
    names = (f"{'' if rule.action == 'keep' else 'not '}{item}" for rule in chosen for item in alternatives(rule.regex))
    return (*job.namespaces, *names)


def _limits(job: Job) -> tuple[str, ...]:
    samples = (f"{job.sample_limit} samples",) if job.sample_limit else ()
    return (*samples, f"{job.body_size_limit} a response") if job.body_size_limit else samples


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _emptied(rules: Sequence[RelabelRule]) -> tuple[str, ...]:
    return tuple(rule.target_label for rule in rules)


def _job_facts(job: Job, known: Collection[Selection]) -> tuple[Fact, ...]:
    return (
        *facts(namespaces=job.namespaces),
        *target_facts(job.target_rules, job.path),
        *facts(
            every=f"{job.interval}, timeout {job.timeout}",
            sample_limit=str(job.sample_limit or ""),
            body_size_limit=job.body_size_limit,
        ),
        *_sample_facts(job, known),
        *metric_facts(job.metric_rules),
    )


def _sample_facts(job: Job, known: Collection[Selection]) -> tuple[Fact, ...]:
    """Say what is kept of the responses of a sample mesh, which is what the expressions below come to."""
    found = None if sample.selection(job) in known else _sample(job)
    said = (Fact(KEPT, found.kept), Fact(DROPPED, found.dropped)) if found else ()
    return tuple(fact for fact in said if fact.values)


def _sample(job: Job) -> sample.Kept | None:
    try:
        return sample.kept(sample.selection(job))
    except re.error:
        return None


def labels_section(jobs: tuple[Job, ...], series: SeriesFacts, histograms: str) -> Section:
    """Say how many labels the series of each family have, the name counted, and which; `histograms` is their form."""
    found = ((job, series.families.get(job.name, {})) for job in jobs)
    subjects = (Subject(job.name, _label_facts(job, families, series.limit, histograms)) for job, families in found)
    return Section("labels of a series", tuple(subject for subject in subjects if subject.facts))


def _label_facts(job: Job, families: Mapping[str, tuple[str, ...]], limit: int, histograms: str) -> tuple[Fact, ...]:
    counted = {family: _counted(job, family, labels, limit, histograms) for family, labels in families.items()}
    return tuple(Fact(sent_as(family, histograms), (count,)) for family, count in counted.items() if count)


def _counted(job: Job, family: str, labels: tuple[str, ...], limit: int, histograms: str) -> str:
    """Return how many labels are left of a series in the worst case, or nothing where the job drops it."""
    added = (rule.target_label for rule in job.target_rules if rule.action == "replace")
    names = dict.fromkeys((*labels, *(name for name in added if not name.startswith("__"))))
    # Rules see a histogram in another form than it is sent in, where the collector converts it after them.
    buckets = "le" in names and job.histograms != NATIVE
    series = {**dict.fromkeys(names, "x"), "__name__": sent_as(family, job.histograms)}
    series = {name: value for name, value in series.items() if name != "le"} | ({"le": "+Inf"} if buckets else {})
    try:
        left = relabel(series, job.metric_rules)
    except re.error:
        return "not counted: a rule has an expression that only RE2 understands"
    gone = {"le"} if histograms == NATIVE else set()
    return f"{sum(not name.startswith('__tmp') for name in left.keys() - gone)} of {limit} labels" if left else ""
