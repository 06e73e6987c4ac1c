"""`helm xscaler diff`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads the annotations
from typing import Annotated

import typer

from xscaler_istio.cli import completion, options
from xscaler_istio.system.errors import ExitCode, UsageError

EXAMPLE = "helm xscaler diff values.yaml new-values.yaml --detailed-exitcode"


@options.with_sets
def command(
    old: Annotated[
        str,
        typer.Argument(
            metavar="OLD", help="Compare this values file (- reads stdin).", autocompletion=completion.values_files
        ),
    ],
    new: Annotated[
        str,
        typer.Argument(
            metavar="NEW",
            help="Compare OLD with this values file; default: OLD.",
            autocompletion=completion.values_files,
        ),
    ] = "",
    values: Annotated[
        list[str] | None,
        typer.Option(
            "-f",
            "--values",
            help="Put these values below both OLD and NEW (repeatable).",
            metavar="FILE",
            autocompletion=completion.values_files,
        ),
    ] = None,
    sets: options.Sets = (),
    chart: options.Chart = None,
    against_chart: Annotated[
        Path | None,
        typer.Option(
            "--against-chart",
            help="Use this chart, a folder or a package (.tgz), for NEW; default: that of --chart.",
            metavar="CHART",
            autocompletion=completion.folders,
        ),
    ] = None,
    namespace: options.Namespace = "default",
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 1 if there are differences.")
    ] = False,
    output: options.Output = "text",
    debug: options.Debug = False,
) -> None:
    """Describe what changes from OLD to NEW: jobs, metrics, labels, destinations, permissions, fields of objects.

    Compare two values files, two versions of the chart (--chart, --against-chart), or both. --set applies to both.
    """
    from xscaler_istio import helm
    from xscaler_istio.commands import diff
    from xscaler_istio.summary.rendering import Rendering
    from xscaler_istio.system import programs, terminal

    options.set_debug(debug)
    options.choose("--output", output, ("text", "json"))
    if not new and not against_chart:
        raise UsageError("nothing to compare OLD with", "name a second values file, or use --against-chart")
    charts = (programs.chart(chart), programs.chart(against_chart or chart))
    with options.spooled([*(values or ()), old, *([new] if new else [])]) as files:
        common, sides = files[: len(values or ())], (files[len(values or ())], files[-1])
        names = options.shown(values)
        arguments = (
            helm.ValuesArguments((*common, side), sets, (*names, *options.shown([name])))
            for side, name in zip(sides, (old, new or old), strict=True)
        )
        asked = {
            f"{side} ({given.names[-1]})": helm.Inputs(chart=folder, values=given, namespace=namespace)
            for side, folder, given in zip(("OLD", "NEW"), charts, arguments, strict=True)
        }
        with options.refusals_explained(asked):
            before, after = Rendering.each((inputs, side) for side, inputs in asked.items())
    changes = diff.compare(before, after)
    options.show(diff.as_json(changes) if output == "json" else diff.text(changes, terminal.of_stdout()))
    raise typer.Exit(ExitCode.FINDINGS if changes and detailed_exitcode else ExitCode.OK)
