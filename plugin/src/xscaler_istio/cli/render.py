"""`helm xscaler render`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from xscaler_istio.cli import completion, options
from xscaler_istio.rendered.collectors import COLLECTORS

if TYPE_CHECKING:
    from xscaler_istio.helm import Inputs

EXAMPLE = "helm xscaler render -f values.yaml --config prometheus > prometheus.yml"

_CONFIGS = (*COLLECTORS, "logs")


# Of `helm template`: what asks a cluster, a repository or another program, or speaks of an installation.
_REFUSED = (
    *("--wait", "--wait-for-jobs", "--atomic", "--rollback-on-failure", "--validate", "--create-namespace"),
    *(
        "--dependency-update",
        "--devel",
        "--replace",
        "--take-ownership",
        "--force",
        "--verify",
        "--generate-name",
        "-g",
    ),
)
_REFUSED_WITH_A_TEXT = (
    *("--post-renderer", "--post-renderer-args", "--repo", "--version", "--timeout", "--description", "--labels", "-l"),
    *("--name-template", "--username", "--password", "--ca-file", "--cert-file", "--key-file", "--keyring"),
)


@options.with_sets
def command(
    release_name: options.ReleaseName = "xscaler-istio",
    values: options.Values = None,
    sets: options.Sets = (),
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
            autocompletion=completion.choices(*_CONFIGS),
        ),
    ] = "",
    shard: Annotated[int, typer.Option("--shard", help="Whose configuration, with metrics.shards above 1.")] = 0,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say in words what the release does instead: jobs, metrics, rights, …")
    ] = False,
    output_dir: Annotated[
        Path | None,
        typer.Option(
            "--output-dir",
            help="Write a file for each template, as `helm template` does.",
            metavar="FOLDER",
            autocompletion=completion.folders,
        ),
    ] = None,
    skip_tests: Annotated[bool, typer.Option("--skip-tests", help="Without the pods of `helm test`.")] = False,
    no_hooks: Annotated[bool, typer.Option("--no-hooks", help="Without hooks.")] = False,
    include_crds: Annotated[bool, typer.Option("--include-crds", help="With the CRDs of charts.")] = False,
    skip_crds: Annotated[bool, typer.Option("--skip-crds", help="Without the CRDs of charts.")] = False,
    is_upgrade: Annotated[bool, typer.Option("--is-upgrade", help="As an upgrade renders it.")] = False,
    skip_schema_validation: Annotated[
        bool, typer.Option("--skip-schema-validation", help="Whatever the schema says.")
    ] = False,
    enable_dns: Annotated[bool, typer.Option("--enable-dns", help="Templates may look names up.")] = False,
    in_folder_of_release: Annotated[
        bool, typer.Option("--release-name", help="With --output-dir: below a folder of the release's name.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Changes nothing: to render is always that.")] = False,
    refused: Annotated[bool, typer.Option(*_REFUSED, hidden=True)] = False,
    refused_with_a_text: Annotated[list[str] | None, typer.Option(*_REFUSED_WITH_A_TEXT, hidden=True)] = None,
    debug: options.Debug = False,
) -> None:
    """Print the manifests exactly as `helm template` gives them, the collector's configuration, or what they do."""
    from xscaler_istio import helm
    from xscaler_istio.rendered.manifests import LOGS
    from xscaler_istio.rendered.release import Release
    from xscaler_istio.system.errors import UsageError

    options.set_debug(debug)
    extra = [word for version in api_versions or () for word in ("--api-versions", version)]
    extra += [word for name in show_only or () for word in ("--show-only", name)]
    extra += ["--kube-version", kube_version] if kube_version else []
    extra += ["--output-dir", str(output_dir)] if output_dir else []
    # Those of `helm template` that both majors know and that need no cluster.
    passed = {
        "--skip-tests": skip_tests,
        "--no-hooks": no_hooks,
        "--include-crds": include_crds,
        "--skip-crds": skip_crds,
        "--is-upgrade": is_upgrade,
        "--skip-schema-validation": skip_schema_validation,
        "--enable-dns": enable_dns,
        "--release-name": in_folder_of_release,
        "--dry-run=client": dry_run,
    }
    extra += [flag for flag, given in passed.items() if given]
    if refused or refused_with_a_text:
        raise UsageError(
            f"render takes none of: {', '.join((*_REFUSED, *_REFUSED_WITH_A_TEXT))}",
            "leave it out: only an installation, a cluster or a repository makes use of it",
        )
    options.exclusive({"--config": config, "--explain": explain, "--output-dir": output_dir})
    options.exclusive({"--explain": explain, "--show-only": show_only})
    if not config:
        options.only_with("--config", {"--shard": shard})
    else:
        options.choose("--config", config, _CONFIGS)
        sets += () if config == LOGS else (("--set", f"metrics.collector={config}"),)
    with options.release(chart, values, sets, name=release_name, namespace=namespace, extra=extra) as inputs:
        text = _explanation(inputs) if explain else helm.template(inputs)
    if config:
        text = Release.of(text).config_text(config, shard)
    options.write(text)


def _explanation(inputs: Inputs) -> str:
    from xscaler_istio.summary import text
    from xscaler_istio.summary.rendering import Rendering
    from xscaler_istio.system import terminal

    return text.text(Rendering.of(inputs).summary(), terminal.of_stdout())
