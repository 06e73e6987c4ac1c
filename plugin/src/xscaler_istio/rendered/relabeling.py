"""Prometheus' relabelling rules as data, and their effect on one set of labels.

Actions and defaults are those of Prometheus' documentation of `relabel_config`; Alloy's `rule` blocks have the same
attributes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import re
import warnings
from typing import TYPE_CHECKING, Any

from xscaler_istio.system.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Labels = Mapping[str, str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RelabelRule:
    """One relabelling rule, with Prometheus' defaults."""

    action: str = "replace"
    source_labels: tuple[str, ...] = ()
    regex: str = "(.*)"
    target_label: str = ""
    replacement: str = "$1"
    separator: str = ";"
    modulus: int = 0

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> RelabelRule:
        """Read a rule of a parsed configuration; keys that no rule has are left out."""
        known = {field.name: written[field.name] for field in dataclasses.fields(cls) if field.name in written}
        return cls(**{**known, "source_labels": tuple(known.get("source_labels", ()))})


@functools.cache
def compiled(regex: str) -> re.Pattern[str]:
    """Return an expression in Python's syntax; raises re.error for one that Python and Go's RE2 read differently."""
    with warnings.catch_warnings():
        # [[:alpha:]] is a class to RE2, and a set with brackets in it to Python, which warns.
        warnings.simplefilter("error")
        try:
            return re.compile(regex, re.DOTALL)
        except (FutureWarning, DeprecationWarning) as warning:
            raise re.error(str(warning)) from warning


@contextlib.contextmanager
def evaluated() -> Iterator[None]:
    """Raise SetupError where an expression of the values is one that only Go's RE2 understands."""
    try:
        yield
    except re.error as error:
        message = f"an expression of the values cannot be evaluated here: {error}"
        raise SetupError(message, "write it without syntax that only RE2 has, such as [[:alpha:]]") from error


def relabel(labels: Labels, rules: Iterable[RelabelRule]) -> Labels | None:
    """Return the labels after all rules, None where a rule drops them; an empty value removes a label.

    Raises re.error for an expression that only Go's RE2 understands.
    """
    result: Labels | None = {name: value for name, value in labels.items() if value}
    for rule in rules:
        if result is None:
            return None
        result = _ACTIONS[rule.action](result, rule)
    return result


def _source(labels: Labels, rule: RelabelRule) -> str:
    return rule.separator.join(labels.get(name, "") for name in rule.source_labels)


def _matches(labels: Labels, rule: RelabelRule) -> re.Match[str] | None:
    return compiled(rule.regex).fullmatch(_source(labels, rule))


def _with(labels: Labels, name: str, value: str) -> Labels:
    rest = {other: old for other, old in labels.items() if other != name}
    return {**rest, name: value} if value else rest


def _replace(labels: Labels, rule: RelabelRule) -> Labels:
    found = _matches(labels, rule)
    return _with(labels, rule.target_label, expand(found, rule.replacement)) if found else labels


def _label_map(labels: Labels, rule: RelabelRule) -> Labels:
    found = {name: compiled(rule.regex).fullmatch(name) for name in labels}
    return {**labels, **{expand(match, rule.replacement): labels[name] for name, match in found.items() if match}}


def _hash(labels: Labels, rule: RelabelRule) -> Labels:
    # The last eight bytes of the MD5 sum, as Prometheus has it.
    number = int.from_bytes(hashlib.md5(_source(labels, rule).encode(), usedforsecurity=False).digest()[8:], "big")
    return _with(labels, rule.target_label, str(number % rule.modulus))


def expand(found: re.Match[str], template: str) -> str:
    """Fill $1 and ${1} as Go's Regexp.Expand does: $1x is the group named 1x."""

    def group(reference: re.Match[str]) -> str:
        name = reference[1] or reference[2]
        return (found[int(name)] or "") if name.isdigit() and int(name) <= found.re.groups else ""

    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", group, template)


_ACTIONS: Mapping[str, Callable[[Labels, RelabelRule], Labels | None]] = {
    "replace": _replace,
    "keep": lambda labels, rule: labels if _matches(labels, rule) else None,
    "drop": lambda labels, rule: None if _matches(labels, rule) else labels,
    "keepequal": lambda labels, rule: labels if _source(labels, rule) == labels.get(rule.target_label, "") else None,
    "dropequal": lambda labels, rule: None if _source(labels, rule) == labels.get(rule.target_label, "") else labels,
    "labeldrop": lambda labels, rule: {
        name: value for name, value in labels.items() if not compiled(rule.regex).fullmatch(name)
    },
    "labelkeep": lambda labels, rule: {
        name: value for name, value in labels.items() if compiled(rule.regex).fullmatch(name)
    },
    "labelmap": _label_map,
    "lowercase": lambda labels, rule: _with(labels, rule.target_label, _source(labels, rule).lower()),
    "uppercase": lambda labels, rule: _with(labels, rule.target_label, _source(labels, rule).upper()),
    "hashmod": _hash,
}
