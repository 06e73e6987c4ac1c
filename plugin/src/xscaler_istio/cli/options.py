"""What the commands share: their options, how values become a release, and how results are printed."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xscaler_istio.cli import completion
from xscaler_istio.system import masks
from xscaler_istio.system.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from xscaler_istio.findings.findings import Report, Severity
    from xscaler_istio.helm import Inputs

Values = Annotated[
    list[str] | None,
    typer.Option(
        "-f",
        "--values",
        help="Read values from this file or URL (repeatable; the last wins; - reads stdin).",
        metavar="FILE",
        autocompletion=completion.values_files,
    ),
]
Files = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FILE]...",
        help="Read values from these files or URLs, before those of -f.",
        autocompletion=completion.values_files,
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Set a value, in Helm's syntax (repeatable).",
        metavar="KEY=VALUE",
        autocompletion=completion.settings,
    ),
]
SetString = Annotated[
    list[str] | None,
    typer.Option(
        "--set-string",
        help="Set a value as a string (repeatable).",
        metavar="KEY=TEXT",
        autocompletion=completion.settings,
    ),
]
SetJson = Annotated[
    list[str] | None,
    typer.Option(
        "--set-json", help="Set a value from JSON (repeatable).", metavar="KEY=JSON", autocompletion=completion.settings
    ),
]
SetFile = Annotated[
    list[str] | None,
    typer.Option(
        "--set-file",
        help="Set a value from a file (repeatable).",
        metavar="KEY=FILE",
        autocompletion=completion.settings,
    ),
]
Chart = Annotated[
    Path | None,
    typer.Option(
        "--chart",
        help="Use this chart, a folder or a package (.tgz); default: the one that came with this program.",
        metavar="CHART",
        autocompletion=completion.folders,
    ),
]
SetLiteral = Annotated[
    list[str] | None,
    typer.Option(
        "--set-literal",
        help="Set a string literally; commas, dots and backslashes are not interpreted.",
        metavar="KEY=TEXT",
        autocompletion=completion.settings,
    ),
]
Namespace = Annotated[
    str,
    typer.Option(
        "-n", "--namespace", envvar="HELM_NAMESPACE", help="Use this namespace for the release.", metavar="NAME"
    ),
]
KubeContext = Annotated[
    str,
    typer.Option(
        "--kube-context",
        envvar="HELM_KUBECONTEXT",
        help="Use this context of the kubeconfig; default: the current one.",
        metavar="NAME",
    ),
]
Debug = Annotated[bool, typer.Option("--debug/--no-debug", envvar="HELM_DEBUG", help="Show tracebacks of bugs.")]
Output = Annotated[
    str,
    typer.Option(
        "-o",
        "--output",
        help="Write text or json.",
        metavar="text|json",
        autocompletion=completion.choices("text", "json"),
    ),
]
FindingsOutput = Annotated[
    str,
    typer.Option(
        "-o",
        "--output",
        help="Write text, json, or a format for other programs.",
        metavar="text|json|sarif|junit|github",
        autocompletion=completion.choices("text", "json", "sarif", "junit", "github"),
    ),
]
FailOn = Annotated[
    str,
    typer.Option(
        "--fail-on",
        help="Exit with 1 if a finding is at least this severe.",
        metavar="error|warning|info",
        autocompletion=completion.choices("error", "warning", "info"),
    ),
]
KubeVersion = Annotated[
    str, typer.Option("--kube-version", help="Render and check for this Kubernetes version.", metavar="VERSION")
]


# In the order in which Helm applies them, whatever their order on the command line.
_FAMILIES: Mapping[str, object] = {
    "set_json": SetJson,
    "set_": Set,
    "set_string": SetString,
    "set_file": SetFile,
    "set_literal": SetLiteral,
}
# What a command gets of them: pairs of flag and text in Helm's order.
Sets = tuple[tuple[str, str], ...]


def with_sets(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of the `--set` families where it has the parameter `sets`, which gets them together.

    Typer reads options from the signature, so each family has to be a parameter there.
    """

    @functools.wraps(command)
    def called(**given: Any) -> None:
        texts = {f"--{name.strip('_').replace('_', '-')}": given.pop(name) for name in _FAMILIES}
        command(sets=tuple((flag, text) for flag, all_ in texts.items() for text in all_ or ()), **given)

    # Not get_type_hints: Python 3.10's makes an optional of each default None, in which Typer finds no option.
    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for parameter in inspect.signature(command, eval_str=True).parameters.values()
        for name, annotation, default in (
            [(family, option, None) for family, option in _FAMILIES.items()]
            if parameter.name == "sets"
            else [(parameter.name, parameter.annotation, parameter.default)]
        )
    ]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return called


def release(
    chart: Path | None,
    values: list[str] | None,
    sets: tuple[tuple[str, str], ...],
    *,
    name: str = "xscaler-istio",
    namespace: str,
    extra: Sequence[str] = (),
) -> AbstractContextManager[Inputs]:
    """Return what to render, while the context lasts; standard input is kept in a file for that long."""
    from xscaler_istio import helm
    from xscaler_istio.system import programs

    _readable(sets)

    @contextlib.contextmanager
    def rendered() -> Iterator[Inputs]:
        with spooled(values or ()) as files:
            arguments = helm.ValuesArguments(files, sets, shown(values))
            yield helm.Inputs(
                chart=programs.chart(chart), values=arguments, name=name, namespace=namespace, extra=tuple(extra)
            )

    return rendered()


