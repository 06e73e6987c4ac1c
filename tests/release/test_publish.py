"""Chart and plugin pushed to a real registry and listed in a real index come back as they were, verified."""

from __future__ import annotations

import contextlib
import functools
import http.server
import re
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest
import yaml

from release import versions
from release.package import CHART, KEYRING, PLUGIN
from tests.support.paths import EXAMPLE, ROOT
from tests.support.tools import HELMS, tool

from .commands import helm_in, release

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSION = versions.current(ROOT)
CHART_FILE = f"{CHART}-{VERSION}.tgz"


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a registry; its host and port."""
    disk = tmp_path_factory.mktemp("registry")
    command = [str(tool("crane")), "registry", "serve", "--address", "127.0.0.1:0", "--disk", str(disk)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as served:
        assert served.stderr
        port = next(found for line in served.stderr if (found := re.search(r"serving on port (\d+)", line)))
        # What it logs of each request is read, or it would stop when the pipe is full.
        threading.Thread(target=served.stderr.read, daemon=True).start()
        yield f"127.0.0.1:{port[1]}"
        served.terminate()


@pytest.fixture(scope="session")
def pushed(registry: str, packaged: Path) -> str:
    """Push the release; the registry."""
    done = release("push", packaged, f"{registry}/xscaler", "--plain-http")
    assert done.returncode == 0, done.stderr
    references = [f"{registry}/xscaler/charts/{CHART}:{VERSION}", f"{registry}/xscaler/plugins/{PLUGIN}:{VERSION}"]
    assert done.stdout.splitlines() == references
    return registry


@pytest.mark.parametrize("name", HELMS)
def test_the_chart_is_pulled_and_verified(name: str, pushed: str, packaged: Path, tmp_path: Path) -> None:
    helm = helm_in(tmp_path, name)
    where = [f"oci://{pushed}/xscaler/charts/{CHART}", "--version", VERSION, "--plain-http"]
    done = helm("pull", *where, "--verify", "--keyring", packaged / KEYRING, "--destination", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / CHART_FILE).read_bytes() == (packaged / CHART_FILE).read_bytes()
    rendered = helm("template", "t", *where, "-f", EXAMPLE)
    assert "kind: Deployment" in rendered.stdout, rendered.stderr


@pytest.mark.whole("make test installs the same archive from a file, and pulls the chart from the registry")
def test_helm_4_installs_the_plugin_from_the_registry(pushed: str, packaged: Path, tmp_path: Path) -> None:
    helm = helm_in(tmp_path, "helm4")
    source = f"oci://{pushed}/xscaler/plugins/{PLUGIN}:{VERSION}"
    done = helm("plugin", "install", source, "--plain-http", "--keyring", packaged / KEYRING)
    assert done.returncode == 0, done.stderr
    assert "Plugin Hash Verified: sha256:" in done.stdout
    assert helm(PLUGIN, "--version").stdout.strip() == VERSION


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("name", HELMS)
def test_the_chart_is_found_in_the_index(name: str, packaged: Path, tmp_path: Path) -> None:
    index = tmp_path / "index.yaml"
    helm = helm_in(tmp_path, name)
    with served(packaged) as files, served(tmp_path) as site:
        done = release("index", packaged, "--url", files, "--target", index)
        assert done.returncode == 0, done.stderr
        assert helm("repo", "add", "xscaler", site).returncode == 0
        got = helm("pull", f"xscaler/{CHART}", "--verify", "--keyring", packaged / KEYRING, "-d", tmp_path)
    assert got.returncode == 0, got.stderr
    assert (tmp_path / CHART_FILE).read_bytes() == (packaged / CHART_FILE).read_bytes()


def test_the_index_keeps_earlier_versions(packaged: Path, tmp_path: Path) -> None:
    index = tmp_path / "index.yaml"
    earlier = {"apiVersion": "v2", "name": CHART, "version": "0.0.9", "urls": ["https://example.com/old.tgz"]}
    index.write_text(yaml.safe_dump({"apiVersion": "v1", "entries": {CHART: [earlier]}}))
    done = release("index", packaged, "--url", "https://example.com", "--target", index)
    assert done.returncode == 0, done.stderr
    entries = yaml.safe_load(index.read_text())["entries"][CHART]
    assert [entry["version"] for entry in entries] == [VERSION, "0.0.9"]
    assert entries[0]["urls"] == [f"https://example.com/{CHART_FILE}"]


def test_an_unsigned_release_is_not_published(packaged: Path, tmp_path: Path) -> None:
    (tmp_path / CHART_FILE).write_bytes((packaged / CHART_FILE).read_bytes())
    done = release("push", tmp_path, "127.0.0.1:1/xscaler", "--plain-http")
    assert done.returncode == 3
    assert f"error: {tmp_path / CHART_FILE}.prov is missing\n  fix: make package" in done.stderr
