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
        typer.Argument(metavar="OLD", help="Values file; - is stdin.", autocompletion=completion.values_files),
    ],
    new: Annotated[
        str,
        typer.Argument(
            metavar="NEW", help="Values file to compare with; default: OLD.", autocompletion=completion.values_files
        ),
    ] = "",
    values: Annotated[
        list[str] | None,
        typer.Option(
            "-f",
            "--values",
            help="Values below both OLD and NEW; repeatable.",
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
            help="Chart folder or package (.tgz) for NEW; default: that of --chart.",
            metavar="CHART",
            autocompletion=completion.folders,
        ),
    ] = None,
    namespace: options.Namespace = "default",
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 1 when there are differences.")
    ] = False,
    output: options.Output = "text",
    debug: options.Debug = False,
) -> None:
    """Say in words what changes from OLD to NEW: jobs, metrics, labels, endpoints, rights, and fields of objects.

    Two values files, two versions of the chart (--chart, --against-chart), or both. --set holds for both sides.
    """
    from xscaler_istio import helm
    from xscaler_istio.commands import diff
    from xscaler_istio.summary.rendering import Rendering
    from xscaler_istio.system import programs, terminal

    options.set_debug(debug)
    options.choose("--output", output, ("text", "json"))
    if not new and not against_chart:
        raise UsageError("there is nothing to compare with", "name a second values file, or --against-chart")
    charts = (programs.chart(chart), programs.chart(against_chart or chart))
    with options.spooled([*(values or ()), old, *([new] if new else [])]) as files:
        common, sides = files[: len(values or ())], (files[len(values or ())], files[-1])
        names = options.shown(values)
        arguments = (
            helm.ValuesArguments((*common, side), sets, (*names, *options.shown([name])))
            for side, name in zip(sides, (old, new or old), strict=True)
        )
        before, after = Rendering.each(
            (helm.Inputs(chart=folder, values=given, namespace=namespace), given.names[-1])
            for folder, given in zip(charts, arguments, strict=True)
        )
    changes = diff.compare(before, after)
    options.write(diff.as_json(changes) if output == "json" else diff.text(changes, terminal.of_stdout()))
    raise typer.Exit(ExitCode.FINDINGS if changes and detailed_exitcode else ExitCode.OK)
