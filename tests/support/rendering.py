"""What Helm makes of the chart, and what is in it."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from xscaler_istio.helm import Beside, ValuesArguments
from xscaler_istio.helm.run import merged
from xscaler_istio.rendered.release import Release

from .paths import CHART, ROOT
from .tools import tool
from .typed_apply import duplicates

if TYPE_CHECKING:
    from xscaler_istio.rendered.manifests import CollectorConfig
    from xscaler_istio.values.effective import Effective

Done = subprocess.CompletedProcess[str]

# What Helm has made of the chart as it is, for all workers and for the next session. A changed chart empties it.
KEPT = ROOT / "build/renderings"


@functools.cache
def template(helm: str, *arguments: str) -> str:
    """Return what `helm template` prints; release `t` in namespace `telemetry`."""
    done = run_template(helm, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_template(helm: str, *arguments: str) -> Done:
    """Return whatever comes of `helm template`; Helm runs once for the same chart, program, arguments and values."""
    chart = _chart()
    file = KEPT / chart / _sum(json.dumps([*_program(helm), *_contents(arguments)]).encode())
    with contextlib.suppress(FileNotFoundError):
        return Done((), **json.loads(file.read_text(encoding="utf-8")))
    done = render(helm, *arguments)
    # The chart may have changed meanwhile, and a message that names a file is of this run only.
    named = any(str(path) in done.stdout + done.stderr for path in _files(arguments))
    if digest(CHART) == chart and not named:
        _keep(file, done)
    return done


def render(helm: str, *arguments: str) -> Done:
    """Run `helm template`, for values that come once, or where two runs are the subject.

    Whatever is rendered has only lists that server-side apply takes.
    """
    command = [str(tool(helm)), "template", "t", str(CHART), "--namespace", "telemetry", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    twice = [place for item in objects(done.stdout) for place in duplicates(item)] if done.returncode == 0 else []
    assert not twice, f"the API server would reject {twice}"
    return done


def effective(chart: Path, *files: Path | str) -> Effective:
    """Return the values of files as Helm merges them, also those that the schema or the chart refuses."""
    with Beside() as beside:
        return beside.start(merged(chart, ValuesArguments(tuple(map(str, files))))).result()


def digest(chart: Path) -> str:
    """Return what differs as soon as a file of a chart does; Helm leaves out `ci/` (.helmignore)."""
    files = (file for file in sorted(chart.rglob("*")) if file.is_file() and file.parent != chart / "ci")
    return _sum(json.dumps([(str(file.relative_to(chart)), _sum(file.read_bytes())) for file in files]).encode())


@functools.cache
def _chart() -> str:
    found = digest(CHART)
    for other in KEPT.glob("*"):
        if other.name != found:
            shutil.rmtree(other, ignore_errors=True)
    return found


@functools.cache
def _program(helm: str) -> tuple[str, int, int]:
    found = tool(helm).stat()
    return str(tool(helm)), found.st_size, found.st_mtime_ns


def _files(arguments: tuple[str, ...]) -> list[Path]:
    """Return the values files among arguments."""
    return [Path(word) for flag, word in itertools.pairwise(arguments) if flag in ("--values", "-f")]


def _contents(arguments: tuple[str, ...]) -> list[str]:
    """Return arguments with the contents of values files in the place of their names."""
    read = {str(file): _sum(file.read_bytes()) for file in _files(arguments)}
    return [read.get(word, word) for word in arguments]


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _keep(file: Path, done: Done) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as written:
        json.dump({"returncode": done.returncode, "stdout": done.stdout, "stderr": done.stderr}, written)
    Path(written.name).replace(file)


# Manifests are what the test reads them as: Any is the type of parsed YAML.
def objects(text: str) -> list[dict[str, Any]]:
    """Return the objects of a rendered stream."""
    return [document for document in yaml.load_all(text, Loader=yaml.CSafeLoader) if document]


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
    loaded: dict[str, Any] = config.shipper.parse(config.text)
    return loaded


def prometheus_config(text: str, shard: int = 0) -> dict[str, Any]:
    """Return the parsed configuration of one shard."""
    loaded: dict[str, Any] = _read(of_kind(text, "ConfigMap")[shard]["data"]["prometheus.yml"])
    return loaded


def _read(text: str) -> Any:
    return yaml.load(text, Loader=yaml.CSafeLoader)