def _readable(sets: Sets) -> None:
    """Raise SetupError for a file of --set-file that cannot be read, as for one of -f."""
    from xscaler_istio.system.errors import SetupError

    texts = [text for flag, text in sets if flag == "--set-file" and "{" not in text]
    # A comma separates two, but not behind a backslash.
    for pair in (pair for text in texts for pair in re.split(r"(?<!\\),", text)):
        key, _, path = pair.partition("=")
        name = re.sub(r"\\(.)", r"\1", path)
        if not name or name == "-" or "://" in name:
            continue
        try:
            with Path(name).open("rb"):
                pass
        except OSError as error:
            # Not the path: it may be the token itself, by mistake.
            message = f"cannot read the file of --set-file {key}: {error.strerror}"
            raise SetupError(message, "check the path after the =") from error


def spooled(values: Sequence[str]) -> AbstractContextManager[tuple[str, ...]]:
    """Return values files with standard input, `-`, and what URLs give kept in files while the context lasts."""
    from xscaler_istio import helm
    from xscaler_istio.system.errors import SetupError, UsageError
    from xscaler_istio.values.places import MAX_BYTES

    if list(values).count("-") > 1:
        raise UsageError("-f - is given twice", "standard input can be read only once")
    for name in values:
        if name != "-" and "://" not in name and not Path(name).exists():
            raise SetupError(f"cannot read {name}: No such file or directory", "check the path of the values file")
    return helm.spooled(values, sys.stdin.buffer.read(MAX_BYTES + 1) if "-" in values else None)


_VALUES_FILE = re.compile(r".*\.(?:ya?ml|json)|.*/.*|-", re.DOTALL)


def release_and_files(words: Sequence[str], default: str) -> tuple[str, list[str]]:
    """Return the name of the release and the values files among the arguments of a command that takes both.

    A file has a folder or one of YAML's and JSON's endings, which no one gives a release.
    """
    from xscaler_istio.system.errors import UsageError

    names = [word for word in words if not _VALUES_FILE.fullmatch(word)]
    if len(names) > 1:
        raise UsageError(f"{' and '.join(names)} cannot both be the release", "name one; values files end in .yaml")
    return (names or [default])[0], [word for word in words if _VALUES_FILE.fullmatch(word)]


def shown(values: list[str] | None) -> tuple[str, ...]:
    """Return what to call the values files in findings."""
    from xscaler_istio.values import fetch

    return tuple("<stdin>" if name == "-" else fetch.shown(name) for name in values or ())


def fail_on(name: str) -> Severity:
    """Return the severity of that name; raise UsageError for another."""
    from xscaler_istio.findings.findings import Severity

    severities = {severity.label: severity for severity in sorted(Severity, reverse=True)}
    choose("--fail-on", name, severities)
    return severities[name]


def report(found: Report, output: str) -> None:
    """Print findings as `output` says; exit with FINDINGS when one is as severe as the report's `fail_on`."""
    from xscaler_istio.report import REPORTERS, without_tokens
    from xscaler_istio.system import terminal

    choose("--output", output, REPORTERS)
    write(REPORTERS[output](without_tokens(found), terminal.of_stdout()))
    if not found.ok:
        raise typer.Exit(ExitCode.FINDINGS)


@contextlib.contextmanager
def refusals_explained(asked: Mapping[str, Inputs]) -> Iterator[None]:
    """Where Helm or the chart refuses values, print what `validate` finds in them to stderr and exit with FINDINGS.

    `asked` has what the block renders, each release whole, by the words that end the report on it. Raises the
    ChartError again where `validate` finds no error: then the values are not the reason.
    """
    from xscaler_istio import helm

    try:
        yield
    except helm.ChartError:
        from xscaler_istio.commands import project, validate
        from xscaler_istio.report import text_report, without_tokens
        from xscaler_istio.system import terminal

        ours = project.read(Path.cwd())
        found = [dataclasses.replace(validate.validate(inputs, ours), command=words) for words, inputs in asked.items()]
        refused = [each for each in found if not each.ok]
        if not refused:
            raise
        for each in refused:
            sys.stderr.write(text_report.report(without_tokens(each), terminal.of_stderr()))
        raise typer.Exit(ExitCode.FINDINGS) from None


def choose(option: str, value: str, allowed: Iterable[str]) -> None:
    """Raise UsageError unless the value of an option is one of those allowed."""
    from xscaler_istio.system.errors import UsageError

    names = list(allowed)
    if value not in names:
        raise UsageError(f"{option} {value} is unknown", f"use one of: {', '.join(filter(None, names))}")


def only_with(needed: str, given: Mapping[str, object]) -> None:
    """Raise UsageError when one of these options is given; they have an effect only with `needed`."""
    from xscaler_istio.system.errors import UsageError

    if names := [option for option, value in given.items() if value]:
        raise UsageError(f"{names[0]} works only with {needed}", f"add {needed}, or leave {names[0]} out")


def exclusive(given: Mapping[str, object]) -> None:
    """Raise UsageError when more than one of these options is given."""
    from xscaler_istio.system.errors import UsageError

    names = [option for option, value in given.items() if value]
    if len(names) > 1:
        raise UsageError(f"{' and '.join(names)} exclude each other", "leave all but one out")


def write(text: str) -> None:
    """Write the result, and nothing else, to stdout, byte for byte."""
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def show(text: str, *, places: bool = False) -> None:
    """Write what is made of values to stdout, with what looks like a token hidden; `places` as for masks.hidden."""
    write(masks.hidden(text, places=places))


def progress(text: str) -> None:
    """Write on stderr what is being done."""
    typer.echo(masks.hidden(text), err=True)


def set_debug(debug: bool) -> None:
    """Have the error boundary print tracebacks."""
    import os

    if debug:
        os.environ["XSCALER_DEBUG"] = "1"
