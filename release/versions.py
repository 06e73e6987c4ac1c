"""The version rule: chart, plugin and Python distribution have one version, and the tag is `v` and that version.

docs/releasing.md gives the reason and says which part of the number grows when.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from release.errors import ReleaseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Semantic Versioning without build metadata, which tags of registries cannot carry.
SEMVER = re.compile(r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?")


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a version is written: a file of the repository, and a pattern whose first group is the version."""

    file: str
    pattern: str


@dataclasses.dataclass(frozen=True)
class Written:
    """A version that was found, with its line from 1."""

    file: str
    line: int
    version: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} has {self.version}"


# A version that readers copy from a page into a command or a file.
_COPIED = r"(?:--version |plugins/xscaler:|\bxscaler-|==|@v|\b(?:ref|rev|tag|targetRevision|x-chart-version): v)"
_COPIED += r"(\d+\.\d+\.\d+(?:-[a-z]+\.\d+)?)\b"
# The others are compared with the first.
PLACES = (
    Place("chart/Chart.yaml", r"^version: (\S+)$"),
    Place("plugin.yaml", r"^version: (\S+)$"),
    Place("plugin/plugin.yaml", r"^version: (\S+)$"),
    Place("pyproject.toml", r'^version = "(\S+)"$'),
    Place("plugin/src/xscaler_istio/__init__.py", r'^__version__ = "(\S+)"$'),
    *(
        Place(file, _COPIED)
        for file in (
            "docs/plugin.md",
            "docs/install.md",
            "docs/recipes.md",
            "SECURITY.md",
            "action.yaml",
            "examples/argo-cd/application.yaml",
            "examples/fleet/clusters/production/prod-eu-1.yaml",
            "examples/fleet/clusters/production/prod-us-1.yaml",
            "examples/fleet/clusters/staging/staging-eu-1.yaml",
            "examples/flux/release.yaml",
        )
    ),
    Place("examples/kustomize/kustomization.yaml", r"^    version: (\S+)$"),
)
APP_VERSION = Place("chart/Chart.yaml", r'^appVersion: "(\S+)"$')
# The Istio that the cluster tier runs.
ISTIO = Place("tools/tools.ini", r"istio\.io/istio/pkg/version\.buildVersion=(\d+\.\d+)\.\d+")
# Files with a section for each release: what is new, and what its users must do.
NOTES = ("CHANGELOG.md", "UPGRADING.md")


def found(root: Path, place: Place) -> list[Written]:
    """Return every version at a place; raise ReleaseError if there is none."""
    text = (root / place.file).read_text(encoding="utf-8")
    matches = list(re.finditer(place.pattern, text, re.MULTILINE))
    if not matches:
        raise ReleaseError(f"{place.file} has no version", f"write a line that matches {place.pattern}")
    return [Written(place.file, text.count("\n", 0, match.start()) + 1, match[1]) for match in matches]


def current(root: Path) -> str:
    """Return the version of the checkout, which is that of its chart."""
    return found(root, PLACES[0])[0].version


def problems(root: Path, tag: str = "") -> Iterator[str]:
    """Yield a sentence for each place that breaks the rule; with a tag also for what its release lacks."""
    reference = found(root, PLACES[0])[0]
    for place in PLACES[1:]:
        yield from (f"{other}, {reference}" for other in found(root, place) if other.version != reference.version)
    if not SEMVER.fullmatch(reference.version):
        yield f"{reference}, which is not a version of three numbers (Semantic Versioning)"
    app = found(root, APP_VERSION)[0]
    yield from (f"appVersion: {app}, {other}" for other in found(root, ISTIO) if other.version != app.version)
    if tag:
        if tag != f"v{reference.version}":
            yield f"the tag is {tag}, {reference}"
        yield from (f"{name} has no section of {reference.version}" for name in NOTES if not section(root, name))


def section(root: Path, name: str) -> str:
    """Return the text below the heading `## <current version>` of a file, empty if there is none."""
    text = (root / name).read_text(encoding="utf-8")
    match = re.search(rf"(?ms)^## {re.escape(current(root))}(?: [^\n]*)?\n(.*?)(?=^## |\Z)", text)
    return match[1].strip() if match else ""


def write(root: Path, version: str) -> list[str]:
    """Write a version to every place; return the files that changed. Raise ReleaseError if it is not a version."""
    if not SEMVER.fullmatch(version):
        raise ReleaseError(f"{version} is not a version", "three numbers, for example 0.2.0 or 1.0.0-rc.1")
    changed = []
    for place in PLACES:
        file = root / place.file
        before = file.read_text(encoding="utf-8")
        after = re.sub(place.pattern, lambda match: match[0].replace(match[1], version), before, flags=re.MULTILINE)
        if after != before:
            file.write_text(after, encoding="utf-8")
            changed.append(place.file)
    return changed
