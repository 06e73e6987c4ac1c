"""`helm xscaler fit`."""

from __future__ import annotations

from typing import Annotated

import typer

from xscaler_istio.cli import options
from xscaler_istio.system.errors import ExitCode

EXAMPLE = "helm xscaler fit -n telemetry -f values.yaml --max-series 20000"


@options.with_sets
def command(
    files: options.Files = None,
    values: options.Values = None,
    sets: options.Sets = (),
    chart: options.Chart = None,
    namespace: options.Namespace = "default",
    kube_context: options.KubeContext = "",
    max_series: Annotated[
        int,
        typer.Option(
            help="Exit with 1 if more series would be active; default: xscaler.plan.activeSeries.", min=0, metavar="N"
        ),
    ] = 0,
    sample: Annotated[
        int, typer.Option(help="Read the responses of this many pods, each of another workload.", min=1, max=1000)
    ] = 20,
    classic: Annotated[bool, typer.Option("--classic", help="Propose no native histograms.")] = False,
    output: options.Output = "text",
    debug: options.Debug = False,
) -> None:
    """Estimate what a running mesh costs, and propose the least lossy values that fit the plan.

    The command reads the responses of a sample of proxies through the API server, applies the rules of the rendered
    release to them, and adds up the series for the whole mesh. It installs and changes nothing, and needs the
    permission to get pods/proxy.
    """
    from xscaler_istio.cluster import access
    from xscaler_istio.commands import fit

    options.set_debug(debug)
    options.choose("--output", output, ("text", "json"))
    with options.release(chart, [*(files or ()), *(values or ())], sets, namespace=namespace) as release:
        cluster = access.access(kube_context)
        found = fit.fit(cluster, release, most=sample, limit=max_series, classic=classic, progress=options.progress)
    options.show(fit.as_json(found) if output == "json" else fit.text(found))
    raise typer.Exit(ExitCode.OK if found.fits else ExitCode.FINDINGS)
