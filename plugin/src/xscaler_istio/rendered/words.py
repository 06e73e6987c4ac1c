"""Conditions of relabelling rules, in words."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xscaler_istio.rendered.relabeling import RelabelRule


PORT = "__tmp_port"


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


def alternatives(regex: str) -> tuple[str, ...]:
    """Split a regular expression into its alternatives."""
    return split(regex, "|")


def split(regex: str, separator: str) -> tuple[str, ...]:
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
    """Return the common name of a label of service discovery."""
    if label == PORT:
        return "port"
    if not label.startswith(_META):
        return label
    rest = label.removeprefix(_META)
    for kind in ("annotation", "label"):
        if rest.startswith(f"pod_{kind}_"):
            written = rest.removeprefix(f"pod_{kind}_")
            return f"{kind} {_WRITTEN.get(written, written)}"
    return _THINGS.get(rest, rest)


@dataclasses.dataclass(frozen=True)
class _Clause:
    """A statement that something matches an expression. `verbs` affirm and deny; `choices`: `rest` names several."""

    subject: str
    verbs: tuple[str, str]
    rest: str
    choices: bool = False

    def sentence(self, *, holds: bool = True) -> str:
        return f"{self.subject} {self.verbs[0 if holds else 1]} {self.rest}"


_IS, _MATCHES, _MATCH = ("is", "is not"), ("matches", "does not match"), ("match", "do not match")


def condition(rule: RelabelRule, *, holds: bool) -> str:
    """Return the condition under which a rule matches, or does not match if `holds` is false."""
    clauses = [_clauses(rule.source_labels, item) for item in _separable(rule)]
    if not holds and len(clauses) == len(clauses[0]) == 1 and not clauses[0][0].choices:
        return clauses[0][0].sentence(holds=False)
    joined = " or ".join(" and ".join(clause.sentence() for clause in together) for together in clauses)
    return joined if holds else f"not: {joined}"


def _separable(rule: RelabelRule) -> tuple[str, ...]:
    """Return alternatives that have a part for each label, or the expression as a whole."""
    parts = alternatives(rule.regex)
    if len(rule.source_labels) == 1 or not all(len(split(part, ";")) == len(rule.source_labels) for part in parts):
        return (rule.regex,)
    return parts


def _clauses(labels: Sequence[str], regex: str) -> tuple[_Clause, ...]:
    """Return the statements about the labels, all of which must hold."""
    parts = split(regex, ";") if len(labels) > 1 else (regex,)
    if len(parts) != len(labels):
        return (_Clause(" and ".join(map(named, labels)), _MATCH, regex),)
    return tuple(_clause(named(label), part) for label, part in zip(labels, parts, strict=True) if part != ".*")


def single(name: str, regex: str) -> str:
    """Return a statement that something matches an expression."""
    return _clause(name, regex).sentence()


def _clause(name: str, regex: str) -> _Clause:
    if regex in (".+", "(.+)"):
        return _Clause(name, _IS, "set")
    group = re.fullmatch(r"\(([^()]*)\)", regex)
    choices = alternatives(group[1] if group else regex)
    # A dot in a name is meant literally.
    if all(re.fullmatch(r"[\w./:-]+", choice) for choice in choices):
        return _Clause(name, _IS, " or ".join(choices), choices=len(choices) > 1)
    return _Clause(name, _MATCHES, regex)
