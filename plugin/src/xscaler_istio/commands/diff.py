"""What changes from one rendered release to another: jobs, series, logs, endpoints and permissions in words, and the
fields of objects."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from xscaler_istio.summary import fields, upgrade
from xscaler_istio.summary.accounts import title
from xscaler_istio.summary.metrics import DROPPED
from xscaler_istio.system.terminal import wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from xscaler_istio.rendered.manifests import CollectorConfig, Manifest
    from xscaler_istio.rendered.release import Release
    from xscaler_istio.summary.model import Fact, Section, Subject
    from xscaler_istio.summary.rendering import Rendering
    from xscaler_istio.system.terminal import Terminal

ADDED, REMOVED, CHANGED = "+", "-", "~"
_OBJECTS = "objects"
_IMPOSSIBLE = "an upgrade fails"
# What is dropped is what is not kept: one of the two says it.
_MIRRORED = (DROPPED,)
# Where a ConfigMap and a Secret keep their texts.
_DATA = ("data", "stringData")


@dataclasses.dataclass(frozen=True)
class Change:
    """One difference. `sign` is ADDED, REMOVED or CHANGED; several subjects may change alike."""

    section: str
    sign: str
    subjects: tuple[str, ...]
    words: str = ""

    def __str__(self) -> str:
        """Write it as one line."""
        names = ", ".join(self.subjects)
        return f"{self.sign} {names}: {self.words}" if self.words else f"{self.sign} {names}"


def compare(old: Rendering, new: Rendering) -> tuple[Change, ...]:
    """Return all differences, in the order of the summary's sections; equal changes have one line."""
    changes = [*_impossible(old.release, new.release), *_in_words(old, new), *_objects(old.release, new.release)]
    alike: dict[Change, list[str]] = {}
    for change in changes:
        # Without words there is nothing that could be alike.
        key = dataclasses.replace(change, subjects=()) if change.words else change
        alike.setdefault(key, []).extend(change.subjects)
    return tuple(dataclasses.replace(change, subjects=tuple(names)) for change, names in alike.items())


# -- for readers and programs -------------------------------------------------------------------------------------

_STYLES = {ADDED: "info", REMOVED: "error", CHANGED: "warning"}
_NAMES = {ADDED: "added", REMOVED: "removed", CHANGED: "changed"}


def text(changes: Sequence[Change], terminal: Terminal) -> str:
    """Write differences below the names of their sections."""
    lines: list[str] = []
    section = ""
    for change in changes:
        if change.section != section:
            section = change.section
            lines.append(terminal.paint(section, "bold"))
        first, *more = _wrapped(str(change), terminal.width)
        lines.append(f"  {terminal.paint(first[0], _STYLES[change.sign])}{first[1:]}")
        lines += [f"    {line}" for line in more]
    count = len(changes)
    lines.append(f"{count or 'no'} difference{'' if count == 1 else 's'}")
    return "\n".join(lines) + "\n"


def _wrapped(text: str, width: int) -> list[str]:
    return wrapped(text, max(width - 4, 20)) if width else [text]


def as_json(changes: Sequence[Change]) -> str:
    """Write differences as one JSON object."""
    document = {"schemaVersion": 1, "differences": as_data(changes)}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_data(changes: Sequence[Change]) -> list[dict[str, object]]:
    """Return differences as JSON has them."""
    return [
        {
            "section": change.section,
            "change": _NAMES[change.sign],
            "subjects": list(change.subjects),
            "words": change.words,
        }
        for change in changes
    ]


# -- what stops an upgrade ----------------------------------------------------------------------------------------


def _impossible(old: Release, new: Release) -> Iterator[Change]:
    before = {title(item): item for item in old.manifests}
    for item in new.manifests:
        for path in upgrade.impossible(before[title(item)], item) if title(item) in before else ():
            words = f"Kubernetes does not change {path}; delete the object before the upgrade"
            yield Change(_IMPOSSIBLE, CHANGED, (title(item),), words)


# -- in words -----------------------------------------------------------------------------------------------------


def _in_words(old: Rendering, new: Rendering) -> Iterator[Change]:
    alike = old.selections() & new.selections()
    for before, after in zip(old.summary(alike).sections, new.summary(alike).sections, strict=True):
        if before.title != _OBJECTS:
            yield from _section(before, after)


def _section(old: Section, new: Section) -> Iterator[Change]:
    before, after = ({subject.name: subject for subject in section.subjects} for section in (old, new))
    for name in _ordered(before, after):
        if name not in after:
            yield Change(old.title, REMOVED, (name,))
        elif name not in before:
            yield Change(old.title, ADDED, (name,), "; ".join(map(_said, after[name].facts[:2])))
        else:
            yield from (Change(old.title, CHANGED, (name,), words) for words in _facts(before[name], after[name]))


def _said(fact: Fact) -> str:
    return f"{fact.name} {', '.join(fact.values)}"


def _facts(old: Subject, new: Subject) -> Iterator[str]:
    before, after = ({fact.name: fact.values for fact in subject.facts} for subject in (old, new))
    for name in _ordered(before, after):
        if name in _MIRRORED:
            continue
        gone = [value for value in before.get(name, ()) if value not in after.get(name, ())]
        come = [value for value in after.get(name, ()) if value not in before.get(name, ())]
        if len(gone) == len(come) == 1:
            yield f"{name}: {gone[0]} -> {come[0]}"
        else:
            also = "also " if name in before else ""
            yield from (f"{name}: no longer {values}" for values in _together(gone))
            yield from (f"{name}: now {also}{values}" for values in _together(come))
        if not gone and not come and before[name] != after[name]:
            yield f"{name}: in a different order: {', '.join(after[name])}"


def _together(values: list[str]) -> list[str]:
    """Return values as one where none contains a comma."""
    return values if any(", " in value for value in values) else [", ".join(values)] if values else []


def _ordered(before: Iterable[str], after: Iterable[str]) -> list[str]:
    """Return the names of both; new ones stand after those that were there."""
    return list(dict.fromkeys((*before, *after)))


# -- objects ------------------------------------------------------------------------------------------------------


def _objects(old: Release, new: Release) -> Iterator[Change]:
    before, after = (dict(_readable(release)) for release in (old, new))
    for name in _ordered(before, after):
        if name not in after:
            yield Change(_OBJECTS, REMOVED, (name,))
        elif name not in before:
            yield Change(_OBJECTS, ADDED, (name,))
        else:
            found = fields.compare(before[name], after[name])
            yield from (Change(_OBJECTS, CHANGED, (name,), words) for words in found)


def _readable(release: Release) -> Iterator[tuple[str, fields.Node]]:
    """Yield each object by its title, with the values of a Secret hidden and a collector's configuration read."""
    configs = {(config.namespace, config.name): config for config in release.configs}
    for item in release.manifests:
        config = configs.get((item.namespace, item.name)) if item.kind == "ConfigMap" else None
        fields_of = item.document.items()
        yield title(item), {key: _data(item, config, value) if key in _DATA else value for key, value in fields_of}


def _data(item: Manifest, config: CollectorConfig | None, data: Mapping[str, Any] | None) -> fields.Node:
    if item.kind == "Secret":
        return {name: fields.Hidden(str(text)) for name, text in (data or {}).items()}
    # What is compared in words is left out.
    return {config.file: config.shipper.rest(config.tree)} if config else data or {}
