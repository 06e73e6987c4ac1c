"""What may stand next on a command line, for Helm's completion of plugins.

Helm runs `plugin.complete` with the words after `helm xscaler`, the last of them unfinished, and reads a candidate with
its help a line, and at the end how the shell goes on (cobra's directives).
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from xscaler_istio.cli import forms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Completer = Callable[[str], "Candidates"]

# What may be written, with its help. Typer evaluates the annotations of completers, so that their types are real.
Candidates = list[tuple[str, str]]
_NO_FILES, _NO_SPACE, _FILES_BY_EXTENSION, _FOLDERS = 4, 2, 8, 16
# An answer that is none: the shell is to complete files of these extensions, or folders.
_MARK = "\x1f"
_VALUES_FILES, _ANY_FOLDER = "yaml yml json", "folders"
_WIDTH = 120


def values_files(typed: str) -> Candidates:
    """Have the shell complete values files."""
    return [(f"{typed}{_MARK}{_VALUES_FILES}", "")]


def folders(typed: str) -> Candidates:
    """Have the shell complete folders."""
    return [(f"{typed}{_MARK}{_ANY_FOLDER}", "")]


def choices(*names: str) -> Completer:
    """Return a completer of a fixed set."""

    def complete(typed: str) -> Candidates:
        return [(name, "") for name in names if name.startswith(typed)]

    return complete


def value_keys(context: typer.Context, typed: str) -> Candidates:
    """Complete a key of the chart's values."""
    from xscaler_istio.values import keys

    return [(name, _short(words)) for name, words in keys.beginning_with(_schema(context), typed)]


def settings(context: typer.Context, typed: str) -> Candidates:
    """Complete key=value of --set: the key, and the value where its choices are known."""
    from xscaler_istio.values import keys

    # Several are separated by commas; a comma in a value is written with a backslash.
    before, comma, last = typed.rpartition(",")
    schema, (name, equals, _) = _schema(context), last.partition("=")
    if equals:
        found = [(f"{name}={value}", "") for value in keys.values_of(schema, name)]
    else:
        known = keys.beginning_with(schema, last)
        found = [(key if key.endswith(".") else f"{key}=", _short(words)) for key, words in known]
    return [(f"{before}{comma}{text}", words) for text, words in found if text.startswith(last)]


def rules(typed: str) -> Candidates:
    """Complete the id of a rule."""
    from xscaler_istio.checks import catalogue

    return [(rule.id, rule.title) for rule in catalogue.rules() if rule.id.startswith(typed.upper())]


def _short(words: str) -> str:
    return words.partition(". ")[0].removesuffix(".")


def _schema(context: typer.Context) -> Mapping[str, Any]:
    from xscaler_istio.system import programs
    from xscaler_istio.system.errors import XscalerError

    try:
        file = programs.chart(context.params.get("chart")) / "values.schema.json"
        loaded: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (XscalerError, OSError, ValueError):
        return {}
    return loaded


def answer(words: Sequence[str]) -> str:
    """Return the answer to Helm about the last of the words after `helm xscaler`, which is not finished."""
    *before, typed = words or ("",)
    found = _candidates(list(before), typed)
    first = found[0][0] if found else ""
    if _MARK in first:
        wanted = first.partition(_MARK)[2]
        return f":{_FOLDERS}\n" if wanted == _ANY_FOLDER else "\n".join([*wanted.split(), f":{_FILES_BY_EXTENSION}\n"])
    lines = (f"{name}\t{' '.join(words.split())}" if words else name for name, words in found)
    goes_on = any(name.endswith((".", "=")) for name, _ in found)
    return "\n".join([*lines, f":{_NO_FILES + (_NO_SPACE if goes_on else 0)}\n"])


def _candidates(before: list[str], typed: str) -> Candidates:
    """Walk Typer's tree of commands. Its own completion reads all values first, for which it loads pydantic."""
    from xscaler_istio.cli import app, made

    group: Any = typer.main.get_command(app)
    name = next((word for word in before if not word.startswith("-")), "")
    if not name:
        commands = [(item, _help(command)) for item, command in group.commands.items() if " " not in item]
        return [item for item in commands if item[0].startswith(typed)] or _flags(group, typed)
    words, listed = before[before.index(name) + 1 :], made(name)
    if not listed:
        return []
    flag = _form(listed, words)
    others = [] if flag else [(other, _help(command)) for other, command in listed.items() if other]
    found = [item for item in others if typed.startswith("-") and item[0].startswith(typed)]
    return [*_of_command(listed[flag], [word for word in words if not flag or word != flag], typed), *found]


def _form(listed: Mapping[str, Any], words: list[str]) -> str:
    """Return the flag of the form that a line means: the one that it names, or else the first that has its options."""
    given = {word for word in words if word.startswith("-")}
    has = {flag: {name for option in form.params for name in forms.flags(option)} for flag, form in listed.items()}
    return forms.chosen(listed, words) or next((flag for flag, names in has.items() if given <= names), "")


def _help(command: Any) -> str:
    text: str = command.get_short_help_str(_WIDTH)
    return text


def _of_command(command: Any, before: list[str], typed: str) -> Candidates:
    takers = forms.takers([command])
    context = typer.Context(command)
    context.params["chart"] = next((Path(value) for flag, value in pairwise(before) if flag == "--chart"), None)
    if before and before[-1] in takers:
        return _values(takers[before[-1]], context, typed)
    if typed.startswith("-"):
        return _flags(command, typed)
    positions = [argument for argument in command.params if not forms.flags(argument)]
    given = [word for word in forms.free(before, takers) if not word.startswith("-")]
    # The last argument may be one that takes any number.
    endless = positions[-1:] if positions and positions[-1].nargs < 0 else []
    wanted = [*positions[len(given) :], *endless][:1]
    return _values(wanted[0], context, typed) if wanted else []


def _flags(command: Any, typed: str) -> Candidates:
    options = [*command.params, command.get_help_option(typer.Context(command))]
    found = ((flag, option.help or "") for option in options for flag in forms.flags(option))
    return [(flag, words) for flag, words in found if flag.startswith(typed) and typed.startswith("-")]


def _values(parameter: Any, context: typer.Context, typed: str) -> Candidates:
    return [(item.value, item.help or "") for item in parameter.shell_complete(context, typed)]
