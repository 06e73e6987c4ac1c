"""The rules as documents; docs/rules.md is `helm xscaler rules -o markdown`."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from xscaler_istio.findings.rules import Rule

_HEAD = """\
# Rules

What `helm xscaler validate` (XS0.. to XS2..), `helm xscaler lint` (XS3..) and `helm xscaler doctor` (XS4..) find.
`helm xscaler rules XS213` prints one of them. This page is written by `helm xscaler rules -o markdown` from the
docstrings in `plugin/src/xscaler_istio/checks`.

An error is refused by Helm, Kubernetes or xScaler, or loses everything. A warning costs or misleads. An info is good to
know. `--fail-on` says from which severity on the exit code is 1.

A finding of XS2.. is ignored on the line that it names, one of XS2.. to XS4.. in `.xscaler.yaml`
([plugin.md](plugin.md#ignoring-a-finding)). XS0.. and XS1.. cannot be ignored.
"""


def markdown(rules: Sequence[Rule]) -> str:
    """Return a page: a table of all rules, and a section each."""
    rows = [f"| [{rule.id}](#{rule.id.lower()}) | {rule.severity.label} | {rule.title} |" for rule in rules]
    table = "\n".join(("| rule | severity | about |", "|---|---|---|", *rows))
    sections = "\n\n".join("\n".join(_section(rule)) for rule in rules)
    return f"{_HEAD}\n{table}\n\n{sections}\n"


def _section(rule: Rule) -> Iterator[str]:
    prose, _, example = rule.text.partition("Example:\n")
    yield f'<a id="{rule.id.lower()}"></a>\n'
    yield f"## {rule.id} ({rule.severity.label})\n"
    yield f"{rule.title}.\n"
    yield prose.strip()
    yield f"\n```\n{textwrap.dedent(example).rstrip()}\n```"


def text(rules: Sequence[Rule]) -> str:
    """Return a line for each of several rules, or all about one."""
    if len(rules) > 1:
        return "".join(f"{rule.id}  {rule.severity.label:<7}  {rule.title}\n" for rule in rules)
    return "".join(f"{rule.id} ({rule.severity.label}): {rule.title}\n\n{rule.text}\n\n{rule.url}\n" for rule in rules)


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
