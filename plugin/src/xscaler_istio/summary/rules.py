"""Relabelling rules in words. Each rule is said once: by the fact that knows its kind, or as it is written."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from xscaler_istio.relabeling import compiled
from xscaler_istio.summary.model import Fact, facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from xscaler_istio.relabeling import Rule

_PORT = "__tmp_port"
_SHARD = "__tmp_shard"
_THINNED = "__tmp_thinned"
_NAME = "__name__"

# Kubernetes' service discovery writes every character but letters and digits as an underscore.
_META = "__meta_kubernetes_"
_THINGS: Mapping[str, str] = {
    "namespace": "namespace",
    "pod_name": "pod",
    "pod_ip": "pod IP",
    "pod_phase": "phase",
    "pod_uid": "pod UID",
    "pod_container_name": "container",
    "pod_container_id": "container id",
}
_WRITTEN: Mapping[str, str] = {
    "xscaler_io_scrape": "xscaler.io/scrape",
    "xscaler_io_logs": "xscaler.io/logs",
    "prometheus_io_scrape": "prometheus.io/scrape",
    "prometheus_io_path": "prometheus.io/path",
    "prometheus_io_port": "prometheus.io/port",
    "status_sidecar_istio_io_port": "status.sidecar.istio.io/port",
    "app_kubernetes_io_component": "app.kubernetes.io/component",
    "app_kubernetes_io_instance": "app.kubernetes.io/instance",
    "app_kubernetes_io_name": "app.kubernetes.io/name",
    "eks_amazonaws_com_fargate_profile": "eks.amazonaws.com/fargate-profile",
}
_BACKSLASH = "\\"
# What a metrics rule says on these labels is how numbers are spelled.
_NUMBERS = ("le", "quantile")


def alternatives(regex: str) -> tuple[str, ...]:
    """Split a regular expression into its alternatives."""
    return _split(regex, "|")


def _split(regex: str, separator: str) -> tuple[str, ...]:
    """Split a regular expression where a character stands outside of groups, classes and escapes."""
    parts, depth, start, position = [], 0, 0, 0
    in_class = False
    while position < len(regex):
        character = regex[position]
        if character == "\\":
            position += 1
        elif in_class:
            in_class = character != "]"
        elif character == "[":
            in_class = True
        elif character in "()":
            depth += 1 if character == "(" else -1
        elif character == separator and not depth:
            parts.append(regex[start:position])
            start = position + 1
        position += 1
    return (*parts, regex[start:])


def named(label: str) -> str:
    """Call a label of service discovery by what it is."""
    if label == _PORT:
        return "port"
    if not label.startswith(_META):
        return label
    rest = label.removeprefix(_META)
    for kind in ("annotation", "label"):
        if rest.startswith(f"pod_{kind}_"):
            written = rest.removeprefix(f"pod_{kind}_")
            return f"{kind} {_WRITTEN.get(written, written)}"
    return _THINGS.get(rest, rest)


def condition(rule: Rule, *, holds: bool) -> str:
    """Say when a rule matches, or with `holds` false when it does not."""
    said = " or ".join(_conjunction(rule.source_labels, item) for item in _separable(rule))
    return said if holds else f"not: {said}" if " and " in said or " or " in said else _negated(said)


def _separable(rule: Rule) -> tuple[str, ...]:
    """Return alternatives that have a part for each label, or the expression as a whole."""
    parts = alternatives(rule.regex)
    if len(rule.source_labels) == 1 or not all(len(_split(part, ";")) == len(rule.source_labels) for part in parts):
        return (rule.regex,)
    return parts


def _conjunction(labels: Sequence[str], regex: str) -> str:
    parts = _split(regex, ";") if len(labels) > 1 else (regex,)
    if len(parts) != len(labels):
        return f"{' and '.join(map(named, labels))} match {regex}"
    said = [_single(named(label), part) for label, part in zip(labels, parts, strict=True) if part != ".*"]
    return " and ".join(said)


def _single(name: str, regex: str) -> str:
    if regex in (".+", "(.+)"):
        return f"{name} is set"
    group = re.fullmatch(r"\(([^()]*)\)", regex)
    choices = alternatives(group[1] if group else regex)
    # A dot in a name matches itself; a person means no more by it.
    if all(re.fullmatch(r"[\w./:-]+", choice) for choice in choices):
        return f"{name} is {' or '.join(choices)}"
    return f"{name} matches {regex}"


def _negated(said: str) -> str:
    for positive, negative in ((" is ", " is not "), (" matches ", " does not match ")):
        if positive in said:
            return said.replace(positive, negative, 1)
    return f"not: {said}"


def filled(rule: Rule) -> str:
    """Say what a rule writes: its replacement, with each reference named after its label where they correspond."""
    try:
        groups = compiled(rule.regex).groups
    except re.error:
        return rule.replacement
    if "$" not in rule.replacement or groups != len(rule.source_labels):
        return rule.replacement
    names = dict(enumerate(map(named, rule.source_labels), start=1))
    return re.sub(r"\$\{?(\d)\}?", lambda found: names.get(int(found[1]), found[0]), rule.replacement)


def as_written(rule: Rule) -> str:
    """Write a rule as one line in Prometheus' words, defaults left out."""
    values = ((field.name, getattr(rule, field.name), field.default) for field in dataclasses.fields(rule))
    return ", ".join(f"{name}: {_value(value)}" for name, value, default in values if value != default)


