"""The version rule holds here; `check` names each place that breaks it, and `set` fixes them all."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from release import versions
from release.errors import ReleaseError
from release.package import CHART
from tests.support.paths import ROOT

from .commands import release

if TYPE_CHECKING:
    from pathlib import Path

CURRENT = versions.current(ROOT)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy the files that hold versions."""
    names = {place.file for place in (*versions.PLACES, versions.ISTIO)} | set(versions.NOTES)
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_it_holds_here() -> None:
    done = release("check")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{CURRENT}\n", "")


@pytest.mark.parametrize("place", versions.PLACES[1:], ids=lambda place: place.file)
def test_another_version_is_named_with_its_line(place: versions.Place, copy: Path) -> None:
    written = versions.found(copy, place)[0]
    line = (copy / place.file).read_text().splitlines()[written.line - 1]
    replace(copy / place.file, line, line.replace(CURRENT, "9.9.9"))
    chart = versions.found(copy, versions.PLACES[0])[0]
    assert list(versions.problems(copy)) == [f"{place.file}:{written.line} has 9.9.9, {chart}"]


def test_set_writes_every_place(copy: Path) -> None:
    assert versions.write(copy, "9.9.9-rc.1") == [place.file for place in versions.PLACES]
    assert list(versions.problems(copy)) == []
    assert versions.current(copy) == "9.9.9-rc.1"
    assert versions.write(copy, "9.9.9-rc.1") == []


def test_set_rejects_what_is_not_a_version(copy: Path) -> None:
    with pytest.raises(ReleaseError, match=r"v0\.2 is not a version"):
        versions.write(copy, "v0.2")
    replace(copy / "chart/Chart.yaml", f"version: {CURRENT}", "version: 1.0")
    assert any("which is not a version of three numbers" in problem for problem in versions.problems(copy))


def test_the_app_version_is_the_istio_that_is_tested(copy: Path) -> None:
    app = versions.found(copy, versions.APP_VERSION)[0]
    replace(copy / "chart/Chart.yaml", f'appVersion: "{app.version}"', 'appVersion: "1.99"')
    found = list(versions.problems(copy))
    assert len(found) == len(versions.found(copy, versions.ISTIO))
    assert found[0].startswith(f"appVersion: chart/Chart.yaml:{app.line} has 1.99, tools/tools.ini:")


def test_a_tag_needs_its_number_and_its_notes(copy: Path) -> None:
    for name in versions.NOTES:
        (copy / name).write_text("# Title\n\n## Unreleased\n\nSoon.\n")
    wanted = [f"the tag is v9.9.9, {versions.found(copy, versions.PLACES[0])[0]}"]
    wanted += [f"{name} has no section of {CURRENT}" for name in versions.NOTES]
    assert list(versions.problems(copy, "v9.9.9")) == wanted
    for name in versions.NOTES:
        (copy / name).write_text(f"# Title\n\n## {CURRENT} - 2026-12-01\n\nDone.\n\n## 0.0.9\n\nEarlier.\n")
    assert list(versions.problems(copy, f"v{CURRENT}")) == []
    assert versions.section(copy, versions.NOTES[0]) == "Done."


def test_a_tag_that_does_not_fit_ends_the_release() -> None:
    done = release("check", "--tag", "v9.9.9")
    assert done.returncode == 1
    assert f"the tag is v9.9.9, chart/Chart.yaml:5 has {CURRENT}" in done.stderr
    assert "python -m release set VERSION" in done.stderr


def test_the_rule_is_written_down() -> None:
    text = (ROOT / "docs/releasing.md").read_text()
    assert all(f"`{place.file}`" in text for place in (*versions.PLACES, versions.ISTIO))
    assert re.search(r"^name: (\S+)$", (ROOT / "chart/Chart.yaml").read_text(), re.MULTILINE)[1] == CHART  # type: ignore[index]
