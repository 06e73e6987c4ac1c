"""`helm xscaler test RELEASE`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads the annotations
from typing import Annotated

import typer

from xscaler_istio.cli import completion, options
from xscaler_istio.system.errors import ExitCode, UsageError

EXAMPLE = "helm xscaler test xscaler-istio -n telemetry"

_OUTPUTS = ("text", "json", "html", "junit")


def command(
    release_name: Annotated[
        str, typer.Argument(metavar="RELEASE", help="Test this release in the cluster of the current kubeconfig.")
    ],
    namespace: options.Namespace = "default",
    timeout: Annotated[
        float, typer.Option(help="Wait up to this many seconds for `helm test`.", min=1, max=86400, metavar="SECONDS")
    ] = 300,
    read_token_file: Annotated[
        Path | None,
        typer.Option(
            help="Take the read token from this file. Without it and without $XSCALER_READ_TOKEN, xScaler is not"
            " queried.",
            metavar="FILE",
        ),
    ] = None,
    tenant: Annotated[str, typer.Option(help="Use this tenant if the values do not name one.", metavar="ID")] = "",
    query_url: Annotated[
        str, typer.Option(help="Send PromQL queries to this URL; default: derived from the region.", metavar="URL")
    ] = "",
    logs_query_url: Annotated[
        str, typer.Option(help="Send LogQL queries to this URL; default: derived from the region.", metavar="URL")
    ] = "",
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
    """Test a release in the cluster: its scrapes, its pushes and, with a read token, what xScaler has stored.

    The command runs the release's `helm test`, asks its collectors what they scrape and send, and with a read token
    asks xScaler whether series and lines arrive and are fresh.

    `test --local` needs no cluster: it tests values on this machine. `test --local --help` shows its options.
    """
    from xscaler_istio.live.command import ReleaseTest, run

    options.set_debug(debug)
    options.choose("--output", output, _OUTPUTS)
    if options.release_and_files([release_name], "")[1]:
        message = f"{release_name} is a values file, and test without --local needs the name of a release"
        raise UsageError(message, f"to test the values without a cluster: test --local {release_name}")
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
    options.show(text, places=True)
    raise typer.Exit(ExitCode.OK if ok else ExitCode.FINDINGS)
