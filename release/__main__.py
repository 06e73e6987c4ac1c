"""The command line of a release; `make package` and .github/workflows/release.yaml call it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from release import package as packaging
from release import publish, versions
from release.errors import ReleaseError
from release.programs import ROOT
from release.signing import Key

app = typer.Typer(
    name="python -m release",
    help="Package, sign and publish chart, plugin and wheel. docs/releasing.md tells the whole way.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
Folder = Annotated[Path, typer.Argument(help="The folder that `package` wrote.", metavar="FOLDER")]


@app.command()
def check(
    tag: Annotated[str, typer.Option(help="Check also that this tag may be released: its number, its notes.")] = "",
) -> None:
    """Check that all places have the same version; exit with 1 when they do not."""
    found = list(versions.problems(ROOT, tag))
    for problem in found:
        print(f"error: {problem}", file=sys.stderr)
    if found:
        print("  fix: python -m release set VERSION; docs/releasing.md has the rule", file=sys.stderr)
        raise typer.Exit(1)
    print(versions.current(ROOT))


@app.command("set")
def set_version(version: Annotated[str, typer.Argument(help="For example 0.2.0.")]) -> None:
    """Write a version into every place that has it, and print the files that changed."""
    for file in versions.write(ROOT, version):
        print(file)


@app.command()
def notes() -> None:
    """Print the text of the release: the sections of this version in CHANGELOG.md and UPGRADING.md."""
    for title, name in zip(("", "# Upgrading\n\n"), versions.NOTES, strict=True):
        print(f"{title}{versions.section(ROOT, name)}\n")


@app.command()
def package(
    folder: Annotated[Path, typer.Argument(help="Where to write; must be empty or absent.")] = Path("dist"),
    key: Annotated[str, typer.Option(help="Name of the signing key; without it a throwaway key signs.")] = "",
    keyring: Annotated[Path | None, typer.Option(help="File that gpg --export-secret-keys wrote.")] = None,
    passphrase_file: Annotated[Path | None, typer.Option(help="File with the key's passphrase.")] = None,
) -> None:
    """Write chart, plugin, wheel, bill of materials, signatures and sums into a folder. Needs no network."""
    if bool(key) != bool(keyring):
        raise ReleaseError("--key and --keyring go together", "give both, or none for a throwaway key")
    for file in packaging.package(folder, Key(key, keyring, passphrase_file) if keyring else None):
        print(file)
    if not keyring:
        print("signed with a key that is thrown away: for a look, not for a release", file=sys.stderr)


@app.command()
def push(
    folder: Folder,
    registry: Annotated[str, typer.Argument(help="Host and path, for example ghcr.io/xscaler.")],
    plain_http: Annotated[bool, typer.Option("--plain-http", help="The registry speaks no TLS: a test's.")] = False,
) -> None:
    """Push chart and plugin, each with its signature, to a registry; print their references."""
    for pushed in publish.PUSHED.values():
        print(pushed(folder, registry, plain_http))


@app.command()
def index(
    folder: Folder,
    url: Annotated[str, typer.Option(help="URL of the folder in which the chart's archive can be fetched.")],
    target: Annotated[Path, typer.Option(help="The index; what is in it stays.")] = Path("index.yaml"),
) -> None:
    """Add the chart to the index of a Helm repository."""
    publish.write_index(folder, url, target)


def main() -> None:
    """Run the command line; the one place that turns errors into an exit code."""
    try:
        app()
    except ReleaseError as error:
        print(f"error: {error}\n  fix: {error.fix}", file=sys.stderr)
        sys.exit(3)


if __name__ == "__main__":
    main()
