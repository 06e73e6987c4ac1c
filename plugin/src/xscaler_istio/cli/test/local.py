"""`helm xscaler test --local`."""

from __future__ import annotations

import functools
from pathlib import Path  # noqa: TC003 - Typer reads the annotations
from typing import Annotated

import typer

from xscaler_istio.cli import completion, options
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.system.errors import ExitCode, UsageError

EXAMPLE = "helm xscaler test --local values.yaml"

_PARTS = ("scraping", "pushing", "logs")
_BACKENDS = ("auto", "mimir", "prometheus")
_OUTPUTS = ("text", "json", "html")


@options.with_sets
def command(
    files: options.Files = None,
    values: options.Values = None,
    sets: options.Sets = (),
    chart: options.Chart = None,
    namespace: options.Namespace = "default",
    collector: Annotated[
        str,
        typer.Option(
            help="Run this collector instead of the one in metrics.collector.",
            metavar="|".join(COLLECTORS),
            autocompletion=completion.choices(*COLLECTORS),
        ),
    ] = "",
    only: Annotated[
        str,
        typer.Option(
            help="Test one part only. `logs` starts no collector; the others start no log agent.",
            metavar="|".join(_PARTS),
            autocompletion=completion.choices(*_PARTS),
        ),
    ] = "",
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Keep everything running after the report until Ctrl-C, to look around."),
    ] = False,
    program: Annotated[
        list[str] | None,
        typer.Option(
            help="Use this program (the collector's, mimir, loki); repeatable. Default: $XSCALER_<NAME>,"
            " PATH, and in a checkout tools/.",
            metavar="NAME=PATH",
        ),
    ] = None,
    backend: Annotated[
        str,
        typer.Option(
            help="Store what the local xScaler accepts in this program; `auto` uses Mimir if it is installed.",
            metavar="|".join(_BACKENDS),
            autocompletion=completion.choices(*_BACKENDS),
        ),
    ] = "auto",
    interval: Annotated[
        int, typer.Option(help="Scrape at this interval, in seconds.", min=1, max=3600, metavar="SECONDS")
    ] = 5,
    timeout: Annotated[
        float, typer.Option(help="Wait up to this many seconds for all evidence.", min=1, max=86400, metavar="SECONDS")
    ] = 60,
    proxies: Annotated[
        int,
        typer.Option(
            help="Generate a mesh of this many proxies instead of the small one.", min=0, max=50_000, metavar="N"
        ),
    ] = 0,
    series: Annotated[
        int,
        typer.Option(
            help="Give each generated proxy this many series; with --proxies.", min=1, max=1_000_000, metavar="N"
        ),
    ] = 1000,
    output_dir: Annotated[
        Path | None,
        typer.Option(
            help="Keep manifests, configuration, report and logs in this folder.",
            metavar="FOLDER",
            autocompletion=completion.folders,
        ),
    ] = None,
    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            help="Report as text, json or html (one file with charts).",
            metavar="|".join(_OUTPUTS),
            autocompletion=completion.choices(*_OUTPUTS),
        ),
    ] = "text",
    debug: options.Debug = False,
) -> None:
    """Test values on this machine, without a cluster: run the real collector between a mesh and a local xScaler.

    The command runs the collector with the rendered configuration between a mesh of real Envoys and a local xScaler
    with xScaler's limits, and checks what arrives. It needs Linux.

    `test RELEASE` tests a release in a cluster instead. `test --help` shows its options.
    """
    from xscaler_istio.local.command import LocalTest, run

    options.set_debug(debug)
    options.choose("--output", output, _OUTPUTS)
    options.choose("--only", only, ("", *_PARTS))
    options.choose("--collector", collector, ("", *COLLECTORS))
    options.choose("--backend", backend, _BACKENDS)
    asked = LocalTest(
        backend=backend,
        interval=interval,
        timeout=timeout,
        proxies=proxies,
        series=series,
        output_dir=output_dir,
        output=output,
        only=only,
        keep=keep,
        programs=tuple(program or ()),
    )
    # The family that Helm applies last.
    sets += (("--set-literal", f"metrics.collector={collector}"),) if collector else ()
    name, named = options.release_and_files(files or (), "")
    if name:
        raise UsageError("RELEASE and --local exclude each other", f"leave --local or {name} out")
    with (
        options.release(chart, [*named, *(values or ())], sets, namespace=namespace) as release,
        options.refusals_explained({"test --local": release}),
    ):
        ok = run(release, asked, write=functools.partial(options.show, places=True), progress=options.progress)
    raise typer.Exit(ExitCode.OK if ok else ExitCode.FINDINGS)
