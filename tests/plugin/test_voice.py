"""How the plugin's sentences read: help texts begin with a verb, and all texts use the words of the field."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
import typer

import xscaler_istio
from tests.support.words import MESSAGE_WORDS, WORDS, foreign_words
from xscaler_istio import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

    class _Text(ast.Constant):
        value: str


PACKAGE = Path(xscaler_istio.__file__).parent
# Each folder of the plugin, and "" for the modules beside them.
FOLDERS = ("", *sorted(file.parent.name for file in PACKAGE.glob("*/__init__.py")))
# What a help text may begin with.
VERBS = frozenset(
    "Accept Allow Ask Assume Check Choose Compare Describe Estimate Exit Explain Generate Give Include Keep Leave List"
    " Point Print Propose Put Read Render Report Run Scrape Send Set Show Skip Store Take Test Use Wait Write".split()
)


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command by its name, `test --local` too."""
    names = (str(listed.name).partition(" ")[0] for listed in cli.app.registered_commands)
    for name in dict.fromkeys(names):
        yield from ((f"{name} {flag}".strip(), command) for flag, command in cli.made(name).items())


def help_texts() -> Iterator[tuple[str, str]]:
    """Yield the help of each command and of each of its options and arguments, by name."""
    for name, command in commands():
        yield name, command.help
        for parameter in (*command.params, command.get_help_option(typer.Context(command))):
            if not getattr(parameter, "hidden", False):
                yield f"{name} {'/'.join(parameter.opts)}", parameter.help or ""


def messages(source: str) -> Iterator[tuple[int, str]]:
    """Yield the texts of a module, with their lines: all string literals but docstrings."""
    tree = ast.parse(source)
    docstrings = {id(text) for node in ast.walk(tree) if (text := _docstring(node))}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


def explanations(source: str) -> Iterator[tuple[int, str]]:
    """Yield the docstrings of a module and its comments, with their lines; comments below each other are one."""
    for node in ast.walk(ast.parse(source)):
        if text := _docstring(node):
            yield text.lineno, text.value
    for match in re.finditer(r"(?m)^( *)# .*(?:\n\1# .*)*|(?<=\S {2})# .*$", source):
        yield source.count("\n", 0, match.start()) + 1, re.sub(r"(?m)^ *# ", "", match[0])


def _docstring(node: ast.AST) -> _Text | None:
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or not node.body:
        return None
    match node.body[0]:
        case ast.Expr(value=ast.Constant(value=str()) as text):
            return cast("_Text", text)
    return None


def test_every_help_text_begins_with_a_verb_in_the_imperative() -> None:
    texts = dict(help_texts())
    assert len(texts) > 100
    assert not {name: text for name, text in texts.items() if text.partition(" ")[0] not in VERBS}


def test_help_texts_have_no_foreign_word() -> None:
    assert not {name: words for name, text in help_texts() if (words := foreign_words(text, MESSAGE_WORDS))}


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_plugins_texts_have_no_foreign_word(folder: str) -> None:
    wrong = [
        f"{file.relative_to(PACKAGE)}:{line}: {text!r} has {', '.join(found)}"
        for file in sorted(PACKAGE.glob(f"{folder}/**/*.py" if folder else "*.py"))
        for texts, words in ((messages, MESSAGE_WORDS), (explanations, WORDS))
        for line, text in texts(file.read_text(encoding="utf-8"))
        if (found := foreign_words(text, words))
    ]
    assert not wrong, "\n".join(wrong)


def test_docstrings_and_comments_are_not_messages() -> None:
    source = '"""Told."""\ndef f():  # for\n    """Mend it."""\n    # By\n    # it.\n    return f"{1} is" + "told"\n'
    assert sorted(messages(source)) == [(6, " is"), (6, "told")]
    assert sorted(explanations(source)) == [(1, "Told."), (2, "for"), (3, "Mend it."), (4, "By\nit.")]
