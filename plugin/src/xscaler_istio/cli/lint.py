"""`helm xscaler lint`."""

from __future__ import annotations

from pathlib import Path

from xscaler_istio.cli import options

EXAMPLE = "helm xscaler lint -f values.yaml --kube-version 1.34.0"


def command(
    values: options.Values = None,
    set_: options.Set = None,
    set_string: options.SetString = None,
    set_json: options.SetJson = None,
    set_file: options.SetFile = None,
    set_literal: options.SetLiteral = None,
    chart: options.Chart = None,
    namespace: options.Namespace = "default",
    kube_version: options.KubeVersion = "",
    fail_on: options.FailOn = "error",
    output: options.FindingsOutput = "text",
    debug: options.Debug = False,
) -> None:
    """Check what is rendered: Helm's lint, a full render, Kubernetes' schemas, the collector's own check, our rules.

    Without values the cases in the chart's own ci folder are linted, one after the other.
    """
    from xscaler_istio import project
    from xscaler_istio.lint import lint as run

    options.set_debug(debug)
    severity = options.fail_on(fail_on)
    extra = ["--kube-version", kube_version] if kube_version else []
    sets = options.sets(set_, set_string, set_json, set_file, set_literal)
    with options.release(chart, values, sets, namespace=namespace, extra=extra) as release:
        found = run(release, kube_version, project.read(Path.cwd()), severity, options.progress)
    options.report(found, output)
