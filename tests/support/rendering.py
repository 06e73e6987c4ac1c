"""What Helm makes of the chart, and what is in it."""

from __future__ import annotations

import functools
import subprocess
from typing import TYPE_CHECKING, Any

import yaml

from xscaler_istio.rendered import alloy, manifests
from xscaler_istio.rendered.release import Release

from .paths import CHART
from .tools import tool

if TYPE_CHECKING:
    from xscaler_istio.rendered.manifests import CollectorConfig


@functools.cache
def template(helm: str, *arguments: str) -> str:
    """Return what `helm template` prints; release `t` in namespace `telemetry`."""
    done = run_template(helm, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_template(helm: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `helm template` and return whatever came of it."""
    command = [str(tool(helm)), "template", "t", str(CHART), "--namespace", "telemetry", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True)


# Manifests are what the test reads them as: Any is the type of parsed YAML.
def objects(text: str) -> list[dict[str, Any]]:
    """Return the objects of a rendered stream."""
    return [document for document in yaml.safe_load_all(text) if document]


def of_kind(text: str, kind: str) -> list[dict[str, Any]]:
    """Return the objects of one kind."""
    return [document for document in objects(text) if document["kind"] == kind]


def configs(text: str) -> tuple[CollectorConfig, ...]:
    """Return the collector configurations in a rendered stream."""
    return Release.of(text).collectors


def log_configs(text: str) -> tuple[CollectorConfig, ...]:
    """Return the configurations of log agents in a rendered stream."""
    return Release.of(text).log_agents


def parsed(config: CollectorConfig) -> dict[str, Any]:
    """Return a configuration as nested mappings; Alloy's attributes stay the text that they are written as."""
    reader = alloy.parse if config.collector in ("alloy", manifests.LOGS) else yaml.safe_load
    loaded: dict[str, Any] = reader(config.text)
    return loaded


def prometheus_config(text: str, shard: int = 0) -> dict[str, Any]:
    """Return the parsed configuration of one shard."""
    loaded: dict[str, Any] = yaml.safe_load(of_kind(text, "ConfigMap")[shard]["data"]["prometheus.yml"])
    return loaded
