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
    help="Package, sign and publish chart, plugin and wheel. docs/releasing.md describes every step.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
Folder = Annotated[Path, typer.Argument(help="Read the folder that `package` wrote.", metavar="FOLDER")]


@app.command()
def check(
    tag: Annotated[str, typer.Option(help="Also check the number and the notes of this tag.")] = "",
) -> None:
    """Check that all places have the same version; exit with 1 if they do not."""
    found = list(versions.problems(ROOT, tag))
    for problem in found:
        print(f"error: {problem}", file=sys.stderr)
    if found:
        print("  fix: python -m release set VERSION; docs/releasing.md has the rule", file=sys.stderr)
        raise typer.Exit(1)
    print(versions.current(ROOT))


@app.command("set")
def set_version(version: Annotated[str, typer.Argument(help="Set this version, for example 0.2.0.")]) -> None:
    """Write a version everywhere, and print the changed files."""
    for file in versions.write(ROOT, version):
        print(file)


@app.command()
def notes() -> None:
    """Print the text of the release: the sections of this version in CHANGELOG.md and UPGRADING.md."""
    for title, name in zip(("", "# Upgrading\n\n"), versions.NOTES, strict=True):
        print(f"{title}{versions.section(ROOT, name)}\n")


@app.command()
def package(
    folder: Annotated[Path, typer.Argument(help="Write into this folder; it must be empty or absent.")] = Path("dist"),
    key: Annotated[str, typer.Option(help="Sign with the key of this name; the default is a throwaway key.")] = "",
    keyring: Annotated[Path | None, typer.Option(help="Read keys from this file of gpg --export-secret-keys.")] = None,
    passphrase_file: Annotated[Path | None, typer.Option(help="Read the key's passphrase from this file.")] = None,
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
    registry: Annotated[str, typer.Argument(help="Push to this host and path, for example ghcr.io/xscaler.")],
    plain_http: Annotated[bool, typer.Option("--plain-http", help="Use HTTP, for a test registry.")] = False,
) -> None:
    """Push chart and plugin, each with its signature, to a registry; print their references."""
    for pushed in publish.PUSHED.values():
        print(pushed(folder, registry, plain_http))


@app.command()
def index(
    folder: Folder,
    url: Annotated[str, typer.Option(help="Set the URL of the folder with the chart's archive.")],
    target: Annotated[Path, typer.Option(help="Add to this index; existing entries stay.")] = Path("index.yaml"),
) -> None:
    """Add the chart to the index of a Helm repository."""
    publish.write_index(folder, url, target)


def main() -> None:
    """Run the command line; only this function turns errors into an exit code."""
    try:
        app()
    except ReleaseError as error:
        print(f"error: {error}\n  fix: {error.fix}", file=sys.stderr)
        sys.exit(3)


if __name__ == "__main__":
    main()
