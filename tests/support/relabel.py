"""Prometheus' relabelling for tests, written from its documentation: the actions that the chart takes."""

from __future__ import annotations

import hashlib
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


def _source(labels: Mapping[str, str], rule: Mapping[str, Any]) -> str:
    return str(rule.get("separator", ";").join(labels.get(name, "") for name in rule.get("source_labels", [])))


def _match(labels: Mapping[str, str], rule: Mapping[str, Any]) -> re.Match[str] | None:
    return re.fullmatch(rule.get("regex", "(.*)"), _source(labels, rule), re.DOTALL)


def _keep(labels: dict[str, str], rule: Mapping[str, Any]) -> dict[str, str] | None:
    return labels if _match(labels, rule) else None


def _drop(labels: dict[str, str], rule: Mapping[str, Any]) -> dict[str, str] | None:
    return None if _match(labels, rule) else labels


def _replace(labels: dict[str, str], rule: Mapping[str, Any]) -> dict[str, str]:
    found = _match(labels, rule)
    if not found:
        return labels
    return _written(labels, rule, expand(found, rule.get("replacement", "$1")))


def _written(labels: dict[str, str], rule: Mapping[str, Any], value: str) -> dict[str, str]:
    rest = {name: old for name, old in labels.items() if name != rule["target_label"]}
    return {**rest, rule["target_label"]: value} if value else rest


def _lowercase(labels: dict[str, str], rule: Mapping[str, Any]) -> dict[str, str]:
    return _written(labels, rule, _source(labels, rule).lower())


def _uppercase(labels: dict[str, str], rule: Mapping[str, Any]) -> dict[str, str]:
    return _written(labels, rule, _source(labels, rule).upper())


def _hashmod(labels: dict[str, str], rule: Mapping[str, Any]) -> dict[str, str]:
    # The lower half of the MD5 sum.
    number = int(hashlib.md5(_source(labels, rule).encode(), usedforsecurity=False).hexdigest()[16:], 16)
    return _written(labels, rule, str(number % rule["modulus"]))


def _keepequal(labels: dict[str, str], rule: Mapping[str, Any]) -> dict[str, str] | None:
    return labels if _source(labels, rule) == labels.get(rule["target_label"], "") else None


def _dropequal(labels: dict[str, str], rule: Mapping[str, Any]) -> dict[str, str] | None:
    return labels if _keepequal(labels, rule) is None else None


def _labeldrop(labels: dict[str, str], rule: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if not re.fullmatch(rule["regex"], name)}


def _labelkeep(labels: dict[str, str], rule: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if re.fullmatch(rule["regex"], name)}


def expand(found: re.Match[str], template: str) -> str:
    """Fill $1 and ${1} as Go's regexp.Expand does: $1x is the group named 1x, which does not exist."""

    def group(reference: re.Match[str]) -> str:
        name = reference[1] or reference[2]
        if not name.isdigit() or int(name) > found.re.groups:
            return ""
        return found[int(name)] or ""

    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", group, template)


_ACTIONS = {
    "replace": _replace,
    "keep": _keep,
    "drop": _drop,
    "hashmod": _hashmod,
    "labeldrop": _labeldrop,
    "labelkeep": _labelkeep,
    "lowercase": _lowercase,
    "uppercase": _uppercase,
    "keepequal": _keepequal,
    "dropequal": _dropequal,
}
