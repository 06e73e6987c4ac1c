"""One key of the values explained, with what it changes in the output: two releases are rendered and compared."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from typing import TYPE_CHECKING

import yaml

from xscaler_istio import helm
from xscaler_istio.findings.findings import Severity, Skipped
from xscaler_istio.system.errors import SetupError
from xscaler_istio.values.places import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xscaler_istio.commands.diff import Change
    from xscaler_istio.helm import Inputs
    from xscaler_istio.system.terminal import Terminal
    from xscaler_istio.values.keys import Key

# What the chart cannot do without. Given values take their place.
_REQUIRED = (
    ("xscaler.region", '"euw1-01"'),
    ("xscaler.tenantId", '"acme"'),
    ("xscaler.auth.existingSecret.name", '"xscaler-token"'),
    ("cluster.name", '"prod-1"'),
)
_SHOWN = 12


@dataclasses.dataclass(frozen=True)
class Effect:
    """What the example of a key changes: differences, or why they could not be worked out; `context` is set on both
    sides."""

    context: tuple[tuple[str, str], ...] = ()
    changes: tuple[Change, ...] = ()
    unknown: Skipped | None = None


def effect(key: Key, inputs: Inputs) -> Effect:
    """Render a release without and with the example of a key and compare.

    A release without values gets those that the chart needs, and those with which the key has an effect.
    """
    if not key.example:
        return Effect()
    own = bool(inputs.values.files or inputs.values.sets)
    context, base = ((), ()) if own else (key.context, (*_REQUIRED, *key.context))
    with_it = (*base, (key.path, key.example))
    with helm.Beside() as beside:
        asked = [_with(inputs, given) for given in (base, with_it)]
        runs = [beside.start(helm.rendered_with_values(each)) for each in asked]
        # Helm takes longest: what compares is loaded in the meantime.
        from xscaler_istio.commands import diff
        from xscaler_istio.summary.rendering import Rendering

        sides = []
        for words, each, run in zip(("without it", "with it"), asked, runs, strict=True):
            try:
                sides.append(Rendering.read(inputs.chart, run.result()))
            except helm.ChartError as error:
                return Effect(context, unknown=Skipped(f"{words} {_why(each, error)}"))
            except SetupError as error:
                return Effect(context, unknown=Skipped(error.message))
        return Effect(context, diff.compare(*sides))


def _why(inputs: Inputs, error: helm.ChartError) -> str:
    """Return the place and the first sentence of the first error in values, or what Helm says where there is none."""
    from xscaler_istio.commands.validate import validate

    first = next((item for item in validate(inputs).findings if item.severity is Severity.ERROR), None)
    if not first:
        return f"Helm fails: {' '.join(error.message.split())}"
    place = f"{first.location}: " if first.location.line else ""
    return f"the chart refuses the values: {place}{first.message.partition('. ')[0].removesuffix('.')}."


def _with(inputs: Inputs, values: tuple[tuple[str, str], ...]) -> Inputs:
    sets = tuple(("--set-json", f"{name}={value}") for name, value in values)
    given = dataclasses.replace(inputs.values, sets=(*inputs.values.sets, *sets))
    return dataclasses.replace(inputs, values=given)


# -- for readers --------------------------------------------------------------------------------------------------


def text(key: Key, found: Effect, terminal: Terminal) -> str:
    """Write a key for people: what it is, what it may be, an example and what that changes; a block by its keys."""
    width = terminal.columns
    lines = [f"{key.asked_as} is an old name. The key is now {key.path}.", ""] if key.asked_as else []
    lines += [terminal.paint(key.path, "bold")] if key.path else []
    lines += [*textwrap.wrap(key.description, width, initial_indent="  ", subsequent_indent="  ")]
    rows = _rows(key)
    longest = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        lines += _row(f"  {name:<{longest}}  ", value, width)
    if key.children:
        lines += ["", *_children(key, width)]
    if key.example:
        lines += ["", f"  {terminal.paint('example', 'bold')}", textwrap.indent(_as_yaml(key), "    ").rstrip()]
        lines += [*_context(found), f"  {terminal.paint('changes', 'bold')}", *_effect(found, terminal)]
    return "\n".join(lines) + "\n"


def _rows(key: Key) -> list[tuple[str, str]]:
    rows = (
        ("type", key.type),
        ("default", _plain(key.default)),
        ("unit", key.unit),
        ("form", key.form),
        ("allowed", listed(key.allowed)),
        ("secret", "yes; it is never shown" if key.secret else ""),
    )
    return [(name, value) for name, value in rows if value and (key.path or name != "type")]


def _plain(value: str) -> str:
    """Return a JSON value as values files have it, an empty string as such."""
    loaded = json.loads(value) if value else ""
    return loaded if isinstance(loaded, str) and loaded else value


def _row(name: str, value: str, width: int) -> list[str]:
    room = max(width, len(name) + 20)
    return textwrap.wrap(
        value, room, initial_indent=name, subsequent_indent=" " * len(name), break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def _children(key: Key, width: int) -> Iterator[str]:
    names = {child: child.path.rpartition(".")[2] for child in key.children}
    longest = max(map(len, names.values()))
    for child, name in names.items():
        start = f"  {name:<{longest}}  "
        yield textwrap.shorten(f"{child.description}", max(width - len(start), 30), placeholder=" …").join((start, ""))


def _as_yaml(key: Key) -> str:
    value = json.loads(key.example)
    for step in reversed(key.path.split(".")):
        value = {step: value}
    written: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
    return written


def _context(found: Effect) -> Iterator[str]:
    if found.context:
        yield "  with"
        yield from (f"    {name}: {_plain(value)}" for name, value in found.context)


def _effect(found: Effect, terminal: Terminal) -> list[str]:
    if found.unknown:
        return _row("    ", str(found.unknown), terminal.columns)
    if not found.changes:
        return ["    nothing in the rendered manifests"]
    from xscaler_istio.commands import diff

    narrower = dataclasses.replace(terminal, width=terminal.columns - 4)
    lines = diff.text(found.changes[:_SHOWN], narrower).splitlines()[:-1]
    more = len(found.changes) - _SHOWN
    rest = [f"  and {more} more: helm xscaler diff OLD NEW"] if more > 0 else []
    return [f"    {line}" for line in (*lines, *rest)]


def as_json(key: Key, found: Effect) -> str:
    """Write a key for programs."""
    from xscaler_istio.commands import diff

    document = {
        "schemaVersion": 1,
        "key": key.path,
        "askedAs": key.asked_as or key.path,
        "type": key.type,
        "description": key.description,
        "default": json.loads(key.default) if key.default else None,
        "unit": key.unit,
        "form": key.form,
        "allowed": list(key.allowed),
        "secret": key.secret,
        "example": json.loads(key.example) if key.example else None,
        "with": {name: json.loads(value) for name, value in found.context},
        "keys": [child.path for child in key.children],
        "differences": diff.as_data(found.changes),
        "unknown": str(found.unknown or ""),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
