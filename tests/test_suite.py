"""The suite's own order: what tests of two folders use is in tests/support."""

from __future__ import annotations

import ast
from pathlib import Path

TESTS = Path(__file__).parent
# Benchmarks measure what the pipeline tests judge.
BORROWED = {("bench", "pipeline")}


def imported(file: Path) -> set[str]:
    """Return the dotted names of the modules of tests that a file imports."""
    package = ("tests", *file.relative_to(TESTS).parts[:-1])
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) + 1 - node.level]) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            found |= {module, *(f"{module}.{name.name}" for name in node.names)}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return {name for name in found if name.startswith("tests.")}


def test_a_folder_imports_from_itself_and_from_support() -> None:
    wrong = []
    for file in sorted(TESTS.rglob("*.py")):
        own = file.relative_to(TESTS).parts[0]
        for name in sorted(imported(file)):
            folder = name.split(".")[1]
            others = {*{own, "support"}, *(lender for borrower, lender in BORROWED if borrower == own)}
            if "conftest" in name.split(".") or ((TESTS / folder).is_dir() and folder not in others):
                wrong.append(f"{file.relative_to(TESTS)} imports {name}")
    assert not wrong, "\n".join(wrong)
