"""One noun, one class: a name means one thing in the whole plugin, and an import keeps the name of what it imports."""

from __future__ import annotations

import ast
import collections
from pathlib import Path

import xscaler_istio

PACKAGE = Path(xscaler_istio.__file__).parent
TREES = {file.relative_to(PACKAGE): ast.parse(file.read_text(encoding="utf-8")) for file in PACKAGE.rglob("*.py")}
# Each tells how one collector is asked, or run.
OF_ONE_SHAPE = {"Collector"}
# As their documentation imports them.
CUSTOMARY = {"ET", "AbstractSet"}


def test_no_two_classes_share_a_name() -> None:
    places = collections.defaultdict(list)
    for file, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(file))
    assert {name: files for name, files in places.items() if len(files) > 1 and name not in OF_ONE_SHAPE} == {}


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
