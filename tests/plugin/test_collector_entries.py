"""A collector is one entry of the plugin: its names stand there, and nowhere else without a reason."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

import xscaler_istio
from tests.support.paths import CHART, ROOT
from xscaler_istio.rendered.collectors import COLLECTORS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PACKAGE = Path(xscaler_istio.__file__).parent
ENTRIES = PACKAGE / "rendered/collectors"
# Of a collector's block in the values.
KEYS = yaml.safe_load((CHART / "values.yaml").read_text())[next(iter(COLLECTORS))].keys()
# What is called after a collector: its programs, its file and its values.
NAMES = frozenset(
    word
    for name, entry in COLLECTORS.items()
    for word in (name, entry.program, entry.validator.program, entry.config_file, *(f"{name}.{key}" for key in KEYS))
)
# What else is called like a collector, by file, and why it may stand there.
BACKEND = "a Prometheus server is one of the two backends of a local test"
LOG_AGENT = "Alloy is the program of the log agent too"
EXAMPLE = "an example names one"
OF_OTHERS = "how collectors that others installed are recognised"
SOURCE = "plugin/src/xscaler_istio"
ALLOWED: Mapping[str, Mapping[str, str]] = {
    f"{SOURCE}/checks/reported.py": {"prometheus": EXAMPLE, "alloy": EXAMPLE},
    f"{SOURCE}/cli/render.py": {"prometheus": EXAMPLE, "prometheus.yml": EXAMPLE},
    f"{SOURCE}/cli/test/local.py": {"prometheus": BACKEND},
    f"{SOURCE}/cluster/inventory.py": dict.fromkeys(("prometheus", "alloy", "opentelemetry"), OF_OTHERS),
    f"{SOURCE}/local/command.py": {"prometheus": BACKEND},
    f"{SOURCE}/local/xscaler/backends.py": {"prometheus": BACKEND},
    f"{SOURCE}/rendered/alloy.py": {"alloy": LOG_AGENT},
    f"{SOURCE}/rendered/log_agent.py": {"alloy": LOG_AGENT},
    f"{SOURCE}/system/programs.py": {"prometheus": BACKEND},
    f"{SOURCE}/wire/remote_write.py": {"prometheus": "the protobuf package of remote write is called so"},
    "Makefile": dict.fromkeys(("prometheus", "promtool", "alloy", "otelcol"), "tools/get builds it before the tests"),
    "tests/support/alerts.py": {"prometheus": "a Prometheus server evaluates the alert rules"},
    "tests/support/another_collector.py": {"prometheus": "the one that the made-up one is like"},
    "tests/support/log_environment.py": {"prometheus": BACKEND},
    "tests/support/rendering.py": {"prometheus.yml": "the default collector's, for tests of what all have alike"},
}


def words_of(text: str) -> Iterator[str]:
    """Yield the words of a text, and the beginnings of those with dots: a key of the values is one of its block."""
    for word in re.findall(r"[\w./-]+", text):
        steps = word.strip(".").split(".")
        yield from (".".join(steps[:count]) for count in (*range(2, len(steps)), len(steps)))


def said_in_python(text: str) -> set[str]:
    """Return the words in the strings of a module, and its identifiers; not those in documentation and comments."""
    tree = ast.parse(text)
    documented = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in documented:
            found |= set(words_of(node.value))
        found |= {
            word
            for name in ("id", "attr", "arg", "name", "module")
            if isinstance(value := getattr(node, name, None), str)
            for word in value.split(".")
        }
    return found


def test_an_entry_is_a_module_of_its_folder() -> None:
    assert {file.stem for file in ENTRIES.glob("*.py")} - {"__init__"} == set(COLLECTORS)


def test_a_name_stands_in_its_entry_only() -> None:
    scripts = [ROOT / "Makefile", ROOT / "tools/get", ROOT / "action.yaml", *ROOT.glob(".github/**/*.yaml")]
    files = [*PACKAGE.rglob("*.py"), *ROOT.glob("release/*.py"), *ROOT.glob("tests/support/*.py"), *scripts]
    wrong, used = [], set()
    for file in files:
        if file.parent == ENTRIES:
            continue
        text, name = file.read_text(encoding="utf-8"), str(file.relative_to(ROOT))
        words = said_in_python(text) if file.suffix == ".py" else set(words_of(text))
        for word in sorted(words & NAMES):
            if word in ALLOWED.get(name, {}):
                used.add((name, word))
            else:
                wrong.append(f"{name} names {word}")
    assert not wrong, "\n".join(wrong)
    assert used == {(name, word) for name, words in ALLOWED.items() for word in words}
