"""One noun, one class: a name means one thing in the whole plugin, and an import keeps the name of what it imports."""

from __future__ import annotations

import ast
import collections
from pathlib import Path

import xscaler_istio

PACKAGE = Path(xscaler_istio.__file__).parent
TREES = {file.relative_to(PACKAGE): ast.parse(file.read_text(encoding="utf-8")) for file in PACKAGE.rglob("*.py")}
# As their documentation imports them.
CUSTOMARY = {"ET", "AbstractSet"}


def test_no_two_classes_share_a_name() -> None:
    places = collections.defaultdict(list)
    for file, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(file))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_no_import_goes_by_another_name() -> None:
    renamed = [
        f"{file}: {name.name} as {name.asname}"
        for file, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
        if name.asname and name.asname not in CUSTOMARY
    ]
    assert renamed == []


def test_a_dataclass_of_five_fields_and_more_takes_keywords_only() -> None:
    positional = [
        f"{file}: {node.name}"
        for file, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and sum(isinstance(item, ast.AnnAssign) for item in node.body) >= 5
        for decorator in map(ast.unparse, node.decorator_list)
        if "dataclass" in decorator and "kw_only=True" not in decorator
    ]
    assert positional == []
