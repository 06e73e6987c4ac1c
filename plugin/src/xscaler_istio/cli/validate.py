"""`helm xscaler validate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xscaler_istio.cli import options

EXAMPLE = "helm xscaler validate -f values.yaml --mesh proxies=300,peers=10,codes=3"


@options.with_sets
def command(
    files: options.Files = None,
    values: options.Values = None,
    sets: options.Sets = (),
    chart: options.Chart = None,
    namespace: options.Namespace = "default",
    mesh: Annotated[
        str,
        typer.Option(
            "--mesh",
            help="Check shards and memory for a mesh of this size; default: `mesh` in .xscaler.yaml.",
            metavar="proxies=,peers=,codes=",
        ),
    ] = "",
    fail_on: options.FailOn = "error",
    output: options.FindingsOutput = "text",
    debug: options.Debug = False,
) -> None:
    """Check values against the chart's schema and rules: show file, line, column, and what to write instead.

    `helm xscaler rules` explains each rule. To ignore a finding, write `# xscaler: ignore XS213 the reason` on its
    line, or list it in .xscaler.yaml in the working directory.
    """
    from xscaler_istio.helm.reading import reading

    options.set_debug(debug)
    severity = options.fail_on(fail_on)
    with options.release(chart, [*(files or ()), *(values or ())], sets, namespace=namespace) as release:
        with reading(release) as read:
            # Loaded while Helm renders.
            from xscaler_istio.checks import case
            from xscaler_istio.commands import project
            from xscaler_istio.commands.validate import judge

            ours = project.read(Path.cwd()).with_mesh(case.mesh(mesh) if mesh else None)
            found = judge(read, ours, severity)
        options.report(found, output)
