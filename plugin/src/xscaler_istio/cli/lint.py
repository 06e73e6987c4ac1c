"""`helm xscaler lint`."""

from __future__ import annotations

from pathlib import Path

from xscaler_istio.cli import options

EXAMPLE = "helm xscaler lint -f values.yaml --kube-version 1.34.0"


@options.with_sets
def command(
    files: options.Files = None,
    values: options.Values = None,
    sets: options.Sets = (),
    chart: options.Chart = None,
    namespace: options.Namespace = "default",
    kube_version: options.KubeVersion = "",
    fail_on: options.FailOn = "error",
    output: options.FindingsOutput = "text",
    debug: options.Debug = False,
) -> None:
    """Check the rendered manifests: Helm's lint, Kubernetes' schemas, the collector's own check, and our rules.

    Without values the command lints each case in the chart's ci folder.
    """
    from xscaler_istio.commands import lint, project

    options.set_debug(debug)
    severity = options.fail_on(fail_on)
    extra = ["--kube-version", kube_version] if kube_version else []
    with options.release(chart, [*(files or ()), *(values or ())], sets, namespace=namespace, extra=extra) as release:
        found = lint.lint(release, kube_version, project.read(Path.cwd()), severity, options.progress)
    options.report(found, output)
