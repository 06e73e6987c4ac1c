"""The documentation of the rules; docs/rules.md is the output of `helm xscaler rules -o markdown`."""

from __future__ import annotations

import json
import re
import textwrap
from typing import TYPE_CHECKING

from xscaler_istio.system.terminal import wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from xscaler_istio.findings.rules import Rule

_HEAD = """\
# Rules

Rules XS0.. to XS2.. belong to `helm xscaler validate`, XS3.. to `helm xscaler lint`, XS4.. to `helm xscaler doctor`.
To read one rule in the terminal, run `helm xscaler rules XS213`. `helm xscaler rules -o markdown` generates this text
from the docstrings in `plugin/src/xscaler_istio/checks`.

- **error**: Helm, Kubernetes or xScaler rejects it, or no data arrives.
- **warning**: it costs more than it needs to, or it misleads.
- **info**: good to know; usually no action.

`--fail-on` sets the severity from which on the exit code is 1.

You can ignore a finding of XS2.. on the line that it names, and findings of XS2.. to XS4.. in `.xscaler.yaml`
([plugin.md](plugin.md#ignoring-a-finding)). XS0.. and XS1.. cannot be ignored.
"""

# On a narrower terminal, lines would have a word each.
_LEAST_WIDTH = 40

# The families of rules, and how their ids begin.
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "Values files and the schema": ("XS0",),
    "Values that the chart refuses": ("XS1",),
    "Destination": ("XS20",),
    "Intervals and profile": ("XS21",),
    "Labels": ("XS22",),
    "Metrics and namespaces": ("XS23",),
    "Access logs": ("XS24",),
    "Images": ("XS25",),
    "Shards, memory and the plan": ("XS26",),
    "Keys without effect": ("XS27",),
    "Helm's warnings and ignores": ("XS28", "XS29"),
    "Rendering, schemas and configurations": ("XS30", "XS31", "XS32"),
    "Rendered objects": ("XS33", "XS34"),
    "Cluster: the mesh": ("XS40",),
    "Cluster: access logs": ("XS41",),
    "Cluster: tags and names": ("XS42",),
    "Cluster: other collectors and policies": ("XS43",),
    "Cluster: the release's namespace": ("XS44",),
    "Cluster: the test push": ("XS45",),
    "Cluster: responses of pods": ("XS46",),
}


def by_family(rules: Sequence[Rule]) -> Mapping[str, tuple[Rule, ...]]:
    """Return the rules of each family that has some."""
    families = {title: tuple(rule for rule in rules if rule.id.startswith(ids)) for title, ids in FAMILIES.items()}
    return {title: members for title, members in families.items() if members}


def markdown(rules: Sequence[Rule]) -> str:
    """Return a page: a list of the families, and for each family a table and a section for each rule."""
    families = by_family(rules)
    contents = "\n".join(f"- [{title}](#{_anchor(title)}): {_range(members)}" for title, members in families.items())
    sections = "\n\n".join(part for title, members in families.items() for part in _family(title, members))
    return f"{_HEAD}\n{contents}\n\n{sections}\n"


def _family(title: str, rules: Sequence[Rule]) -> Iterator[str]:
    yield f"## {title}"
    yield _table(rules)
    yield from ("\n".join(_section(rule)) for rule in rules)


def _anchor(title: str) -> str:
    return re.sub("[^a-z -]", "", title.lower()).replace(" ", "-")


def _range(rules: Sequence[Rule]) -> str:
    first, last = rules[0].id, rules[-1].id
    return first if first == last else f"{first} to {last}"


def _table(rules: Sequence[Rule]) -> str:
    rows = [f"| [{rule.id}](#{rule.id.lower()}) | {rule.severity.label} | {rule.title} |" for rule in rules]
    return "\n".join(("| rule | severity | about |", "|---|---|---|", *rows))


def _section(rule: Rule) -> Iterator[str]:
    prose, _, example = rule.text.partition("Example:\n")
    yield f'<a id="{rule.id.lower()}"></a>\n'
    yield f"### {rule.id} ({rule.severity.label})\n"
    yield f"{rule.title}.\n"
    yield prose.strip()
    yield f"\n```\n{textwrap.dedent(example).rstrip()}\n```"


def text(rules: Sequence[Rule], width: int = 0) -> str:
    """Return a row for each of several rules, or the whole text of a single rule.

    Break lines at words where a terminal sets a width, so that other programs read one row a line.
    """
    if len(rules) > 1:
        return "".join(f"{line}\n" for rule in rules for line in _row(rule, width))
    return "".join(f"{line}\n" for rule in rules for line in _whole(rule, width))


def _row(rule: Rule, width: int) -> list[str]:
    start = f"{rule.id}  {rule.severity.label:<7}  "
    return _broken(f"{start}{rule.title}", width, further=" " * len(start))


def _whole(rule: Rule, width: int) -> Iterator[str]:
    prose, example, manifest = rule.text.partition("Example:\n")
    yield from _broken(f"{rule.id} ({rule.severity.label}): {rule.title}", width)
    yield ""
    for paragraph in prose.strip().split("\n\n"):
        yield from wrapped(paragraph, max(width, _LEAST_WIDTH)) if width else paragraph.splitlines()
        yield ""
    yield f"{example}{manifest}"
    yield ""
    yield rule.url


def _broken(line: str, width: int, further: str = "") -> list[str]:
    return wrapped(line, max(width, _LEAST_WIDTH), further) if width else [line]


def as_json(rules: Sequence[Rule]) -> str:
    """Return a list of objects."""
    listed = [
        {
            "id": rule.id,
            "severity": rule.severity.label,
            "title": rule.title,
            "text": rule.text,
            "canBeIgnored": rule.can_be_ignored,
            "docsUrl": rule.url,
        }
        for rule in rules
    ]
    return json.dumps(listed, indent=2, ensure_ascii=False) + "\n"


WRITERS: Mapping[str, Callable[[Sequence[Rule]], str]] = {"text": text, "json": as_json, "markdown": markdown}
