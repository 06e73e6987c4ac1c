"""`helm xscaler test --local`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads the annotations
from typing import Annotated

import typer

from xscaler_istio.cli import completion, options
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.system.errors import ExitCode

EXAMPLE = "helm xscaler test --local -f values.yaml"

_PARTS = ("scraping", "pushing", "logs")
_BACKENDS = ("auto", "mimir", "prometheus")
_OUTPUTS = ("text", "json", "html")


@options.with_sets
def command(
    values: options.Values = None,
    sets: options.Sets = (),
    chart: options.Chart = None,
    namespace: options.Namespace = "default",
    collector: Annotated[
        str,
        typer.Option(
            help="Run this collector, whatever metrics.collector says.",
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
            help="Store behind the local xScaler with this program; `auto` uses Mimir if it is installed.",
            metavar="|".join(_BACKENDS),
            autocompletion=completion.choices(*_BACKENDS),
        ),
    ] = "auto",
    interval: Annotated[int, typer.Option(help="Scrape every so many seconds.", min=1)] = 5,
    timeout: Annotated[float, typer.Option(help="Wait so many seconds for complete evidence.", min=1)] = 60,
    proxies: Annotated[
        int, typer.Option(help="Generate a mesh of so many proxies instead of the small one.", min=0)
    ] = 0,
    series: Annotated[
        int, typer.Option(help="Give each generated proxy so many series; with --proxies.", min=1)
    ] = 1000,
    output_dir: Annotated[
        Path | None,
        typer.Option(
            help="Keep manifests, configuration, report and logs here.",
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
    """Test values on this machine, without a cluster: a mesh and a local xScaler around the real collector.

    Runs the collector with the rendered configuration against a mesh of real Envoys and a local xScaler with its
    limits, and judges what arrives. Needs Linux.

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
    with options.release(chart, values, sets, namespace=namespace) as release:
        ok = run(release, asked, write=options.write, progress=options.progress)
    raise typer.Exit(ExitCode.OK if ok else ExitCode.FINDINGS)
