"""The files of a release are what they say, signed, and can be installed by each Helm."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
import os
import shutil
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import referencing
from packaging.requirements import Requirement

from release import versions
from release.package import CHART, KEYRING, PLUGIN, SUMS, package
from release.signing import TRIAL
from tests.support.paths import EXAMPLE, ROOT
from tests.support.rendering import objects, run_template, template
from tests.support.tools import HELMS, tool
from xscaler_istio.rendered.collectors import COLLECTORS

from .commands import helm_in, release

if TYPE_CHECKING:
    from pathlib import Path

    from release.signing import Key

VERSION = versions.current(ROOT)
CHART_FILE = f"{CHART}-{VERSION}.tgz"
PLUGIN_FILE = f"{PLUGIN}-{VERSION}.tgz"
WHEEL = f"xscaler_istio-{VERSION}-py3-none-any.whl"
BOM = f"{CHART}-{VERSION}.cdx.json"


def test_a_release_has_these_files_and_their_sums(packaged: Path) -> None:
    names = {CHART_FILE, f"{CHART_FILE}.prov", PLUGIN_FILE, f"{PLUGIN_FILE}.prov", WHEEL, BOM, KEYRING}
    assert {file.name for file in packaged.iterdir()} == {*names, SUMS}
    done = subprocess.run(["sha256sum", "--check", SUMS], check=False, capture_output=True, text=True, cwd=packaged)
    assert done.returncode == 0, done.stderr
    assert {line.partition(":")[0] for line in done.stdout.splitlines()} == names


def test_the_same_commit_gives_the_same_bytes(packaged: Path, tmp_path: Path, key: Key) -> None:
    package(tmp_path / "again", key)
    # A signature holds the time at which it was made.
    for name in (CHART_FILE, PLUGIN_FILE, WHEEL, BOM, KEYRING):
        assert (tmp_path / "again" / name).read_bytes() == (packaged / name).read_bytes(), name


def test_without_a_key_a_throwaway_key_signs(tmp_path: Path) -> None:
    done = release("package", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "signed with a key that is thrown away" in done.stderr
    verified = helm_in(tmp_path, "helm4")("verify", tmp_path / CHART_FILE, "--keyring", tmp_path / KEYRING)
    assert f"Signed by: {TRIAL}" in verified.stdout, verified.stderr
    again = release("package", tmp_path)
    assert again.returncode == 3
    assert f"error: {tmp_path} is not empty\n  fix: rm -r {tmp_path}" in again.stderr


def test_a_key_that_is_not_in_the_keyring_is_said(tmp_path: Path, key: Key) -> None:
    done = release("package", tmp_path, "--key", "nobody@example.com", "--keyring", key.keyring)
    assert done.returncode == 3
    assert "error: helm4 package failed" in done.stderr or "error: helm package failed" in done.stderr
    assert "private key not found" in done.stderr


@pytest.mark.parametrize("name", HELMS)
def test_the_chart_is_verified_and_a_changed_one_refused(name: str, packaged: Path, tmp_path: Path) -> None:
    helm = helm_in(tmp_path, name)
    good = helm("verify", packaged / CHART_FILE, "--keyring", packaged / KEYRING)
    assert good.returncode == 0, good.stderr
    digest = hashlib.sha256((packaged / CHART_FILE).read_bytes()).hexdigest()
    assert f"Chart Hash Verified: sha256:{digest}" in good.stdout
    for file in (CHART_FILE, f"{CHART_FILE}.prov"):
        shutil.copy(packaged / file, tmp_path)
    with (tmp_path / CHART_FILE).open("ab") as handle:
        handle.write(b"\0")
    bad = helm("verify", tmp_path / CHART_FILE, "--keyring", packaged / KEYRING)
    assert bad.returncode == 1
    assert "sha256 sum does not match" in bad.stderr


@pytest.mark.parametrize("name", HELMS)
def test_the_packaged_chart_renders_as_the_folder_does(name: str, packaged: Path, tmp_path: Path) -> None:
    helm = helm_in(tmp_path, name)
    arguments = ("--namespace", "telemetry", "-f", str(EXAMPLE))
    done = helm("template", "t", packaged / CHART_FILE, *arguments)
    assert done.stdout == run_template(name, "-f", str(EXAMPLE)).stdout != ""


def test_the_plugin_is_as_a_checkout_and_has_nothing_else(packaged: Path) -> None:
    with tarfile.open(packaged / PLUGIN_FILE) as archive:
        names = set(archive.getnames())
    assert {f"{PLUGIN}/{name}" for name in ("plugin.yaml", "plugin/bin/xscaler", "chart/Chart.yaml")} <= names
    assert not [name for name in names if "__pycache__" in name or ".venv" in name]


def test_helm_4_installs_the_signed_plugin(packaged: Path, tmp_path: Path) -> None:
    helm = helm_in(tmp_path, "helm4")
    installed = helm("plugin", "install", packaged / PLUGIN_FILE, "--verify", "--keyring", packaged / KEYRING)
    assert installed.returncode == 0, installed.stderr
    assert f"Signed by: {TRIAL}" in installed.stdout
    listed = helm("plugin", "list").stdout.splitlines()[1].split()
    assert (listed[:2], "signed" in listed) == ([PLUGIN, VERSION], True)
    used = helm(PLUGIN, "validate", "-f", EXAMPLE)
    assert (used.returncode, used.stdout.splitlines()[-1].startswith("OK: no findings")) == (0, True), used.stderr
    # Its chart came along.
    assert str(tmp_path) in helm(PLUGIN, "schema", "--path").stdout


def test_helm_4_refuses_a_plugin_that_was_changed(packaged: Path, tmp_path: Path) -> None:
    for file in (PLUGIN_FILE, f"{PLUGIN_FILE}.prov"):
        shutil.copy(packaged / file, tmp_path)
    with (tmp_path / PLUGIN_FILE).open("ab") as handle:
        handle.write(b"\0")
    helm = helm_in(tmp_path, "helm4")
    done = helm("plugin", "install", tmp_path / PLUGIN_FILE, "--keyring", packaged / KEYRING)
    assert done.returncode == 1
    assert "sha256 sum does not match" in done.stderr
    assert helm("plugin", "list").stdout.splitlines()[1:] == []


@pytest.mark.whole("make test installs the signed archive with Helm 4; pip takes 17 seconds of CPU each time")
def test_helm_3_installs_the_unpacked_plugin(packaged: Path, tmp_path: Path) -> None:
    helm = helm_in(tmp_path, "helm3")
    refused = helm("plugin", "install", packaged / PLUGIN_FILE)
    assert "expected plugin to be a folder" in refused.stderr  # so docs/releasing.md and docs/plugin.md unpack it
    with tarfile.open(packaged / PLUGIN_FILE) as archive:
        archive.extractall(tmp_path, filter="data")
    installed = helm("plugin", "install", tmp_path / PLUGIN)
    assert installed.returncode == 0, installed.stderr
    used = helm(PLUGIN, "validate", "-f", EXAMPLE)
    assert (used.returncode, used.stdout.splitlines()[-1].startswith("OK: no findings")) == (0, True), used.stderr


def test_gpg_alone_verifies_the_plugin(packaged: Path, tmp_path: Path) -> None:
    keyring = ["--homedir", str(tmp_path), "--no-default-keyring", "--keyring", str(packaged / KEYRING)]
    command = ["gpg", *keyring, "--decrypt", str(packaged / f"{PLUGIN_FILE}.prov")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f'Good signature from "{TRIAL}"' in done.stderr
    digest = hashlib.sha256((packaged / PLUGIN_FILE).read_bytes()).hexdigest()
    assert f"{PLUGIN_FILE}: sha256:{digest}" in done.stdout


def test_the_wheel_runs(packaged: Path, tmp_path: Path) -> None:
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(tmp_path)]
    subprocess.run([*install, str(packaged / WHEEL)], check=True)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", "import xscaler_istio as x; print(x.__version__, x.__file__)"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    assert done.stdout.split() == [VERSION, str(tmp_path / "xscaler_istio/__init__.py")]


@pytest.fixture(scope="session")
def bill(packaged: Path) -> dict[str, Any]:
    """Read the bill of materials."""
    loaded: dict[str, Any] = json.loads((packaged / BOM).read_text())
    return loaded


def test_the_bill_of_materials_is_valid_cyclonedx(packaged: Path) -> None:
    folder = importlib.resources.files("cyclonedx.schema") / "_res"
    main, *others = (
        (name, json.loads((folder / name).read_text()))
        for name in (f"{part}.SNAPSHOT.schema.json" for part in ("bom-1.6", "spdx", "jsf-0.82"))
    )
    base = "http://cyclonedx.org/schema/"
    registry = referencing.Registry().with_contents((f"{base}{name}", other) for name, other in others)
    jsonschema.Draft7Validator(main[1], registry=registry).validate(json.loads((packaged / BOM).read_text()))


def test_the_bill_of_materials_has_every_python_package_of_the_lock_file(bill: dict[str, Any]) -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    locked = [Requirement(line.rstrip("\\ ")) for line in lines if line[:1].isalnum()]
    pinned = {f"pkg:pypi/{item.name}@{str(item.specifier).removeprefix('==')}" for item in locked}
    named = {component["purl"] for component in bill["components"] if component["purl"].startswith("pkg:pypi/")}
    assert named == pinned
    listed = next(entry for entry in bill["dependencies"] if entry["ref"] == "xscaler-istio")["dependsOn"]
    assert set(listed) == {component["bom-ref"] for component in bill["components"]}


def test_the_bill_of_materials_has_every_image_that_the_chart_renders(bill: dict[str, Any]) -> None:
    default = ("-f", str(EXAMPLE), "--set", "logs.enabled=true")
    rendered = {
        container["image"]
        for collector in COLLECTORS
        for found in objects(template("helm4", *default, "--set", f"metrics.collector={collector}"))
        for spec in [found.get("spec", {}), found.get("spec", {}).get("template", {}).get("spec", {})]
        for container in spec.get("containers", [])
    }
    images = [component for component in bill["components"] if component["type"] == "container"]
    assert {f"{image['name']}:{image['version']}" for image in images} == rendered


def test_each_image_names_the_module_that_the_tests_run(bill: dict[str, Any]) -> None:
    components = {component["name"]: component for component in bill["components"]}
    for tool_name, image in (
        ("prometheus", "quay.io/prometheus/prometheus"),
        ("alloy", "docker.io/grafana/alloy"),
        ("otelcol", "docker.io/otel/opentelemetry-collector-contrib"),
    ):
        module = components[image]["components"][0]
        listed = subprocess.run(["go", "version", "-m", tool(tool_name)], check=True, capture_output=True, text=True)
        words = [line.split() for line in listed.stdout.splitlines()]
        assert [module["name"], module["version"]] in [line[1:3] for line in words if line[:1] in (["dep"], ["mod"])]


def test_a_key_with_a_passphrase_signs(tmp_path: Path) -> None:
    # As the workflow has it: armoured in a secret, then a file.
    gpg = ["gpg", "--homedir", str(tmp_path), "--batch", "--pinentry-mode", "loopback", "--passphrase", "open sesame"]
    subprocess.run([*gpg, "--quick-generate-key", "Release <r@example.com>", "rsa3072", "sign"], check=True)
    armoured = subprocess.run([*gpg, "--export-secret-keys", "--armor"], check=True, capture_output=True).stdout
    subprocess.run(["gpgconf", "--homedir", str(tmp_path), "--kill", "gpg-agent"], check=True)
    keyring = tmp_path / "secring.gpg"
    keyring.write_bytes(subprocess.run(["gpg", "--dearmor"], check=True, capture_output=True, input=armoured).stdout)
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("open sesame")
    signing = ["--key", "Release <r@example.com>", "--keyring", keyring, "--passphrase-file", passphrase]
    done = release("package", tmp_path / "dist", *signing)
    assert done.returncode == 0, done.stderr
    keys = ["--keyring", tmp_path / "dist" / KEYRING]
    verified = helm_in(tmp_path, "helm4")("plugin", "verify", tmp_path / "dist" / PLUGIN_FILE, *keys)
    assert "Signed by: Release <r@example.com>" in verified.stdout, verified.stderr
    # The public half alone is published.
    shown = subprocess.run(["gpg", "--show-keys", str(tmp_path / "dist" / KEYRING)], check=True, capture_output=True)
    assert (b"pub " in shown.stdout, b"sec " in shown.stdout) == (True, False)
