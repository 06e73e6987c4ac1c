"""What a job keeps of the responses of a mesh: those that `test --local` generates, from Istio 1.9 to 1.31."""

from __future__ import annotations

import dataclasses
import functools
import re
from typing import TYPE_CHECKING

from xscaler_istio.mesh import topology
from xscaler_istio.mesh.model import Kind
from xscaler_istio.rendered.relabeling import relabel
from xscaler_istio.rendered.scraping import NATIVE
from xscaler_istio.rendered.words import PORT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from xscaler_istio.mesh.exposition import Page
    from xscaler_istio.rendered.relabeling import Labels, RelabelRule
    from xscaler_istio.rendered.scraping import Job

_JOBS: Mapping[Kind, str] = {Kind.ZTUNNEL: "ztunnel", Kind.ISTIOD: "istiod", Kind.CNI: "cni"}
_SERIES = re.compile(rb"^(\w+)(?:\{(.*)\})?$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_PART = re.compile(r"_(bucket|sum|count)$")


@dataclasses.dataclass(frozen=True)
class Kept:
    """Families of a sample mesh by what becomes of them; those kept in part say how many of their buckets stay."""

    kept: tuple[str, ...]
    dropped: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Selection:
    """What of a job decides about what it keeps: two jobs with equal ones keep the same."""

    name: str
    port: int
    path: str
    histograms: str
    rules: tuple[RelabelRule, ...]


def selection(job: Job) -> Selection:
    """Return a job's selection."""
    return Selection(name=job.name, port=_port(job), path=job.path, histograms=job.histograms, rules=job.metric_rules)


@functools.cache
def kept(selected: Selection) -> Kept:
    """Return what a job keeps; nothing for a job that no pod of the sample mesh belongs to.

    Raises re.error for an expression that is valid only in RE2.
    """
    series = _series(selected.name, selected.port, selected.path)
    histograms = {dict(item)["__name__"].removesuffix("_bucket") for item in series if "le" in dict(item)}
    # Of both forms the classic one has the buckets to count.
    native = histograms if selected.histograms == NATIVE else set()
    stays = {item for item in series if relabel(_converted(dict(item), native), selected.rules)}
    families: dict[str, list[frozenset[tuple[str, str]]]] = {}
    for item in series:
        families.setdefault(_family(dict(item)["__name__"], histograms), []).append(item)
    return Kept(
        tuple(_counted(name, members, stays) for name, members in sorted(families.items()) if stays & set(members)),
        tuple(name for name, members in sorted(families.items()) if not stays & set(members)),
    )


def _converted(labels: dict[str, str], native: set[str]) -> dict[str, str]:
    """Return the labels of the native histogram that a series becomes a part of, if its family is one of these."""
    base = _PART.sub("", labels["__name__"])
    if base not in native:
        return labels
    return {**{name: value for name, value in labels.items() if name != "le"}, "__name__": base}


def _family(name: str, histograms: set[str]) -> str:
    base = _PART.sub("", name)
    return base if base in histograms else name


def _counted(name: str, members: Iterable[frozenset[tuple[str, str]]], stays: set[frozenset[tuple[str, str]]]) -> str:
    bounds = {dict(item)["le"] for item in members if "le" in dict(item)}
    left = {dict(item)["le"] for item in members if "le" in dict(item) and item in stays}
    return name if bounds == left else f"{name} ({len(left)} of {len(bounds)} buckets)"


def _port(job: Job) -> int:
    """Return the port of a pod without annotations."""
    unconditional = [rule.replacement for rule in _port_rules(job) if not rule.source_labels]
    return int(unconditional[-1]) if unconditional else 0


def ports(job: Job) -> tuple[str, ...]:
    """Return the ports that a job's rules name; annotations of pods may name others."""
    return tuple(dict.fromkeys(rule.replacement for rule in _port_rules(job)))


def _port_rules(job: Job) -> tuple[RelabelRule, ...]:
    return tuple(rule for rule in job.target_rules if rule.target_label == PORT and rule.replacement.isdigit())


@functools.cache
def _series(job: str, port: int, path: str) -> frozenset[frozenset[tuple[str, str]]]:
    workloads = (
        workload
        for workload in topology.small()
        if workload.kind is not Kind.NON_MESH and _JOBS.get(workload.kind, "proxies") == job
    )
    pages = (topology.pages_of(workload).get((port, path)) for workload in workloads)
    return frozenset(frozenset(labels.items()) for page in pages if page for labels in _read(page))


def _read(page: Page) -> Iterable[Labels]:
    for line in page.lines:
        if found := _SERIES.match(line.prefix.rsplit(b"\n", 1)[-1]):
            yield {"__name__": found[1].decode(), **dict(_LABEL.findall((found[2] or b"").decode()))}
