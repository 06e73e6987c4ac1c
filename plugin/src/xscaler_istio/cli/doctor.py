"""`helm xscaler doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xscaler_istio.cli import options

EXAMPLE = "helm xscaler doctor -n telemetry -f values.yaml"


@options.with_sets
def command(
    files: options.Files = None,
    values: options.Values = None,
    sets: options.Sets = (),
    chart: options.Chart = None,
    namespace: options.Namespace = "default",
    kube_context: options.KubeContext = "",
    probe: Annotated[
        bool,
        typer.Option(
            "--probe",
            help="Send one sample, one native histogram, and with logs one line, to xScaler from this machine.",
        ),
    ] = False,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            help="Take the token of --probe from this file; default: from the release's Secret.",
            metavar="FILE",
        ),
    ] = None,
    read_token_file: Annotated[
        Path | None,
        typer.Option(
            "--read-token-file",
            help="Read back the native histogram of --probe, with the read token in this file; default:"
            " $XSCALER_READ_TOKEN.",
            metavar="FILE",
        ),
    ] = None,
    query_url: Annotated[
        str,
        typer.Option(
            "--query-url", help="Send PromQL queries to this URL; default: derived from the region.", metavar="URL"
        ),
    ] = "",
    fail_on: options.FailOn = "error",
    output: options.FindingsOutput = "text",
    debug: options.Debug = False,
) -> None:
    """Check a cluster before an installation: what the release would find, what is in its way, and how to fix it.

    The command reads Istio, its pods and settings, and the namespace of the release. It changes nothing. With --probe
    it also sends a sample and a native histogram to xScaler, with the token of the release's Secret or, if you may not
    read that, of --token-file. With a read token it reads the histogram back.

    If you lack a permission, the report lists the checks that need it as not checked, with the permission's name. They
    do not change the exit code, which is 1 only if a finding is at least as severe as --fail-on. `helm xscaler rules`
    explains each rule (XS4..).
    """
    from xscaler_istio.cluster import access
    from xscaler_istio.commands import doctor, project
    from xscaler_istio.system import tokens
    from xscaler_istio.wire import query_api

    options.set_debug(debug)
    needing = {"--token-file": token_file, "--read-token-file": read_token_file, "--query-url": query_url}
    options.only_with("--probe", {} if probe else needing)
    severity = options.fail_on(fail_on)
    token = tokens.from_file(token_file, "the write token") if token_file else ""
    reader = query_api.reader(read_token_file, query_url) if probe else None
    with options.release(chart, [*(files or ()), *(values or ())], sets, namespace=namespace) as release:
        asked = (access.access(kube_context), release, project.read(Path.cwd()), severity)
        found = doctor.doctor(*asked, probe=probe, token=token, reader=reader)
    options.report(found, output)
