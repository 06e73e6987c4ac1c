"""`helm xscaler validate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xscaler_istio.cli import options

EXAMPLE = "helm xscaler validate -f values.yaml --mesh proxies=300,peers=10,codes=3"


@options.with_sets
def command(
    values: options.Values = None,
    sets: options.Sets = (),
    chart: options.Chart = None,
    namespace: options.Namespace = "default",
    mesh: Annotated[
        str,
        typer.Option(
            "--mesh",
            help="Size of the mesh, to judge shards and memory; default: `mesh` of .xscaler.yaml.",
            metavar="proxies=,peers=,codes=",
        ),
    ] = "",
    fail_on: options.FailOn = "error",
    output: options.FindingsOutput = "text",
    debug: options.Debug = False,
) -> None:
    """Check values against the chart's schema and rules: file, line, column, and what to write instead.

    `helm xscaler rules` explains each rule. A finding is ignored with `# xscaler: ignore XS213 the reason` on its
    line, or in .xscaler.yaml of the working directory.
    """
    import dataclasses

    from xscaler_istio import project
    from xscaler_istio.checks import case
    from xscaler_istio.validate import validate as run

    options.set_debug(debug)
    severity = options.fail_on(fail_on)
    ours = project.read(Path.cwd())
    if mesh:
        ours = dataclasses.replace(ours, surroundings=dataclasses.replace(ours.surroundings, mesh=case.mesh(mesh)))
    with options.release(chart, values, sets, namespace=namespace) as release:
        options.report(run(release, options.shown(values), ours, severity), output)
