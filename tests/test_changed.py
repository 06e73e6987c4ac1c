"""make test-changed: a change leads to what it can break, and one that leads nowhere to everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import changed
from tests.support.paths import ROOT
from tests.support.repositories import git

if TYPE_CHECKING:
    from pathlib import Path

DASHBOARDS = {
    "tests/chart/test_dashboards.py",
    "tests/dashboards/test_build.py",
    "tests/dashboards/test_draw.py",
    "tests/pipeline/test_dashboards.py",
}
CASES = [
    # (what has changed, what it can break, what it cannot)
    ("tests/chart/test_notes.py", {"tests/chart/test_notes.py"}, {"tests/chart/test_docs.py"}),
    ("tests/support/relabel.py", {"tests/chart/test_metric_rules.py"}, {"tests/chart/test_notes.py"}),
    # Over a helper in the same folder.
    ("tests/pipeline/ways.py", {"tests/pipeline/test_page.py"}, {"tests/pipeline/test_alerts.py"}),
    # Through a fixture, and a process.
    ("tests/support/command.py", {"tests/plugin/test_validate.py"}, {"tests/plugin/test_layers.py"}),
    ("plugin/src/xscaler_istio/cli/doctor.py", {"tests/plugin/test_cases.py"}, {"tests/chart/test_objects.py"}),
    ("plugin/src/xscaler_istio/wire/__init__.py", {"tests/dashboards/test_draw.py"}, {"tests/chart/test_notes.py"}),
    ("release/versions.py", {"tests/release/test_publish.py"}, {"tests/plugin/test_cli.py"}),
    ("chart/files/dashboards/mesh.json", DASHBOARDS, {"tests/chart/test_objects.py"}),
    ("dashboards/sources/mesh.py", DASHBOARDS, {"tests/chart/test_objects.py"}),
    ("docs/runbooks.md", {"tests/chart/test_alerts.py", "tests/chart/test_docs.py"}, {"tests/plugin/test_cli.py"}),
    (".github/workflows/test.yaml", {"tests/release/test_workflows.py"}, {"tests/release/test_package.py"}),
]
ANYTHING = [
    "chart/values.yaml",
    "chart/templates/NOTES.txt",
    "pyproject.toml",
    "Makefile",
    "tests/conftest.py",
    "gone.py",
]


@pytest.mark.parametrize(("file", "broken", "safe"), CASES, ids=[file for file, *_ in CASES])
def test_a_change_leads_to_what_it_can_break(file: str, broken: set[str], safe: set[str]) -> None:
    assert (ROOT / file).exists()
    found = changed.breaks(file)
    assert found is not None
    assert broken <= found
    assert not safe & found
    assert safe <= set(changed.test_files())


@pytest.mark.parametrize("file", ANYTHING)
def test_what_leads_nowhere_can_break_anything(file: str) -> None:
    assert changed.chosen([file]) == [*changed.ALL, *changed.test_files()]
    assert changed.chosen(["tests/chart/test_notes.py", file]) == [*changed.ALL, *changed.test_files()]


def test_changed_tests_run_with_all_that_is_in_them() -> None:
    notes = "tests/chart/test_notes.py"
    assert changed.chosen([notes]) == [notes]
    assert changed.chosen([notes, "docs/runbooks.md"])[:3] == [*changed.ALL, "tests/chart/test_alerts.py"]
    assert changed.chosen(["tests/cluster/test_live.py"]) == []


@pytest.mark.parametrize("name", sorted({name for name, _ in changed.TABLE}))
def test_every_row_of_the_table_is_of_this_repository(name: str) -> None:
    assert list(ROOT.glob(f"{name.rstrip('/')}*"))
    assert all((ROOT / test).exists() for start, tests in changed.TABLE if start == name for test in tests)


@pytest.mark.parametrize(("words", "module"), changed.STARTED.items(), ids=list(changed.STARTED))
def test_every_program_is_started_by_a_test(words: str, module: str) -> None:
    assert (ROOT / module).is_file()
    texts = [file.read_text() for file in (ROOT / "tests").rglob("*.py") if file.name != "changed.py"]
    assert any(words in text for text in texts)


def test_the_change_is_what_git_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changed, "ROOT", tmp_path)
    git(tmp_path, "init", "--initial-branch=main")
    for name in ("kept", "edited", "staged", "committed", ".gitignore"):
        (tmp_path / name).write_text("ignored\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--message", "first")
    assert changed.changed(changed.left_main()) == []
    git(tmp_path, "checkout", "-b", "branch")
    for name in ("committed", "staged", "edited", "new", "ignored"):
        (tmp_path / name).write_text("changed\n")
        if name == "committed":
            git(tmp_path, "commit", "--all", "--message", "second")
        if name == "staged":
            git(tmp_path, "add", name)
    assert changed.changed(changed.left_main()) == ["committed", "edited", "new", "staged"]
    assert changed.changed("HEAD") == ["edited", "new", "staged"]


def test_the_command_gets_the_tests(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    notes = "tests/chart/test_notes.py"
    monkeypatch.setattr(changed, "changed", {"HEAD": [notes]}.__getitem__)
    assert changed.main(["--base", "HEAD", "echo", "pytest", "-n", "6"]) == 0
    said = f"1 changed files can break 1 of {len(changed.test_files())} test files\n"
    assert capfd.readouterr().out == f"{said}pytest -n 6 {notes}\n"
    assert changed.main(["--base", "HEAD", "false"]) == 1
