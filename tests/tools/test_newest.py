"""tools/newest: what is behind and where a newer version is written; images are the programs that are tested."""

from __future__ import annotations

import configparser
import importlib.machinery
import importlib.util
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.paths import CHART, ROOT

if TYPE_CHECKING:
    from types import ModuleType

TOOLS = ROOT / "tools"
VALUES = (CHART / "values.yaml").read_text(encoding="utf-8")
INI = (TOOLS / "tools.ini").read_text(encoding="utf-8")


def load(name: str) -> ModuleType:
    """Return a program of tools/ as a module: its name has no ending."""
    loader = importlib.machinery.SourceFileLoader(f"tools_{name}", str(TOOLS / name))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    sys.modules[loader.name] = module
    loader.exec_module(module)
    return module


newest = load("newest")


def pins() -> dict[str, Any]:
    ini = configparser.ConfigParser(interpolation=None)
    ini.read_string(INI)
    found = newest.pins(ini, lambda folder: (TOOLS / folder / "go.mod").read_text(encoding="utf-8"))
    return {pin.name: pin for pin in found}


PINS = pins()


@pytest.mark.parametrize(
    ("name", "keys"), [("prometheus", ["prometheus"]), ("otelcol", ["opentelemetry"]), ("alloy", ["alloy", "logAgent"])]
)
def test_the_default_image_is_the_program_that_the_tests_run(name: str, keys: list[str]) -> None:
    values = yaml.safe_load(VALUES)
    version = newest.written(name, PINS[name].version)
    for key in keys:
        image = values[key]["image"]
        assert (image["repository"], image["tag"].removeprefix("v")) == (newest.IMAGES[name], version)


def test_what_is_held_has_its_reason_and_the_rest_is_followed() -> None:
    assert {"prometheus", "alloy", "otelcol", "loki", "helm3", "helm4", "kubeconform"} <= PINS.keys()
    assert not {"kubectl", "helm3-17", "pilot-agent", "helm"} & PINS.keys()


@pytest.mark.parametrize(
    ("pinned", "versions", "expected"),
    [
        ("v1.18.1", ["v1.18.2", "v1.19.0-rc.1", "v1.9.9"], "v1.18.2"),
        ("v1.9.0", ["v1.10.0", "v2.0.0", "v2.0.0+incompatible"], "v1.10.0"),
        ("v0.163.0", [], "v0.163.0"),
        ("v1.2.3", ["v1.2.2"], "v1.2.3"),
    ],
)
def test_the_newest_is_a_release_of_the_same_major(pinned: str, versions: list[str], expected: str) -> None:
    assert newest.newest(pinned, versions) == expected


def test_a_version_is_written_as_the_program_does() -> None:
    written = [newest.written("prometheus", version) for version in ("v0.316.0", "v0.305.2", "v0.400.1")]
    assert written == ["3.16.0", "3.5.2", "4.0.1"]
    assert newest.written("alloy", "v1.19.2") == "1.19.2"


def test_a_newer_version_is_written_where_the_old_one_was() -> None:
    changed = newest.with_version(INI, "prometheus", PINS["prometheus"].version, "v0.999.7")
    old = newest.written("prometheus", PINS["prometheus"].version)
    # Two programs of one go.mod, with a version in what is linked in and in what is printed.
    assert (changed.count("9.99.7"), changed.count(old)) == (4, INI.count(old) - 4)
    for name, key in (
        ("prometheus", "prometheus"),
        ("otelcol", "opentelemetry"),
        ("alloy", "logAgent"),
        ("alloy", "alloy"),
    ):
        image = yaml.safe_load(newest.with_tags(VALUES, name, PINS[name].version, "v0.999.7"))[key]["image"]
        before = yaml.safe_load(VALUES)[key]["image"]
        assert image["tag"].removeprefix("v") == newest.written(name, "v0.999.7")
        assert {**image, "tag": ""} == {**before, "tag": ""}
    assert newest.with_tags(VALUES, "mimir", "v1.0.0", "v2.0.0") == VALUES


def test_components_of_one_version_move_together() -> None:
    go_mod = (TOOLS / "otelcol/go.mod").read_text(encoding="utf-8")
    moved = newest.together(go_mod, PINS["otelcol"].version)
    assert "go.opentelemetry.io/collector/otelcol" in moved
    assert "github.com/open-telemetry/opentelemetry-collector-contrib/receiver/prometheusreceiver" in moved
