"""The command line: parse, call, print, exit. No logic, and no heavy import before a command runs."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from xscaler_istio import __version__
from xscaler_istio.cli import diff, doctor, explain, init, lint, render, rules, schema, test, validate
from xscaler_istio.system.errors import exit_code_boundary

app = typer.Typer(
    name="xscaler",
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
for _name, _module in _COMMANDS.items():
    _first = (_module.command.__doc__ or "").partition("\n")[0]
    app.command(_name, short_help=_first, epilog=f"Example: {_module.EXAMPLE}")(_module.command)


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
