"""The command line: parse, call, print, exit. No logic, and no heavy import before a command runs."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer
import typer.core

from xscaler_istio import __version__
from xscaler_istio.cli import diff, doctor, explain, init, lint, render, rules, schema, test, validate
from xscaler_istio.system.errors import exit_code_boundary


class _Group(typer.core.TyperGroup):
    """Commands by name and first sentence; the parameters are made of the one that is called.

    Those of all commands would take a quarter of the time of `--help`.
    """

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that is called, whole."""
        if args[0] in self.commands:
            self.commands[args[0]] = made(args[0])
        return super().resolve_command(ctx, args)


app = typer.Typer(
    name="xscaler",
    cls=_Group,
    help="Validate, explain, render, compare, lint and test the xscaler-istio chart before it is installed.",
    epilog="Exit codes: 0 ok, 1 findings or a failed test, 2 usage, 3 environment, 4 unreachable, 5 bug, 130 ^C.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Plain text: the import of rich alone would double the time of --help.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# In the order in which --help lists them. Each module has `command` and an `EXAMPLE` of its use.
_COMMANDS = {
    "validate": validate,
    "render": render,
    "diff": diff,
    "explain": explain,
    "init": init,
    "schema": schema,
    "lint": lint,
    "doctor": doctor,
    "test": test,
    "rules": rules,
}


def made(name: str) -> Any:
    """Return one command with its parameters; click's command, which Typer does not give by name."""
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    module = _COMMANDS[name]
    alone.command(name, epilog=f"Example: {module.EXAMPLE}")(module.command)
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


def main() -> None:
    """Run the command line; the one place that turns errors into exit codes."""
    with exit_code_boundary():
        # Helm tells its plugins where they are.
        app(prog_name="helm xscaler" if os.environ.get("HELM_PLUGIN_DIR") else "xscaler-istio")
