"""From a folder of release files to registries and the chart index. The caller has already logged in."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from release import versions
from release.errors import ReleaseError
from release.package import CHART, PLUGIN
from release.programs import ROOT, run, tool

if TYPE_CHECKING:
    from collections.abc import Callable

# Helm 4 recognises a plugin in a registry, and its signature, by these (helm.sh/helm/v4/pkg/registry/plugin.go).
PLUGIN_TYPE = "application/vnd.helm.plugin.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"


def archive(folder: Path, name: str) -> Path:
    """Return the archive of the current version; raise ReleaseError if it or its signature is missing."""
    file = folder / f"{name}-{versions.current(ROOT)}.tgz"
    for wanted in (file, signature(file)):
        if not wanted.is_file():
            raise ReleaseError(f"{wanted} is missing", "make package")
    return file


def signature(file: Path) -> Path:
    """Return where the signature of an archive is."""
    return file.with_name(f"{file.name}.prov")


def push_chart(folder: Path, registry: str, plain_http: bool) -> str:
    """Push the chart with its signature to `<registry>/charts`; return its reference."""
    options = ["--plain-http"] if plain_http else []
    run(tool("helm4"), "push", archive(folder, CHART), f"oci://{registry}/charts", *options)
    return f"{registry}/charts/{CHART}:{versions.current(ROOT)}"


def push_plugin(folder: Path, registry: str, plain_http: bool) -> str:
    """Push the plugin with its signature to `<registry>/plugins`; return its reference."""
    file = archive(folder, PLUGIN)
    reference = f"{registry}/plugins/{PLUGIN}:{versions.current(ROOT)}"
    options = ["--plain-http"] if plain_http else []
    layers = [f"{layer.name}:{LAYER_TYPE}" for layer in (file, signature(file))]
    # oras takes the names of files, which become the layers' titles, from its working folder.
    run(tool("oras"), "push", *options, "--artifact-type", PLUGIN_TYPE, reference, *layers, folder=folder.absolute())
    return reference


PUSHED: dict[str, Callable[[Path, str, bool], str]] = {"chart": push_chart, "plugin": push_plugin}


def write_index(folder: Path, url: str, index: Path) -> None:
    """Add the chart, whose archive is below a URL, to an index of a Helm repository; create a missing index."""
    file = archive(folder, CHART)
    with tempfile.TemporaryDirectory() as name:
        # Helm indexes whole folders, and only charts.
        shutil.copy(file, name)
        merge = ["--merge", index.absolute()] if index.exists() else []
        run(tool("helm4"), "repo", "index", name, "--url", url, *merge)
        shutil.copy(Path(name) / "index.yaml", index)
