"""`helm xscaler schema`."""

from __future__ import annotations

from typing import Annotated

import typer

from xscaler_istio.cli import options
from xscaler_istio.system.errors import ExitCode

EXAMPLE = "helm xscaler schema > xscaler-istio.schema.json"


def command(
    chart: options.Chart = None,
    path: Annotated[bool, typer.Option("--path", help="Print the path of the schema instead.")] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Compare the schema with the chart's values.yaml instead; exit with 1 if they differ."
        ),
    ] = False,
    debug: options.Debug = False,
) -> None:
    """Print the JSON schema of the values, for editors and check-jsonschema."""
    from xscaler_istio.system import programs
    from xscaler_istio.system.errors import UsageError
    from xscaler_istio.values import schema, schema_defaults

    options.set_debug(debug)
    options.exclusive({"--path": path, "--check": check})
    if path and chart and chart.is_file():
        raise UsageError(f"{chart} is unpacked only while this command runs", "unpack it and name the folder")
    folder = programs.chart(chart)
    file = folder / "values.schema.json"
    if path:
        options.write(f"{file.resolve()}\n")
        return
    loaded = schema.load(folder)
    if not check:
        options.write(file.read_text(encoding="utf-8"))
        return
    found = schema_defaults.differences(folder, loaded)
    options.write("".join(f"{line}\n" for line in (*found, f"schema: {_verdict(len(found))}")))
    raise typer.Exit(ExitCode.FINDINGS if found else ExitCode.OK)


def _verdict(count: int) -> str:
    return f"{count} difference{'' if count == 1 else 's'} to values.yaml" if count else "agrees with values.yaml"
