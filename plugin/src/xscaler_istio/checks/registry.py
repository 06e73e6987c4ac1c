"""The rules: an id, a severity, and a docstring that is their documentation. Checks register themselves here."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from xscaler_istio.findings.rules import document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from xscaler_istio.checks.case import Case
    from xscaler_istio.checks.examination import Examination
    from xscaler_istio.findings.findings import Severity
    from xscaler_istio.rendered.manifests import Manifest


@dataclasses.dataclass(frozen=True)
class Issue:
    """A problem that a check found with one key, one rendered object, or a `place` in a cluster."""

    path: str
    message: str
    fix: str
    place: str = ""


@dataclasses.dataclass(frozen=True)
class ClusterCheck:
    """A check of a cluster, and what it needs: parts of the inventory, values, probes."""

    judge: Callable[[Examination], Iterator[Issue]]
    needs: tuple[str, ...]


VALUE_CHECKS: dict[str, Callable[[Case], Iterator[Issue]]] = {}
OBJECT_CHECKS: dict[str, Callable[[Manifest], Iterator[Issue]]] = {}
CLUSTER_CHECKS: dict[str, ClusterCheck] = {}


def check(
    rule: str, severity: Severity
) -> Callable[[Callable[[Case], Iterator[Issue]]], Callable[[Case], Iterator[Issue]]]:
    """Register a check of the effective values; its docstring documents the rule."""

    def register(judge: Callable[[Case], Iterator[Issue]]) -> Callable[[Case], Iterator[Issue]]:
        document(rule, severity, judge.__doc__ or "")
        VALUE_CHECKS[rule] = judge
        return judge

    return register


def check_object(
    rule: str, severity: Severity
) -> Callable[[Callable[[Manifest], Iterator[Issue]]], Callable[[Manifest], Iterator[Issue]]]:
    """Register a check of one rendered object; its docstring documents the rule."""

    def register(judge: Callable[[Manifest], Iterator[Issue]]) -> Callable[[Manifest], Iterator[Issue]]:
        document(rule, severity, judge.__doc__ or "")
        OBJECT_CHECKS[rule] = judge
        return judge

    return register


def check_cluster(
    rule: str, severity: Severity, *needs: str
) -> Callable[[Callable[[Examination], Iterator[Issue]]], Callable[[Examination], Iterator[Issue]]]:
    """Register a check of a cluster; it is skipped while one of its `needs` is unknown."""

    def register(judge: Callable[[Examination], Iterator[Issue]]) -> Callable[[Examination], Iterator[Issue]]:
        document(rule, severity, judge.__doc__ or "")
        CLUSTER_CHECKS[rule] = ClusterCheck(judge, needs)
        return judge

    return register
