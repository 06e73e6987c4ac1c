"""`helm xscaler explain`."""

from __future__ import annotations

from typing import Annotated

import typer

from xscaler_istio.cli import completion, options

EXAMPLE = "helm xscaler explain metrics.scrapeInterval"


@options.with_sets
def command(
    key: Annotated[
        str,
        typer.Argument(
            metavar="KEY",
            help="Explain this key; of a block, list the keys below it.",
            autocompletion=completion.value_keys,
        ),
    ] = "",
    values: options.Values = None,
    sets: options.Sets = (),
    chart: options.Chart = None,
    output: options.Output = "text",
    debug: options.Debug = False,
) -> None:
    """Explain a key of the values: type, default, unit, allowed values, an example and what the example changes.

    The command renders the chart without and with the example and compares the two, with your values if you give any.
    """
    from xscaler_istio.commands import explain
    from xscaler_istio.system import terminal
    from xscaler_istio.values import keys, schema

    options.set_debug(debug)
    options.choose("--output", output, ("text", "json"))
    with options.release(chart, values, sets, namespace="default") as release:
        found = keys.find(schema.load(release.chart), key)
        effect = explain.effect(found, release)
    shown = explain.as_json(found, effect) if output == "json" else ""
    options.write(shown or explain.text(found, effect, terminal.of_stdout()))
