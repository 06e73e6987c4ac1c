"""`helm xscaler validate`."""

from __future__ import annotations

from xscaler_istio.cli import options

EXAMPLE = "helm xscaler validate -f values.yaml --set metrics.profile=minimal"


def command(
    values: options.Values = None,
    set_: options.Set = None,
    set_string: options.SetString = None,
    set_json: options.SetJson = None,
    set_file: options.SetFile = None,
    chart: options.Chart = None,
    namespace: options.Namespace = "default",
    output: options.Output = "text",
    debug: options.Debug = False,
) -> None:
    """Check values against the chart's schema and rules: file, line, column, and what to write instead."""
    from xscaler_istio.validate import validate as run

    options.set_debug(debug)
    with options.release(
        chart, values, options.sets(set_, set_string, set_json, set_file), namespace=namespace
    ) as release:
        options.report("validate", run(release, options.shown(values)), (), output)
