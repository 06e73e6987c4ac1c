"""`helm xscaler rules`."""

from __future__ import annotations

from typing import Annotated

import typer

from xscaler_istio.cli import completion, options

EXAMPLE = "helm xscaler rules XS213"


def command(
    rule: Annotated[
        str,
        typer.Argument(
            metavar="[ID]", help="One rule, explained; without it all are listed.", autocompletion=completion.rules
        ),
    ] = "",
    output: Annotated[
        str, typer.Option("-o", "--output", help="text, json or markdown.", metavar="text|json|markdown")
    ] = "text",
) -> None:
    """Explain the rules of `validate`, `lint` and `doctor`: what each is about, why, how to fix it, an example."""
    from xscaler_istio.checks import catalogue, documentation

    options.choose("--output", output, documentation.WRITERS)
    chosen = (catalogue.rule(rule),) if rule else catalogue.rules()
    options.write(documentation.WRITERS[output](chosen))
