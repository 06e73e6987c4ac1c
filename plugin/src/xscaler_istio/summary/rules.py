"""Relabelling rules in words. Each rule is said once: by the fact that knows its kind, or as it is written."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from xscaler_istio.rendered.relabeling import compiled
from xscaler_istio.rendered.words import PORT, alternatives, condition, named, single, split
from xscaler_istio.summary.model import Fact, facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from xscaler_istio.rendered.relabeling import RelabelRule

_SHARD = "__tmp_shard"
_THINNED = "__tmp_thinned"
_NAME = "__name__"

_BACKSLASH = "\\"
# What a metrics rule says on these labels is how numbers are spelled.
_NUMBERS = ("le", "quantile")


def filled(rule: RelabelRule) -> str:
    """Say what a rule writes: its replacement, with each reference named after its label where they correspond."""
    try:
        groups = compiled(rule.regex).groups
    except re.error:
        return rule.replacement
    if "$" not in rule.replacement or groups != len(rule.source_labels):
        return rule.replacement
    names = dict(enumerate(map(named, rule.source_labels), start=1))
    return re.sub(r"\$\{?(\d)\}?", lambda found: names.get(int(found[1]), found[0]), rule.replacement)


def as_written(rule: RelabelRule) -> str:
    """Write a rule as one line in Prometheus' words, defaults left out."""
    values = ((field.name, getattr(rule, field.name), field.default) for field in dataclasses.fields(rule))
    return ", ".join(f"{name}: {_value(value)}" for name, value, default in values if value != default)


def _value(value: object) -> str:
    return f"[{', '.join(value)}]" if isinstance(value, tuple) else str(value)


# -- targets ------------------------------------------------------------------------------------------------------


def target_facts(rules: Sequence[RelabelRule], path: str) -> tuple[Fact, ...]:
    """Say how targets are found and what they are called, from the rules that work on what was discovered."""
    kinds = [(_target_kind(rule), rule) for rule in rules]
    of = {kind: tuple(rule for found, rule in kinds if found == kind) for kind in {kind for kind, _ in kinds}}
    return facts(
        targets=tuple(condition(rule, holds=rule.action == "keep") for rule in of.get("choice", ())),
        port=tuple(_port(rule) for rule in of.get("port", ())),
        address=tuple(f"{filled(rule)}{path}" for rule in of.get("address", ())),
        shared=tuple(f"among {rule.modulus} collectors, by address" for rule in of.get("shard", ()) if rule.modulus),
        labels=tuple(_label(rule) for rule in of.get("label", ())),
        further_rules=tuple(as_written(rule) for rule in of.get("other", ())),
    )


def _target_kind(rule: RelabelRule) -> str:
    if _SHARD in (rule.target_label, *rule.source_labels):
        return "shard"
    if rule.action in ("keep", "drop"):
        return "choice"
    if rule.action != "replace":
        return "other"
    return {PORT: "port", "__address__": "address"}.get(rule.target_label, "label")


def _port(rule: RelabelRule) -> str:
    if "$" not in rule.replacement:
        return f"{rule.replacement}, if {condition(rule, holds=True)}" if rule.source_labels else rule.replacement
    *others, source = rule.source_labels
    conditions = [single(named(label), part) for label, part in zip(others, split(rule.regex, ";"), strict=False)]
    when = f", if {' and '.join(conditions)}" if conditions else ""
    return f"that of {named(source)}{when}"


def _label(rule: RelabelRule) -> str:
    if not rule.source_labels:
        return f"{rule.target_label}={rule.replacement.replace('$$', '$')}"
    value = named(rule.source_labels[0]) if rule.replacement == "$1" and len(rule.source_labels) == 1 else filled(rule)
    return rule.target_label if value == rule.target_label else f"{rule.target_label} (the {value})"


# -- metrics ------------------------------------------------------------------------------------------------------


def metric_facts(rules: Sequence[RelabelRule]) -> tuple[Fact, ...]:
    """Say what is kept and dropped of what was scraped."""
    kinds = [(_metric_kind(rule), rule) for rule in rules]
    of = {kind: tuple(rule for found, rule in kinds if found == kind) for kind in {kind for kind, _ in kinds}}
    return facts(
        keep_expressions=tuple(item for rule in of.get("keep", ()) for item in alternatives(rule.regex)),
        drop_expressions=tuple(item for rule in of.get("drop", ()) for item in alternatives(rule.regex)),
        buckets=tuple(_thinned(of.get("thin", ()))),
        emptied_labels=tuple(_emptied(rule) for rule in of.get("empty", ())),
        numbers="le and quantile without exponent and trailing zeros" if "number" in of else "",
        further_rules=tuple(as_written(rule) for rule in of.get("other", ())),
    )


def _metric_kind(rule: RelabelRule) -> str:
    if _THINNED in (rule.target_label, *rule.source_labels):
        return "thin"
    if rule.source_labels == (_NAME,) and rule.action in ("keep", "drop"):
        return rule.action
    if rule.action != "replace":
        return "other"
    if rule.target_label in _NUMBERS and rule.source_labels == (rule.target_label,):
        return "number"
    return "empty" if not rule.replacement and rule.source_labels[:1] == (_NAME,) else "other"


def _thinned(rules: Sequence[RelabelRule]) -> Iterator[str]:
    for rule in rules:
        metric, separator, le = rule.regex.partition(";")
        if separator and (found := re.match(r"\((.*)\)\(", le)):
            yield f"{metric}: le {', '.join(alternatives(found[1].replace(_BACKSLASH, '')))}"


def _emptied(rule: RelabelRule) -> str:
    metric = rule.regex.split(";")[0]
    return f"{rule.target_label} of {metric}"
