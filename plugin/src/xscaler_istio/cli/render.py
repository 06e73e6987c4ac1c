"""`helm xscaler render`."""

from __future__ import annotations

from typing import Annotated

import typer

from xscaler_istio.cli import options

EXAMPLE = "helm xscaler render -f values.yaml --config prometheus > prometheus.yml"

_CONFIGS = ("prometheus", "alloy", "opentelemetry", "logs")


def command(
    release_name: options.ReleaseName = "xscaler-istio",
    values: options.Values = None,
    set_: options.Set = None,
    set_string: options.SetString = None,
    set_json: options.SetJson = None,
    set_file: options.SetFile = None,
    chart: options.Chart = None,
    namespace: options.Namespace = "default",
    kube_version: options.KubeVersion = "",
    api_versions: Annotated[
        list[str] | None, typer.Option("-a", "--api-versions", help="API versions to assume.")
    ] = None,
    show_only: Annotated[list[str] | None, typer.Option("-s", "--show-only", help="Only these templates.")] = None,
    config: Annotated[
        str,
        typer.Option(
            "--config",
            help="Only the configuration of this collector (whichever the values choose) or of the log agents.",
            metavar="|".join(_CONFIGS),
        ),
    ] = "",
    shard: Annotated[int, typer.Option("--shard", help="Whose configuration, with metrics.shards above 1.")] = 0,
    debug: options.Debug = False,
) -> None:
    """Print the manifests exactly as `helm template` gives them, or the collector's configuration alone."""
    from xscaler_istio import helm
    from xscaler_istio import render as rendering

    options.set_debug(debug)
    extra = [word for version in api_versions or () for word in ("--api-versions", version)]
    extra += [word for name in show_only or () for word in ("--show-only", name)]
    extra += ["--kube-version", kube_version] if kube_version else []
    sets = options.sets(set_, set_string, set_json, set_file)
    if config:
        options.choose("--config", config, _CONFIGS)
        sets += () if config == rendering.LOGS else (("--set", f"metrics.collector={config}"),)
    with options.release(chart, values, sets, name=release_name, namespace=namespace, extra=extra) as release:
        text = helm.template(release)
    if config:
        text = rendering.chosen_config(rendering.configs(rendering.manifests(text)), config, shard)
    options.write(text)
