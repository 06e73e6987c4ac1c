"""`helm xscaler init`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from xscaler_istio.cli import completion, options
from xscaler_istio.rendered.collectors import COLLECTORS

EXAMPLE = "helm xscaler init values.yaml --region euw1-01 --tenant-id acme --cluster prod-1"

_COLLECTORS = (*COLLECTORS, "none")


def command(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Write to this file (- prints it).")] = "values.yaml",
    region: Annotated[str, typer.Option(help="Set the region of your xScaler account.", metavar="REGION")] = "",
    tenant_id: Annotated[str, typer.Option(help="Set your tenant ID.", metavar="ID")] = "",
    secret: Annotated[
        str, typer.Option(help="Set the name of the Secret with the token; default: xscaler-token.", metavar="NAME")
    ] = "",
    cluster: Annotated[str, typer.Option(help="Set the name of this Kubernetes cluster.", metavar="NAME")] = "",
    collector: Annotated[
        str,
        typer.Option(
            help=f"Choose the collector; default: {_COLLECTORS[0]}.",
            metavar="|".join(_COLLECTORS),
            autocompletion=completion.choices(*_COLLECTORS),
        ),
    ] = "",
    logs: Annotated[bool, typer.Option("--logs", help="Send access logs too.")] = False,
    schema_reference: Annotated[
        str,
        typer.Option(
            "--schema",
            help="Point editors to this schema, a path or a URL; default: a copy beside the file.",
            metavar="REF",
        ),
    ] = "",
    probe: Annotated[
        bool | None,
        typer.Option(
            "--probe/--no-probe",
            help="Check without a token which of xScaler's push URLs answers, and write it; on by default in a"
            " terminal.",
            show_default=False,
        ),
    ] = None,
    chart: options.Chart = None,
    debug: options.Debug = False,
) -> None:
    """Write a first values file with comments, from five questions or from flags. Existing files stay unchanged."""
    from xscaler_istio.commands import init
    from xscaler_istio.system import programs
    from xscaler_istio.values import schema
    from xscaler_istio.wire import published

    options.set_debug(debug)
    folder = programs.chart(chart)
    loaded = schema.load(folder)
    init.refuse_tokens({"FILE": file, "--schema": schema_reference})
    if file != "-":
        init.refuse_existing(Path(file))
    given = {
        "--region": region,
        "--tenant-id": tenant_id,
        "--secret": secret,
        "--cluster": cluster,
        "--collector": collector,
    }
    terminal = sys.stdin.isatty() and sys.stderr.isatty()
    found = init.answers(given, loaded, _ask if terminal else None, logs=logs)
    if terminal if probe is None else probe:
        settings, words = init.push_urls(found, published.look, logs=logs)
        found = {**found, **settings}
        for line in words:
            options.progress(line)
    if file == "-":
        # There is no beside: the editor gets the path of the chart's own.
        reference = schema_reference or str((folder / "values.schema.json").resolve())
        options.write(init.values_file(found, loaded, reference, logs=logs))
        return
    init.write_new(Path(file), init.values_file(found, loaded, schema_reference or init.SCHEMA_FILE, logs=logs))
    options.progress(f"wrote {file}")
    copy = Path(file).parent / init.SCHEMA_FILE
    if not schema_reference and not copy.exists():
        init.write_new(copy, (folder / "values.schema.json").read_text(encoding="utf-8"))
        options.progress(f"wrote {copy}, which editors read")
    options.progress(init.next_steps(file, folder, found, logs=logs))


def _ask(prompt: str) -> str:
    from xscaler_istio.system.errors import UsageError

    print(prompt, end="", file=sys.stderr, flush=True)  # noqa: T201 - the question is not a result
    line = sys.stdin.readline()
    if not line:
        raise UsageError("the input ended before all questions were answered", "answer them, or give flags")
    return line
