"""`helm xscaler doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xscaler_istio.cli import options

EXAMPLE = "helm xscaler doctor -n telemetry -f values.yaml"


@options.with_sets
def command(
    values: options.Values = None,
    sets: options.Sets = (),
    chart: options.Chart = None,
    namespace: options.Namespace = "default",
    kube_context: Annotated[
        str,
        typer.Option(
            "--kube-context", envvar="HELM_KUBECONTEXT", help="Context of the kubeconfig; default: the current one."
        ),
    ] = "",
    probe: Annotated[
        bool, typer.Option("--probe", help="Send one sample, and with logs one line, to xScaler from this machine.")
    ] = False,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            help="With --probe: a file with the token; default: the one in the release's Secret.",
            metavar="FILE",
        ),
    ] = None,
    fail_on: options.FailOn = "error",
    output: options.FindingsOutput = "text",
    debug: options.Debug = False,
) -> None:
    """Look at a cluster before an installation: what would be found there, what is in the way, and how to fix it.

    Reads Istio, its pods and settings, and the namespace of the release, and changes nothing. With --probe it asks
    xScaler as well, with the token in the release's Secret or, where you may not read that, in --token-file.

    What you may not read is listed as not checked, with the right that is missing. `helm xscaler rules` explains each
    rule (XS4..).
    """
    from xscaler_istio.cluster import access
    from xscaler_istio.commands import doctor, project
    from xscaler_istio.system import tokens

    options.set_debug(debug)
    options.only_with("--probe", {} if probe else {"--token-file": token_file})
    severity = options.fail_on(fail_on)
    token = tokens.from_file(token_file, "the write token") if token_file else ""
    with options.release(chart, values, sets, namespace=namespace) as release:
        asked = (access.access(kube_context), release, project.read(Path.cwd()), severity)
        found = doctor.doctor(*asked, probe=probe, token=token)
    options.report(found, output)
