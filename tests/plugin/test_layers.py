"""The plugin's floors: a module imports from its own folder and from lower floors, never from a sibling or upwards."""

from __future__ import annotations

import ast
from pathlib import Path

import xscaler_istio

PACKAGE = Path(xscaler_istio.__file__).parent
# From the top down, as docs/architecture.md draws them.
FLOORS = (
    ("__main__", "complete"),
    ("cli",),
    ("commands",),
    ("checks", "summary", "live", "local"),
    ("helm", "charts"),
    ("values", "cluster", "wire"),
    ("rendered", "report"),
    ("findings", "mesh"),
    ("system",),
    ("__init__",),
)
HEIGHT = {folder: -floor for floor, folders in enumerate(FLOORS) for folder in folders}


def folder_of(module: str) -> str:
    """Return the part of the plugin that a dotted name belongs to."""
    name = module.split(".")[1] if "." in module else "__init__"
    return name if name in HEIGHT or (PACKAGE / name).exists() else "__init__"


def imported(file: Path) -> set[str]:
    """Return the dotted names that a file takes from the package, those for type checkers among them."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    named = {f"{node.module}.{name.name}" for node in nodes if isinstance(node, ast.ImportFrom) for name in node.names}
    whole = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    return {name for name in named | whole if name.split(".")[0] == PACKAGE.name}


def test_imports_run_down() -> None:
    wrong = []
    for file in sorted(PACKAGE.rglob("*.py")):
        own = file.relative_to(PACKAGE).with_suffix("").parts[0]
        for name in sorted(imported(file)):
            other = folder_of(name)
            if other != own and HEIGHT[other] >= HEIGHT[own]:
                wrong.append(f"{file.relative_to(PACKAGE)} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_the_local_test_is_a_leaf() -> None:
    files = {file.relative_to(PACKAGE) for file in PACKAGE.rglob("*.py") if "local" in map(folder_of, imported(file))}
    assert {file.parts[0] for file in files} == {"cli", "local"}


def test_no_import_is_relative() -> None:
    nodes = ((file, node) for file in PACKAGE.rglob("*.py") for node in ast.walk(ast.parse(file.read_text("utf-8"))))
    assert not [str(file) for file, node in nodes if isinstance(node, ast.ImportFrom) and node.level]
