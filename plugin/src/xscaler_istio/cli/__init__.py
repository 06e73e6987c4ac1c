"""The command line: parse, call, print, exit. No logic, and no heavy import before a command runs."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

from xscaler_istio import __version__
from xscaler_istio.cli import diff, doctor, explain, fit, forms, init, lint, render, rules, schema, validate
from xscaler_istio.cli.test import local, release
from xscaler_istio.system.errors import exit_code_boundary
from xscaler_istio.system.masks import hidden

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Group(typer.core.TyperGroup):
    """Commands by name and first sentence; the parameters are made of the one that is called.

    Those of all commands would take a quarter of the time of `--help`.
    """

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that is called, whole; of two with the same name the one that the line chooses."""
        name, *words = (*args[0].split(" "), *args[1:])
        if listed := made(name):
            flag = forms.chosen(listed, words)
            name, words = f"{name} {flag}".strip(), [word for word in words if not flag or word != flag]
            self.commands[name] = listed[flag]
        return super().resolve_command(ctx, [name, *words])


app = typer.Typer(
    name="xscaler",
    cls=_Group,
    help="Validate, explain, render, compare, lint and test the xscaler-istio chart before it is installed.",
    epilog="Exit codes: 0 ok, 1 findings or failed test, 2 usage, 3 environment, 4 unreachable, 5 bug, 130 stopped.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Plain text: the import of rich would double the time of --help.
    rich_markup_mode=None,
    # Help fills a wide terminal, up to lines that are still easy to read.
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)

# In the order in which --help lists them. Each module has `command` and an `EXAMPLE` of its use. A flag in a
# name chooses between two commands of one name.
_COMMANDS = {
    "validate": validate,
    "render": render,
    "diff": diff,
    "explain": explain,
    "init": init,
    "schema": schema,
    "lint": lint,
    "doctor": doctor,
    "fit": fit,
    "test": release,
    "test --local": local,
    "rules": rules,
}


def made(name: str) -> Mapping[str, Any]:
    """Return the commands of a name with their parameters, by the flag that chooses each, which the first lacks.

    They are click's commands, which Typer does not give by name.
    """
    listed = {full.partition(" ")[2]: full for full in _COMMANDS if full.partition(" ")[0] == name}
    commands = {flag: _made(full, forms.Form if len(listed) > 1 else None) for flag, full in listed.items()}
    for command in commands.values():
        command.forms = commands
    return commands


def _made(full: str, kind: type[typer.core.TyperCommand] | None) -> Any:
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    module = _COMMANDS[full]
    alone.command(full, cls=kind, epilog=f"Example: {module.EXAMPLE}")(module.command)
    return typer.main.get_command(alone)


def _named() -> None:
    """Stand for a command in the list of all."""


for _name, _module in _COMMANDS.items():
    app.command(_name, short_help=(_module.command.__doc__ or "").partition("\n")[0])(_named)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


# Every error of a command line, of click or of Typer's copy of it: neither gives a name to import for both.
_WrongLine: Any = typer.BadParameter.__mro__[2]


def main() -> None:
    """Run the command line; the one place that turns errors into exit codes."""
    with exit_code_boundary():
        # Helm gives its plugins their folder.
        name = "helm xscaler" if os.environ.get("HELM_PLUGIN_DIR") else "xscaler-istio"
        try:
            sys.exit(app(prog_name=name, standalone_mode=False) or 0)
        except _WrongLine as error:
            # It repeats the words of the line, of which one may be a token.
            said = io.StringIO()
            error.show(file=said)
            print(hidden(said.getvalue()), end="", file=sys.stderr)  # noqa: T201
            sys.exit(error.exit_code)
