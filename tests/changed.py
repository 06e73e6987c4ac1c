"""Runs the tests that a change can break.

    python -m tests.changed [--base COMMIT] COMMAND...

The command is pytest's; the test files come behind it. Changed is what differs from the commit at which this branch
left main, and what git does not know yet. A module leads to the test files that import it, over any number of steps;
any other file to those that TABLE names and those that write its name. What leads nowhere may break anything: then it
is the tests of `make test`.
"""

from __future__ import annotations

import argparse
import ast
import functools
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

ROOT = Path(__file__).resolve().parents[1]
# Where packages begin, and the folders with modules.
SOURCES = ("plugin/src", ".")
FOLDERS = ("plugin/src", "dashboards", "release", "website", "tests")
# They need a cluster, or measure.
OTHERS = ("tests/cluster/", "tests/matrix/", "tests/bench/")
# What `make test` leaves out is left out here.
ALL = ("-m", "not whole")
DASHBOARDS = ("tests/dashboards", "tests/chart/test_dashboards.py", "tests/pipeline/test_dashboards.py")
PAGES = ("tests/chart/test_docs.py", "tests/website")
# The first that a file's name begins with says which tests, besides those that write the name, the file can break.
TABLE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("chart/files/alerts/", ("tests/chart/test_alerts.py", "tests/pipeline/test_alerts.py", "tests/faults")),
    ("chart/files/dashboards/", DASHBOARDS),
    ("chart/README.md", PAGES),
    ("dashboards/", DASHBOARDS),
    ("docs/dashboards/", DASHBOARDS),
    ("docs/", PAGES),
    ("examples/alerts/", ("tests/chart/test_alerts.py",)),
    ("website/", ("tests/website",)),
    (".github/workflows/", ("tests/release/test_workflows.py",)),
    ("tools/get", ("tests/tools",)),
    ("tests/chart/alerts/", ("tests/chart/test_alerts.py",)),
    ("tests/chart/golden/", ("tests/chart/test_golden.py",)),
    ("tests/chart/log_examples/", ("tests/chart/test_log_expressions.py",)),
    ("tests/plugin/cases/", ("tests/plugin/test_cases.py",)),
    ("tests/plugin/rules/", ("tests/plugin/test_rules.py",)),
    ("tests/plugin/doctor/", ("tests/plugin/doctor",)),
    *((f"{folder}/", ()) for folder in OTHERS),
    *((f"{page}.md", PAGES) for page in ("CHANGELOG", "CONTRIBUTING", "README", "SECURITY", "UPGRADING")),
)
# What a test file writes that starts a program, and the module that this program begins with.
COMMAND = "plugin/src/xscaler_istio/cli/__init__.py"
STARTED = {
    '/ "xscaler-istio"': COMMAND,
    '"xscaler", ': COMMAND,
    "plugin/bin/": COMMAND,
    "# What the plugin needs of a checkout": COMMAND,
    '"-m", "release"': "release/__main__.py",
    '"-m", "dashboards.build"': "dashboards/build.py",
}


def changed(base: str) -> list[str]:
    """Return the files that differ from a commit, and those that git does not know."""
    known = _git("diff", "--name-only", base)
    return sorted({*known, *_git("ls-files", "--others", "--exclude-standard")})


def left_main() -> str:
    """Return the commit at which this branch left main; without a main the last one."""
    found = subprocess.run(["git", "merge-base", "HEAD", "main"], check=False, capture_output=True, text=True, cwd=ROOT)
    return found.stdout.strip() or "HEAD"


def _git(*arguments: str) -> list[str]:
    done = subprocess.run(["git", *arguments], check=True, capture_output=True, text=True, cwd=ROOT)
    return done.stdout.splitlines()


def chosen(files: Collection[str]) -> list[str]:
    """Return arguments for pytest: the test files that these files can break, or all of `make test`."""
    found: set[str] = set()
    for file in files:
        broken = breaks(file)
        if broken is None:
            return [*ALL, *test_files()]
        found |= broken
    # Changed test files run with all that is in them.
    return [*(() if found <= set(files) else ALL), *sorted(found)]