def _value(value: object) -> str:
    return f"[{', '.join(value)}]" if isinstance(value, tuple) else str(value)


# -- targets ------------------------------------------------------------------------------------------------------


def target_facts(rules: Sequence[Rule], path: str) -> tuple[Fact, ...]:
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


def _target_kind(rule: Rule) -> str:
    if _SHARD in (rule.target_label, *rule.source_labels):
        return "shard"
    if rule.action in ("keep", "drop"):
        return "choice"
    if rule.action != "replace":
        return "other"
    return {_PORT: "port", "__address__": "address"}.get(rule.target_label, "label")


def _port(rule: Rule) -> str:
    if "$" not in rule.replacement:
        return f"{rule.replacement}, if {condition(rule, holds=True)}" if rule.source_labels else rule.replacement
    *others, source = rule.source_labels
    conditions = [_single(named(label), part) for label, part in zip(others, _split(rule.regex, ";"), strict=False)]
    when = f", if {' and '.join(conditions)}" if conditions else ""
    return f"that of {named(source)}{when}"


def _label(rule: Rule) -> str:
    if not rule.source_labels:
        return f"{rule.target_label}={rule.replacement.replace('$$', '$')}"
    value = named(rule.source_labels[0]) if rule.replacement == "$1" and len(rule.source_labels) == 1 else filled(rule)
    return rule.target_label if value == rule.target_label else f"{rule.target_label} (the {value})"


# -- metrics ------------------------------------------------------------------------------------------------------


def metric_facts(rules: Sequence[Rule]) -> tuple[Fact, ...]:
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


def _metric_kind(rule: Rule) -> str:
    if _THINNED in (rule.target_label, *rule.source_labels):
        return "thin"
    if rule.source_labels == (_NAME,) and rule.action in ("keep", "drop"):
        return rule.action
    if rule.action != "replace":
        return "other"
    if rule.target_label in _NUMBERS and rule.source_labels == (rule.target_label,):
        return "number"
    return "empty" if not rule.replacement and rule.source_labels[:1] == (_NAME,) else "other"


def _thinned(rules: Sequence[Rule]) -> Iterator[str]:
    for rule in rules:
        metric, separator, le = rule.regex.partition(";")
        if separator and (found := re.match(r"\((.*)\)\(", le)):
            yield f"{metric}: le {', '.join(alternatives(found[1].replace(_BACKSLASH, '')))}"


def _emptied(rule: Rule) -> str:
    metric = rule.regex.split(";")[0]
    return f"{rule.target_label} of {metric}"
