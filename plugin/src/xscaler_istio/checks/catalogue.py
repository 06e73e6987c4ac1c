"""All rules, and the functions that apply them. Importing a family registers its checks; this module imports all."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from xscaler_istio.checks import (  # noqa: F401
    contract,
    cost,
    destination,
    endpoints,
    histograms,
    images,
    installation,
    labels,
    logs,
    mesh,
    neighbours,
    plan,
    reported,
    responses,
    selection,
    sizing,
    telemetry,
    unused,
)
from xscaler_istio.checks.registry import CLUSTER_CHECKS, OBJECT_CHECKS, VALUE_CHECKS, Issue
from xscaler_istio.findings.findings import Skipped
from xscaler_istio.findings.rules import RULES, Rule
from xscaler_istio.system.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xscaler_istio.checks.case import Case
    from xscaler_istio.checks.examination import Examination
    from xscaler_istio.rendered.manifests import Manifest


def of_values(case: Case) -> Iterator[tuple[Rule, Issue]]:
    """Apply every rule to a release's values."""
    for name, judge in sorted(VALUE_CHECKS.items()):
        yield from ((RULES[name], issue) for issue in judge(case))


def of_object(manifest: Manifest) -> Iterator[tuple[Rule, Issue]]:
    """Apply every rule to a rendered object."""
    for name, judge in sorted(OBJECT_CHECKS.items()):
        yield from ((RULES[name], issue) for issue in judge(manifest))


def of_cluster(examined: Examination) -> Iterator[tuple[Rule, Issue | Skipped]]:
    """Apply every rule to a cluster, or give the reason why a rule cannot be checked."""
    for name, check in sorted(CLUSTER_CHECKS.items()):
        missing = next(filter(None, map(examined.missing, check.needs)), "")
        if missing:
            yield RULES[name], Skipped(missing)
        else:
            yield from ((RULES[name], issue) for issue in check.judge(examined))


def rules() -> tuple[Rule, ...]:
    """Return all rules in the order of their ids."""
    return tuple(RULES[name] for name in sorted(RULES))


def rule(name: str) -> Rule:
    """Return a rule by its id in any case; raise UsageError with the nearest id for an unknown one."""
    if found := RULES.get(name.upper()):
        return found
    close = difflib.get_close_matches(name.upper(), RULES, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]}? " if close else ""
    raise UsageError(f"unknown rule {name}", f"{hint}`helm xscaler rules` lists all rules")