def breaks(file: str) -> set[str] | None:
    """Return the test files that a file can break, nothing for all."""
    if not (ROOT / file).exists():
        return None
    if file.endswith(".py") and file.startswith(FOLDERS) and file != "tests/conftest.py":
        # Tests of the JSON import nothing that writes it.
        return importing(file) | (_below(DASHBOARDS) if file.startswith("dashboards/") else set())
    named = next((tests for start, tests in TABLE if file.startswith(start)), None)
    writing = {test for test in test_files() if f"/{Path(file).name}" in (ROOT / test).read_text(encoding="utf-8")}
    return None if named is None else writing | _below(named or ("-",))


def _below(starts: tuple[str, ...]) -> set[str]:
    return {test for test in test_files() if test.startswith(starts)}


@functools.cache
def test_files() -> tuple[str, ...]:
    """Return the test files of `make test-all`."""
    found = (str(file.relative_to(ROOT)) for file in sorted((ROOT / "tests").rglob("test_*.py")))
    return tuple(file for file in found if not file.startswith(OTHERS))


def importing(file: str) -> set[str]:
    """Return the test files that import a module over any number of steps."""
    return {test for test in test_files() if file in needed(test)}


@functools.cache
def needed(file: str) -> frozenset[str]:
    """Return all files that a file needs, itself too."""
    found, coming = {file}, [file]
    while coming:
        new = imported(coming.pop()) - found
        found |= new
        coming += new
    return frozenset(found)


@functools.cache
def imported(file: str) -> frozenset[str]:
    """Return the modules that a module imports anywhere in it, with the packages around them, and its conftest.py."""
    source = next(source for source in SOURCES if source == "." or file.startswith(f"{source}/"))
    package = Path(file).relative_to(source).with_suffix("").parts[:-1]
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    names = {name for node in ast.walk(tree) for name in _names(node, package)}
    parts = {tuple(name.split(".")[:length]) for name in names for length in range(1, name.count(".") + 2)}
    modules = {module for part in parts if (module := _module("/".join(part)))}
    return frozenset(modules | _fixtures(file, tree) | _started(file))


def _names(node: ast.AST, package: tuple[str, ...]) -> Iterable[str]:
    if isinstance(node, ast.Import):
        yield from (name.name for name in node.names)
    if isinstance(node, ast.ImportFrom):
        around = package[: len(package) - node.level + 1] if node.level else ()
        module = ".".join((*around, *filter(None, [node.module])))
        yield from (module, *(f"{module}.{name.name}" for name in node.names))


def _module(name: str) -> str:
    files = (f"{source}/{name}{end}".removeprefix("./") for source in SOURCES for end in (".py", "/__init__.py"))
    return next((file for file in files if (ROOT / file).is_file()), "")


def _fixtures(file: str, tree: ast.AST) -> set[str]:
    """Return the conftest.py files whose fixtures a test file asks for."""
    if not Path(file).name.startswith("test_"):
        return set()
    asked = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    around = [str(folder / "conftest.py") for folder in Path(file).parents if (ROOT / folder / "conftest.py").is_file()]
    return {name for name in around if asked & _defined(name)}


@functools.cache
def _defined(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def _started(file: str) -> set[str]:
    """Return what a test starts as a process instead of importing it."""
    text = (ROOT / file).read_text(encoding="utf-8") if file.startswith("tests/") else ""
    return {module for words, module in STARTED.items() if words in text}


def main(arguments: list[str]) -> int:
    """Run the command on what the change can break, and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="", help="compare with this commit instead of where this branch left main")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    given = parser.parse_args(arguments)
    files = changed(given.base or left_main())
    tests = chosen(files)
    sys.stdout.write(
        f"{len(files)} changed files can break {sum('/' in word for word in tests)} of {len(test_files())} test files\n"
    )
    sys.stdout.flush()
    return subprocess.run([*given.command, *tests], check=False, cwd=ROOT).returncode if tests else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
