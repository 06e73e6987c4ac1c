"""`helm xscaler fit`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from xscaler_istio.cli import options
from xscaler_istio.system.errors import ExitCode

if TYPE_CHECKING:
    from xscaler_istio.commands.bases import Look

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
        int | None,
        typer.Option(
            help="Exit with 1 if more series would be active; default: xscaler.plan.activeSeries.", min=0, metavar="N"
        ),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(
            help="Read the responses of one pod from each of this many workloads; default: 20.",
            min=1,
            max=1000,
            metavar="N",
        ),
    ] = None,
    mesh: Annotated[
        str,
        typer.Option(
            "--mesh",
            help="Estimate a mesh of this size, without a cluster; `requests` a second are for access logs.",
            metavar="proxies=,peers=,codes=[,requests=]",
        ),
    ] = "",
    stored: Annotated[
        bool,
        typer.Option("--stored", help="Estimate from the series that xScaler has of the cluster, with a read token."),
    ] = False,
    read_token_file: Annotated[
        Path | None,
        typer.Option(
            "--read-token-file",
            help="Take the read token of --stored from this file; default: $XSCALER_READ_TOKEN.",
            metavar="FILE",
        ),
    ] = None,
    tenant: Annotated[
        str, typer.Option("--tenant", help="Use this tenant with --stored if the values do not name one.", metavar="ID")
    ] = "",
    query_url: Annotated[
        str,
        typer.Option(
            "--query-url", help="Send PromQL queries to this URL; default: derived from the region.", metavar="URL"
        ),
    ] = "",
    classic: Annotated[bool, typer.Option("--classic", help="Propose no native histograms.")] = False,
    output: options.Output = "text",
    debug: options.Debug = False,
) -> None:
    """Estimate what a mesh costs, and propose the least lossy values that fit the plan.

    The command reads the responses of a sample of proxies through the API server, applies the rules of the rendered
    release to them, and adds up the series for the whole mesh. It installs and changes nothing, and needs the
    permission to get pods/proxy. With --stored it counts the series that xScaler has instead, with --mesh it computes
    with a stated size.
    """
    from xscaler_istio.commands import fit, fit_report

    options.set_debug(debug)
    options.choose("--output", output, ("text", "json"))
    options.exclusive({"--mesh": mesh, "--stored": stored})
    needing = {"--read-token-file": read_token_file, "--tenant": tenant, "--query-url": query_url}
    options.only_with("--stored", {} if stored else needing)
    for option, given in {"--sample": sample, "--kube-context": kube_context}.items():
        options.exclusive({"--mesh": mesh, "--stored": stored, option: given})
    if mesh:
        look = _of_size(mesh)
    elif stored:
        look = _of_stored(read_token_file, tenant, query_url)
    else:
        look = _of_cluster(kube_context, sample or 20)
    with options.release(chart, [*(files or ()), *(values or ())], sets, namespace=namespace) as release:
        found = fit.fit(release, look, limit=max_series or 0, classic=classic, progress=options.progress)
    options.show(fit_report.as_json(found) if output == "json" else fit_report.text(found))
    raise typer.Exit(ExitCode.OK if found.fits else ExitCode.FINDINGS)


def _of_cluster(kube_context: str, sample: int) -> Look:
    from xscaler_istio.cluster import access
    from xscaler_istio.commands import bases

    return bases.of_cluster(access.access(kube_context), sample)


def _of_size(mesh: str) -> Look:
    from xscaler_istio.checks import case
    from xscaler_istio.commands import bases

    return bases.of_size(case.mesh(mesh))


def _of_stored(read_token_file: Path | None, tenant: str, query_url: str) -> Look:
    from xscaler_istio.commands import bases
    from xscaler_istio.system.errors import UsageError
    from xscaler_istio.wire import query_api

    reader = query_api.reader(read_token_file, query_url)
    if not reader:
        message = "--stored needs a token with the read scope"
        raise UsageError(message, f"give it with --read-token-file, or in ${query_api.TOKEN_VARIABLE}")
    return bases.of_stored(reader, tenant)
