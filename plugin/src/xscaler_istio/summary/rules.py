"""Relabelling rules in words. Each rule has one sentence: by the fact that knows its kind, or as it is written."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from xscaler_istio.rendered.relabeling import compiled
from xscaler_istio.rendered.words import PORT, alternatives, condition, named, single, split
from xscaler_istio.summary.model import Fact, facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from xscaler_istio.rendered.relabeling import RelabelRule

_SHARD = "__tmp_shard"
_NAME = "__name__"

_BACKSLASH = "\\"
# What a metrics rule says on these labels is how numbers are spelled.
_NUMBERS = ("le", "quantile")
# The rule that drops buckets of a metric: its name, and the bounds.
_BUCKETS = re.compile(r"(?P<metric>[^;]+);\((?P<bounds>[^()]+)\)\(\\\.0\)\?")


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
    of = of_targets(rules)
    return facts(
        targets=tuple(map(choice, of.get("choice", ()))),
        port=tuple(_overriding(map(_port, of.get("port", ())))),
        address=tuple(f"{filled(rule)}{path}" for rule in of.get("address", ())),
        shared=tuple(f"among {rule.modulus} collectors, by address" for rule in of.get("shard", ()) if rule.modulus),
        labels=tuple(label(rule) for rule in of.get("label", ())),
        further_rules=tuple(as_written(rule) for rule in of.get("other", ())),
    )


def of_targets(rules: Sequence[RelabelRule]) -> Mapping[str, tuple[RelabelRule, ...]]:
    """Return rules by kind: choice, port, address, shard, label, other."""
    return _by_kind(rules, _target_kind)


def _by_kind(
    rules: Sequence[RelabelRule], kind_of: Callable[[RelabelRule], str]
) -> Mapping[str, tuple[RelabelRule, ...]]:
    kinds: dict[str, tuple[RelabelRule, ...]] = {}
    for rule in rules:
        kind = kind_of(rule)
        kinds[kind] = (*kinds.get(kind, ()), rule)
    return kinds


def choice(rule: RelabelRule) -> str:
    """Say under which condition a rule that keeps or drops lets a target pass."""
    return condition(rule, holds=rule.action == "keep")


def _target_kind(rule: RelabelRule) -> str:
    if _SHARD in (rule.target_label, *rule.source_labels):
        return "shard"
    if rule.action in ("keep", "drop"):
        return "choice"
    if rule.action != "replace":
        return "other"
    return {PORT: "port", "__address__": "address"}.get(rule.target_label, "label")


def _overriding(texts: Iterable[str]) -> Iterator[str]:
    """Yield what rules set one after another, the last of which that applies wins."""
    for number, text in enumerate(texts):
        yield f"instead {text}" if number else text


def _port(rule: RelabelRule) -> str:
    if "$" not in rule.replacement or not rule.source_labels:
        return f"{rule.replacement}, if {condition(rule, holds=True)}" if rule.source_labels else rule.replacement
    *others, source = rule.source_labels
    conditions = [single(named(label), part) for label, part in zip(others, split(rule.regex, ";"), strict=False)]
    when = f", if {' and '.join(conditions)}" if conditions else ""
    return f"that of {named(source)}{when}"


def label(rule: RelabelRule) -> str:
    """Name the label that a rule sets, and its value or where that comes from."""
    if not rule.source_labels:
        return f"{rule.target_label}={rule.replacement.replace('$$', '$')}"
    value = named(rule.source_labels[0]) if rule.replacement == "$1" and len(rule.source_labels) == 1 else filled(rule)
    return rule.target_label if value == rule.target_label else f"{rule.target_label} (the {value})"


# -- metrics ------------------------------------------------------------------------------------------------------


def metric_facts(rules: Sequence[RelabelRule]) -> tuple[Fact, ...]:
    """Say what is kept and dropped of what was scraped."""
    of = of_metrics(rules)
    return facts(
        keep_expressions=expressions(of.get("keep", ())),
        drop_expressions=expressions(of.get("drop", ())),
        dropped_buckets=tuple(thinned(of.get("thin", ()))),
        emptied_labels=tuple(_emptied(rule) for rule in of.get("empty", ())),
        numbers="le and quantile written without exponent or trailing zeros" if "number" in of else "",
        further_rules=tuple(as_written(rule) for rule in of.get("other", ())),
    )


def of_metrics(rules: Sequence[RelabelRule]) -> Mapping[str, tuple[RelabelRule, ...]]:
    """Return rules by kind: keep, drop, thin, empty, number, other."""
    return _by_kind(rules, _metric_kind)


def expressions(rules: Sequence[RelabelRule]) -> tuple[str, ...]:
    """Return the alternatives of all rules."""
    return tuple(item for rule in rules for item in alternatives(rule.regex))


def _metric_kind(rule: RelabelRule) -> str:
    if rule.action == "drop" and rule.source_labels == (_NAME, "le") and _BUCKETS.fullmatch(rule.regex):
        return "thin"
    if rule.source_labels == (_NAME,) and rule.action in ("keep", "drop"):
        return rule.action
    if rule.action != "replace":
        return "other"
    if rule.target_label in _NUMBERS and rule.source_labels == (rule.target_label,):
        return "number"
    return "empty" if not rule.replacement and rule.source_labels[:1] == (_NAME,) else "other"


def thinned(rules: Sequence[RelabelRule]) -> Iterator[str]:
    """Say which buckets are dropped, each bound in one spelling."""
    for rule in rules:
        if found := _BUCKETS.fullmatch(rule.regex):
            bounds = alternatives(found["bounds"].replace(_BACKSLASH, ""))
            yield f"{found['metric']}: le {', '.join(bound for bound in bounds if 'e' not in bound)}"


def _emptied(rule: RelabelRule) -> str:
    metric = rule.regex.split(";")[0]
    return f"{rule.target_label} of {metric}"
