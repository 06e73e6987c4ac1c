"""All that can be said about values before an installation, without a cluster."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from xscaler_istio import helm, schema, values
from xscaler_istio.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xscaler_istio.helm import Release
    from xscaler_istio.values import Origins


def validate(release: Release, names: Sequence[str] = ()) -> tuple[Finding, ...]:
    """Return what is wrong with the values of a release.

    `names` are what to call the files in findings, in their order. Raises SetupError for an unreadable file or a
    missing Helm.
    """
    shown = names or release.values.files
    files = tuple(values.read(file, name) for file, name in zip(release.values.files, shown, strict=True))
    broken = tuple(finding for file in files for finding in file.findings)
    if any(finding.rule in _UNREADABLE for finding in broken):
        return broken
    merged = helm.effective_values(release.chart, release.values)
    origins = values.Origins(files, tuple(text.partition("=")[0] for _, text in release.values.sets))
    found = schema.check(merged, schema.load(release.chart), origins)
    return (*broken, *found, *_chart_rules(release, origins, schema_content=not found))


# After these the rest of the file is unknown.
_UNREADABLE = frozenset({"XS010", "XS013", "XS014", "XS015"})


def _chart_rules(release: Release, origins: Origins, *, schema_content: bool) -> list[Finding]:
    """Return what the chart's own rules say, which Helm runs when it renders."""
    lenient = (*release.extra, "--skip-schema-validation")
    try:
        helm.template(helm.Release(release.chart, release.values, release.name, release.namespace, lenient))
    except helm.ChartError as error:
        if error.problems:
            return [_from_problem(problem, origins) for problem in error.problems]
        if schema_content:
            fix = "if the values look right, report this as a bug of the chart"
            return [Finding("XS199", Severity.ERROR, error.message, origins.locate(()), "", fix)]
        # Templates stumble over values of a wrong type; the schema has said so already.
    return []


def _from_problem(problem: str, origins: Origins) -> Finding:
    """Make a finding of one paragraph: its first word is the key, the lines after the first are the fix."""
    first, _, rest = problem.partition("\n")
    path = first.split(" ", 1)[0]
    keys = tuple(path.split(".")) if re.fullmatch(r"[a-zA-Z.]+", path) else ()
    message = first.removesuffix(" Set:").rstrip(":")
    fix = _as_one_line(rest) if rest else ""
    return Finding("XS100", Severity.ERROR, message, origins.locate(keys), path, fix)


def _as_one_line(block: str) -> str:
    """Write `a:\\n  b: c` as `a.b: c`; other lines stay as they are."""
    lines = [line for line in block.splitlines() if line.strip()]
    keys: list[str] = []
    others: list[str] = []
    for line in lines:
        if found := re.fullmatch(r"\s*([A-Za-z]+):\s*(.*)", line):
            keys.append(f"{found[1]}: {found[2]}" if found[2] else found[1])
        else:
            others.append(line.strip())
    return "; ".join([*others, f"set {'.'.join(keys)}" if keys else ""]).strip("; ")
