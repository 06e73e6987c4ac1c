"""Prometheus' relabelling for tests, written from its documentation: actions keep, drop and replace."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def relabel(labels: Mapping[str, str], rules: Iterable[Mapping[str, Any]]) -> dict[str, str] | None:
    """Return the labels after all rules, or None where a rule drops them. An empty value removes a label."""
    result = {name: value for name, value in labels.items() if value}
    for rule in rules:
        changed = _ACTIONS[rule.get("action", "replace")](result, rule)
        if changed is None:
            return None
        result = changed
    return result


def _match(labels: Mapping[str, str], rule: Mapping[str, Any]) -> re.Match[str] | None:
    source = ";".join(labels.get(name, "") for name in rule.get("source_labels", []))
    return re.fullmatch(rule.get("regex", "(.*)"), source, re.DOTALL)


def _keep(labels: dict[str, str], rule: Mapping[str, Any]) -> dict[str, str] | None:
    return labels if _match(labels, rule) else None


def _drop(labels: dict[str, str], rule: Mapping[str, Any]) -> dict[str, str] | None:
    return None if _match(labels, rule) else labels


def _replace(labels: dict[str, str], rule: Mapping[str, Any]) -> dict[str, str]:
    found = _match(labels, rule)
    if not found:
        return labels
    value = expand(found, rule.get("replacement", "$1"))
    rest = {name: old for name, old in labels.items() if name != rule["target_label"]}
    return {**rest, rule["target_label"]: value} if value else rest


def expand(found: re.Match[str], template: str) -> str:
    """Fill $1 and ${1} as Go's regexp.Expand does: $1x is the group named 1x, which does not exist."""

    def group(reference: re.Match[str]) -> str:
        name = reference[1] or reference[2]
        if not name.isdigit() or int(name) > found.re.groups:
            return ""
        return found[int(name)] or ""

    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", group, template)


_ACTIONS = {"keep": _keep, "drop": _drop, "replace": _replace}
