"""`helm xscaler render`."""

from __future__ import annotations

import dataclasses
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
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RELEASE] [FILE]...",
            help="Render as this release (default: xscaler-istio), with values from these files, before those of -f. A"
            " word that ends in .yaml, .yml or .json or has a / is a file, and any other the release.",
            autocompletion=completion.values_files,
        ),
    ] = None,
    values: options.Values = None,
    sets: options.Sets = (),
    chart: options.Chart = None,
    namespace: options.Namespace = "default",
    kube_version: options.KubeVersion = "",
    api_versions: Annotated[
        list[str] | None,
        typer.Option(
            "-a",
            "--api-versions",
            help="Assume that the cluster has this API version (repeatable).",
            metavar="VERSION",
        ),
    ] = None,
    show_only: Annotated[
        list[str] | None,
        typer.Option("-s", "--show-only", help="Print only this template (repeatable).", metavar="TEMPLATE"),
    ] = None,
    config: Annotated[
        str,
        typer.Option(
            "--config",
            help="Print only the configuration of this collector (whatever the values choose) or of the log agents.",
            metavar="|".join(_CONFIGS),
            autocompletion=completion.choices(*_CONFIGS),
        ),
    ] = "",
    shard: Annotated[
        int,
        typer.Option(
            "--shard",
            help="Print the configuration of this shard; with --config and metrics.shards above 1.",
            metavar="N",
        ),
    ] = 0,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Describe on one screen what the release does, instead of the manifests."),
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Describe each rule, metric and object too; with --explain.")
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
    skip_tests: Annotated[bool, typer.Option("--skip-tests", help="Leave out the pods of `helm test`.")] = False,
    no_hooks: Annotated[bool, typer.Option("--no-hooks", help="Leave out hooks.")] = False,
    include_crds: Annotated[bool, typer.Option("--include-crds", help="Include the CRDs of charts.")] = False,
    skip_crds: Annotated[bool, typer.Option("--skip-crds", help="Leave out the CRDs of charts.")] = False,
    is_upgrade: Annotated[bool, typer.Option("--is-upgrade", help="Render as for an upgrade.")] = False,
    skip_schema_validation: Annotated[
        bool, typer.Option("--skip-schema-validation", help="Skip the check against the schema.")
    ] = False,
    enable_dns: Annotated[bool, typer.Option("--enable-dns", help="Allow templates to look up names in DNS.")] = False,
    in_folder_of_release: Annotated[
        bool, typer.Option("--release-name", help="Use a folder with the release's name below --output-dir.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Accept Helm's flag without effect: rendering never changes anything.")
    ] = False,
    refused: Annotated[bool, typer.Option(*_REFUSED, hidden=True)] = False,
    refused_with_a_text: Annotated[list[str] | None, typer.Option(*_REFUSED_WITH_A_TEXT, hidden=True)] = None,
    debug: options.Debug = False,
) -> None:
    """Print the manifests exactly as `helm template` does, or one configuration, or describe in words what they do."""
    from xscaler_istio import helm
    from xscaler_istio.rendered.manifests import LOGS
    from xscaler_istio.rendered.release import Release
    from xscaler_istio.system.errors import UsageError

    options.set_debug(debug)
    extra = [word for version in api_versions or () for word in ("--api-versions", version)]
    extra += ["--kube-version", kube_version] if kube_version else []
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
    # What of the output is wanted, and where: no part of the release.
    wanted = [word for name in show_only or () for word in ("--show-only", name)]
    wanted += ["--output-dir", str(output_dir)] if output_dir else []
    if refused or refused_with_a_text:
        raise UsageError(
            f"render accepts none of: {', '.join((*_REFUSED, *_REFUSED_WITH_A_TEXT))}",
            "leave it out: it matters only to an installation, a cluster or a repository",
        )
    options.exclusive({"--config": config, "--explain": explain, "--output-dir": output_dir})
    options.exclusive({"--explain": explain, "--show-only": show_only})
    if not explain:
        options.only_with("--explain", {"--all": everything})
    if not config:
        options.only_with("--config", {"--shard": shard})
    else:
        options.choose("--config", config, _CONFIGS)
        sets += () if config == LOGS else (("--set", f"metrics.collector={config}"),)
    name, files = options.release_and_files(words or (), "xscaler-istio")
    given = [*files, *(values or ())]
    with (
        options.release(chart, given, sets, name=name, namespace=namespace, extra=extra) as inputs,
        options.refusals_explained({"render": inputs}),
    ):
        asked = dataclasses.replace(inputs, extra=(*inputs.extra, *wanted))
        text = _explanation(asked, everything=everything) if explain else helm.template(asked)
    if config:
        text = Release.of(text).config_text(config, shard)
    write = options.show if explain else options.write
    write(text)


def _explanation(inputs: Inputs, *, everything: bool) -> str:
    from xscaler_istio.summary import text
    from xscaler_istio.summary.rendering import Rendering
    from xscaler_istio.system import terminal

    rendering, screen = Rendering.of(inputs), terminal.of_stdout()
    return text.text(rendering.summary(), screen) if everything else text.overview(rendering.overview(), screen)
