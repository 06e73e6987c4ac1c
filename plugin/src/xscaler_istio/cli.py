"""The command line: parse, call, print, exit. No logic, and no heavy import before a command runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xscaler_istio import __version__
from xscaler_istio.errors import ExitCode, exit_code_boundary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from xscaler_istio.findings import Finding
    from xscaler_istio.helm import Release

app = typer.Typer(
    name="xscaler",
    help="Validate, render, lint and test the xscaler-istio chart before it is installed.",
    epilog="Exit codes: 0 ok, 1 findings or a failed test, 2 usage, 3 environment, 4 unreachable, 5 bug, 130 ^C.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_CONFIGS = ("prometheus", "alloy", "opentelemetry", "logs")

Values = Annotated[
    list[str] | None, typer.Option("-f", "--values", help="Values file; repeatable, the last wins; - is stdin.")
]
Set = Annotated[list[str] | None, typer.Option("--set", help="key=value, as Helm takes it.")]
SetString = Annotated[list[str] | None, typer.Option("--set-string", help="key=value, the value a text.")]
SetJson = Annotated[list[str] | None, typer.Option("--set-json", help="key=JSON.")]
SetFile = Annotated[list[str] | None, typer.Option("--set-file", help="key=path of a file that holds the value.")]
Chart = Annotated[Path | None, typer.Option("--chart", help="Chart folder; default: the one beside this plugin.")]
Namespace = Annotated[str, typer.Option("-n", "--namespace", envvar="HELM_NAMESPACE", help="Namespace of the release.")]
Debug = Annotated[bool, typer.Option("--debug/--no-debug", envvar="HELM_DEBUG", help="Show tracebacks of bugs.")]
Output = Annotated[str, typer.Option("-o", "--output", help="text or json.", metavar="text|json")]
KubeVersion = Annotated[str, typer.Option("--kube-version", help="Kubernetes version to render and check for.")]
ReleaseName = Annotated[str, typer.Argument(help="Release name.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command(
    epilog="Example: helm xscaler validate -f values.yaml --set metrics.profile=minimal",
)
def validate(
    values: Values = None,
    set_: Set = None,
    set_string: SetString = None,
    set_json: SetJson = None,
    set_file: SetFile = None,
    chart: Chart = None,
    namespace: Namespace = "default",
    output: Output = "text",
    debug: Debug = False,
) -> None:
    """Check values against the chart's schema and rules: file, line, column, and what to write instead."""
    from xscaler_istio.validate import validate as run

    _set_debug(debug)
    with _release(chart, values, _sets(set_, set_string, set_json, set_file), namespace=namespace) as release:
        _report("validate", run(release, _shown(values)), (), output)


@app.command(
    epilog="Example: helm xscaler render -f values.yaml --config prometheus > prometheus.yml",
)
def render(
    release_name: ReleaseName = "xscaler-istio",
    values: Values = None,
    set_: Set = None,
    set_string: SetString = None,
    set_json: SetJson = None,
    set_file: SetFile = None,
    chart: Chart = None,
    namespace: Namespace = "default",
    kube_version: KubeVersion = "",
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
    debug: Debug = False,
) -> None:
    """Print the manifests exactly as `helm template` gives them, or the collector's configuration alone."""
    from xscaler_istio import helm
    from xscaler_istio import render as rendering

    _set_debug(debug)
    extra = [word for version in api_versions or () for word in ("--api-versions", version)]
    extra += [word for name in show_only or () for word in ("--show-only", name)]
    extra += ["--kube-version", kube_version] if kube_version else []
    sets = _sets(set_, set_string, set_json, set_file)
    if config:
        _choose("--config", config, _CONFIGS)
        sets += () if config == rendering.LOGS else (("--set", f"metrics.collector={config}"),)
    with _release(chart, values, sets, name=release_name, namespace=namespace, extra=extra) as release:
        text = helm.template(release)
    if config:
        text = rendering.chosen_config(rendering.configs(rendering.manifests(text)), config, shard)
    _print(text)


@app.command(
    epilog="Example: helm xscaler lint -f values.yaml --kube-version 1.34.0",
)
def lint(
    values: Values = None,
    set_: Set = None,
    set_string: SetString = None,
    set_json: SetJson = None,
    set_file: SetFile = None,
    chart: Chart = None,
    namespace: Namespace = "default",
    kube_version: KubeVersion = "",
    output: Output = "text",
    debug: Debug = False,
) -> None:
    """Check what is rendered: Helm's lint, a full render, Kubernetes' schemas, the collector's own check."""
    from xscaler_istio.lint import lint as run

    _set_debug(debug)
    extra = ["--kube-version", kube_version] if kube_version else []
    sets = _sets(set_, set_string, set_json, set_file)
    with _release(chart, values, sets, namespace=namespace, extra=extra) as release:
        report = run(release, kube_version)
    _report("lint", report.findings, report.skipped, output)


