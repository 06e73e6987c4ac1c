"""`helm xscaler test RELEASE`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads the annotations
from typing import Annotated

import typer

from xscaler_istio.cli import completion, options
from xscaler_istio.system.errors import ExitCode

EXAMPLE = "helm xscaler test xscaler-istio -n telemetry"

_OUTPUTS = ("text", "json", "html", "junit")


def command(
    release_name: Annotated[
        str, typer.Argument(metavar="RELEASE", help="A release in the cluster of the current kubeconfig.")
    ],
    namespace: options.Namespace = "default",
    timeout: Annotated[float, typer.Option(help="Give `helm test` this many seconds.", min=1)] = 300,
    read_token_file: Annotated[
        Path | None,
        typer.Option(
            help="Take the read token from this file. Without it and without $XSCALER_READ_TOKEN, xScaler is not"
            " queried.",
            metavar="FILE",
        ),
    ] = None,
    tenant: Annotated[str, typer.Option(help="Ask for this tenant, if the values do not name it.")] = "",
    query_url: Annotated[str, typer.Option(help="Ask PromQL here; default: by region.", metavar="URL")] = "",
    logs_query_url: Annotated[str, typer.Option(help="Ask LogQL here; default: by region.", metavar="URL")] = "",
    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            help="Report as text, json, html (one file) or junit.",
            metavar="|".join(_OUTPUTS),
            autocompletion=completion.choices(*_OUTPUTS),
        ),
    ] = "text",
    debug: options.Debug = False,
) -> None:
    """Test a release in the cluster: its scrapes, its pushes and, with a read token, what xScaler has of it.

    Runs the release's `helm test`, asks its collectors what they scrape and send, and with a read token asks xScaler
    whether series and lines are there and fresh.

    `test --local` needs no cluster: it tests values on this machine. `test --local --help` shows its options.
    """
    from xscaler_istio.live.command import ReleaseTest, run

    options.set_debug(debug)
    options.choose("--output", output, _OUTPUTS)
    asked = ReleaseTest(
        release=release_name,
        namespace=namespace,
        timeout=timeout,
        query_url=query_url,
        logs_query_url=logs_query_url,
        read_token_file=read_token_file,
        tenant=tenant,
        output=output,
    )
    text, ok = run(asked, options.progress)
    options.write(text)
    raise typer.Exit(ExitCode.OK if ok else ExitCode.FINDINGS)
