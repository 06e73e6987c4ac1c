"""The command line: parse, call, print, exit. No logic, and no heavy import before a command runs."""

from __future__ import annotations

from typing import Annotated

import typer

from xscaler_istio import __version__
from xscaler_istio.cli import lint, render, rules, test, validate
from xscaler_istio.errors import exit_code_boundary

app = typer.Typer(
    name="xscaler",
    help="Validate, render, lint and test the xscaler-istio chart before it is installed.",
    epilog="Exit codes: 0 ok, 1 findings or a failed test, 2 usage, 3 environment, 4 unreachable, 5 bug, 130 ^C.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# In the order in which --help lists them. Each module has `command` and an `EXAMPLE` of its use.
for _name, _module in {"validate": validate, "render": render, "lint": lint, "test": test, "rules": rules}.items():
    app.command(_name, epilog=f"Example: {_module.EXAMPLE}")(_module.command)


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
        app()
