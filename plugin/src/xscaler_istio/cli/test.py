"""`helm xscaler test`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads the annotations
from typing import Annotated

import typer

from xscaler_istio.cli import completion, options
from xscaler_istio.system.errors import ExitCode

EXAMPLE = "helm xscaler test xscaler-istio -n telemetry; or: helm xscaler test --local -f values.yaml"


@options.with_sets
def command(
    release_name: Annotated[
        str, typer.Argument(metavar="RELEASE", help="A release in the cluster of the current kubeconfig.")
    ] = "",
    values: options.Values = None,
    sets: options.Sets = (),
    chart: options.Chart = None,
    namespace: options.Namespace = "default",
    local: Annotated[
        bool, typer.Option("--local", help="Without a cluster: mesh and xScaler run on this machine.")
    ] = False,
    collector: Annotated[
        str,
        typer.Option(
            help="With --local: this collector, whatever metrics.collector says.",
            metavar="prometheus|alloy|opentelemetry",
            autocompletion=completion.choices("prometheus", "alloy", "opentelemetry"),
        ),
    ] = "",
    only: Annotated[
        str,
        typer.Option(
            help="With --local: judge one part alone; for logs no collector runs, for the others no log agent.",
            metavar="scraping|pushing|logs",
            autocompletion=completion.choices("scraping", "pushing", "logs"),
        ),
    ] = "",
    keep: Annotated[
        bool,
        typer.Option("--keep", help="With --local: leave all of it up after the report, for a look around, until ^C."),
    ] = False,
    program: Annotated[
        list[str] | None,
        typer.Option(
            help="With --local: where a program is (prometheus, alloy, otelcol, mimir, loki); repeatable. Else"
            " $XSCALER_<NAME>, PATH, and in a checkout tools/.",
            metavar="NAME=PATH",
        ),
    ] = None,
    backend: Annotated[
        str,
        typer.Option(
            help="What stores behind the local xScaler; auto: mimir if it is there.", metavar="auto|mimir|prometheus"
        ),
    ] = "auto",
    interval: Annotated[int, typer.Option(help="Seconds between two scrapes.", min=1)] = 5,
    timeout: Annotated[
        float, typer.Option(help="Seconds until the evidence must be complete; default 60, with RELEASE 300.", min=0)
    ] = 0,
    query_url: Annotated[str, typer.Option(help="With RELEASE: where to ask PromQL; default: by region.")] = "",
    logs_query_url: Annotated[str, typer.Option(help="With RELEASE: where to ask LogQL; default: by region.")] = "",
    read_token_file: Annotated[
        Path | None,
        typer.Option(help="With RELEASE: a file with a token that may read; without one xScaler is not asked."),
    ] = None,
    tenant: Annotated[str, typer.Option(help="With RELEASE: the tenant, if the values do not name it.")] = "",
    proxies: Annotated[
        int, typer.Option(help="Generate a mesh of this many proxies instead of the small one.", min=0)
    ] = 0,
    series: Annotated[int, typer.Option(help="Series on the page of each generated proxy.", min=1)] = 1000,
    output_dir: Annotated[
        Path | None, typer.Option(help="Keep manifests, configuration, report and logs here.")
    ] = None,
    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            help="text, json, html (one file with charts), or with RELEASE junit.",
            metavar="text|json|html|junit",
            autocompletion=completion.choices("text", "json", "html", "junit"),
        ),
    ] = "text",
    debug: options.Debug = False,
) -> None:
    """Prove scraping and pushing, of a release in a cluster or, with --local, of values on this machine.

    RELEASE: runs its `helm test`, asks its collectors what they scrape and send, and with a read token asks xScaler
    whether series and lines are there and fresh. --local: the real collector, a mesh of real Envoys, a local xScaler
    with its limits.
    """
    options.set_debug(debug)
    options.exclusive({"RELEASE": release_name, "--local": local})
    if release_name:
        from xscaler_istio.live import command as live

        options.only_with(
            "--local",
            {
                # A release has its values and its chart.
                "-f": values,
                "--set": sets,
                "--chart": chart,
                "--collector": collector,
                "--only": only,
                "--keep": keep,
                "--program": program,
                "--proxies": proxies,
                "--output-dir": output_dir,
            },
        )
        options.choose("--output", output, ("text", "json", "html", "junit"))
        asked = live.Request(
            release_name, namespace, timeout or 300, query_url, logs_query_url, read_token_file, tenant, output
        )
        text, content = live.run(asked, options.progress)
        options.write(text)
        raise typer.Exit(ExitCode.OK if content else ExitCode.FINDINGS)
    from xscaler_istio.local import command

    if local:
        of_release = {"--query-url": query_url, "--logs-query-url": logs_query_url, "--tenant": tenant}
        options.only_with("RELEASE", {"--read-token-file": read_token_file, **of_release})
    options.choose("--output", output, ("text", "json", "html"))
    options.choose("--only", only, ("", "scraping", "pushing", "logs"))
    options.choose("--collector", collector, ("", "prometheus", "alloy", "opentelemetry"))
    request = command.Request(
        backend, interval, timeout or 60, proxies, series, output_dir, output, only, keep, tuple(program or ())
    )
    # The family that Helm applies last.
    sets += (("--set-literal", f"metrics.collector={collector}"),) if collector else ()
    with options.release(chart, values, sets, namespace=namespace) as release:
        content = command.run(release, request, local=local, write=options.write, progress=options.progress)
    raise typer.Exit(ExitCode.OK if content else ExitCode.FINDINGS)
