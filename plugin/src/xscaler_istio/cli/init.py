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
    file: Annotated[str, typer.Argument(metavar="FILE", help="The file to write; - prints it.")] = "values.yaml",
    region: Annotated[str, typer.Option(help="Region of your xScaler account.")] = "",
    tenant_id: Annotated[str, typer.Option(help="Tenant id.")] = "",
    secret: Annotated[str, typer.Option(help="Name of the Secret with the token; default: xscaler-token.")] = "",
    cluster: Annotated[str, typer.Option(help="Name of this Kubernetes cluster.")] = "",
    collector: Annotated[
        str,
        typer.Option(
            help=f"The collector; default: {_COLLECTORS[0]}.", autocompletion=completion.choices(*_COLLECTORS)
        ),
    ] = "",
    logs: Annotated[bool, typer.Option("--logs", help="Access logs as well.")] = False,
    schema_reference: Annotated[
        str,
        typer.Option(
            "--schema", help="Path or URL of the schema for editors; default: a copy beside the file.", metavar="REF"
        ),
    ] = "",
    chart: options.Chart = None,
    debug: options.Debug = False,
) -> None:
    """Write a first values file with comments: five questions on a terminal, flags otherwise. Overwrites nothing."""
    from xscaler_istio.commands import init
    from xscaler_istio.system import programs
    from xscaler_istio.values import schema

    options.set_debug(debug)
    folder = programs.chart(chart)
    loaded = schema.load(folder)
    if file != "-":
        init.refuse_existing(Path(file))
    given = {
        "--region": region,
        "--tenant-id": tenant_id,
        "--secret": secret,
        "--cluster": cluster,
        "--collector": collector,
    }
    found = init.answers(given, loaded, _ask if sys.stdin.isatty() and sys.stderr.isatty() else None, logs=logs)
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

    print(prompt, end="", file=sys.stderr, flush=True)  # noqa: T201 - the question is no result
    line = sys.stdin.readline()
    if not line:
        raise UsageError("the input ended before all questions were answered", "answer them, or give flags")
    return line
