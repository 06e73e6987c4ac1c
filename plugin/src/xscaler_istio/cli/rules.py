"""`helm xscaler rules`."""

from __future__ import annotations

from typing import Annotated

import typer

from xscaler_istio.cli import completion, options

EXAMPLE = "helm xscaler rules XS213"


def command(
    rule: Annotated[
        str,
        typer.Argument(metavar="[ID]", help="Explain this rule; default: list all.", autocompletion=completion.rules),
    ] = "",
    output: Annotated[
        str, typer.Option("-o", "--output", help="Write text, json or markdown.", metavar="text|json|markdown")
    ] = "text",
) -> None:
    """List the rules of `validate`, `lint` and `doctor`, or explain one: what it checks, why, and how to fix it."""
    from xscaler_istio.checks import catalogue, documentation
    from xscaler_istio.system import terminal

    options.choose("--output", output, documentation.WRITERS)
    chosen = (catalogue.rule(rule),) if rule else catalogue.rules()
    if output == "text":
        options.write(documentation.text(chosen, terminal.of_stdout().width))
    else:
        options.write(documentation.WRITERS[output](chosen))