@app.command(
    epilog="Example: helm xscaler test xscaler-istio -n telemetry; or: helm xscaler test --local -f values.yaml",
)
def test(
    release_name: Annotated[
        str, typer.Argument(metavar="[RELEASE]", help="A release in the cluster of the current kubeconfig.")
    ] = "",
    values: Values = None,
    set_: Set = None,
    set_string: SetString = None,
    set_json: SetJson = None,
    set_file: SetFile = None,
    chart: Chart = None,
    namespace: Namespace = "default",
    local: Annotated[
        bool, typer.Option("--local", help="Without a cluster: mesh and xScaler run on this machine.")
    ] = False,
    backend: Annotated[
        str,
        typer.Option(
            help="What stores behind the local xScaler; auto: mimir if it is there.", metavar="auto|mimir|prometheus"
        ),
    ] = "auto",
    interval: Annotated[int, typer.Option(help="Seconds between two scrapes.", min=1)] = 5,
    timeout: Annotated[
        float, typer.Option(help="Seconds until the evidence must be complete; default 60, with RELEASE 300.", min=0)
    ] = 0,
    query_url: Annotated[str, typer.Option(help="With RELEASE: where to ask PromQL; default: by region.")] = "",
    logs_query_url: Annotated[str, typer.Option(help="With RELEASE: where to ask LogQL; default: by region.")] = "",
    read_token_file: Annotated[
        Path | None,
        typer.Option(help="With RELEASE: a file with a token that may read; without one xScaler is not asked."),
    ] = None,
    tenant: Annotated[str, typer.Option(help="With RELEASE: the tenant, if the values do not name it.")] = "",
    proxies: Annotated[
        int, typer.Option(help="Generate a mesh of this many proxies instead of the small one.", min=0)
    ] = 0,
    series: Annotated[int, typer.Option(help="Series on the page of each generated proxy.", min=1)] = 1000,
    output_dir: Annotated[
        Path | None, typer.Option(help="Keep manifests, configuration, report and logs here.")
    ] = None,
    output: Annotated[
        str, typer.Option("-o", "--output", help="text, json, or with RELEASE junit.", metavar="text|json|junit")
    ] = "text",
    debug: Debug = False,
) -> None:
    """Prove scraping and pushing, of a release in a cluster or, with --local, of values on this machine.

    RELEASE: runs its `helm test`, asks its collectors what they scrape and send, and with a read token asks xScaler
    whether series and lines are there and fresh. --local: the real collector, a mesh of real Envoys, a local xScaler
    with its limits.
    """
    from xscaler_istio.local import command

    _set_debug(debug)
    if release_name and not local:
        from xscaler_istio.live import command as live

        _choose("--output", output, ("text", "json", "junit"))
        asked = live.Request(
            release_name, namespace, timeout or 300, query_url, logs_query_url, read_token_file, tenant, output
        )
        text, content = live.run(asked, _progress)
        _print(text)
        raise typer.Exit(ExitCode.OK if content else ExitCode.FINDINGS)
    _choose("--output", output, ("text", "json"))
    request = command.Request(backend, interval, timeout or 60, proxies, series, output_dir, output)
    sets = _sets(set_, set_string, set_json, set_file)
    with _release(chart, values, sets, namespace=namespace) as release:
        text, content = command.run(release, request, local=local, progress=_progress)
    _print(text)
    raise typer.Exit(ExitCode.OK if content else ExitCode.FINDINGS)


def main() -> None:
    """Run the command line; the one place that turns errors into exit codes."""
    with exit_code_boundary():
        app()


# -- helpers of the commands --------------------------------------------------------------------------------------


def _sets(
    set_: list[str] | None, set_string: list[str] | None, set_json: list[str] | None, set_file: list[str] | None
) -> tuple[tuple[str, str], ...]:
    """Return the families in the order in which Helm applies them whatever their order on the command line."""
    families = (("--set-json", set_json), ("--set", set_), ("--set-string", set_string), ("--set-file", set_file))
    return tuple((flag, text) for flag, texts in families for text in texts or ())


def _release(
    chart: Path | None,
    values: list[str] | None,
    sets: tuple[tuple[str, str], ...],
    *,
    name: str = "xscaler-istio",
    namespace: str,
    extra: Sequence[str] = (),
) -> AbstractContextManager[Release]:
    import contextlib

    from xscaler_istio import helm, programs
    from xscaler_istio.errors import UsageError

    if (values or []).count("-") > 1:
        raise UsageError("-f - is given twice", "standard input can be read once")

    @contextlib.contextmanager
    def spooled() -> Iterator[Release]:
        stdin = sys.stdin.buffer.read() if "-" in (values or ()) else None
        with helm.spooled(values or (), stdin) as files:
            arguments = helm.ValuesArguments(files, sets)
            yield helm.Release(programs.chart(chart), arguments, name, namespace, tuple(extra))

    return spooled()


def _shown(values: list[str] | None) -> tuple[str, ...]:
    return tuple("<stdin>" if name == "-" else name for name in values or ())


def _report(command: str, findings: Sequence[Finding], skipped: Sequence[str], output: str) -> None:
    from xscaler_istio.findings import Severity, worst
    from xscaler_istio.report import REPORTERS

    _choose("--output", output, REPORTERS)
    _print(REPORTERS[output](command, findings, skipped))
    if (worst(tuple(findings)) or Severity.INFO) >= Severity.ERROR:
        raise typer.Exit(ExitCode.FINDINGS)


def _choose(option: str, value: str, allowed: Iterable[str]) -> None:
    from xscaler_istio.errors import UsageError

    names = list(allowed)
    if value not in names:
        raise UsageError(f"{option} {value} is unknown", f"use one of: {', '.join(names)}")


def _print(text: str) -> None:
    """Write the result, and nothing else, to stdout, byte for byte."""
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def _progress(text: str) -> None:
    typer.echo(text, err=True)


def _set_debug(debug: bool) -> None:
    import os

    if debug:
        os.environ["XSCALER_DEBUG"] = "1"
