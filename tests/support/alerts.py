"""The chart's alerts, and what their expressions select, as Prometheus itself parses them."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import socket
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from .paths import CHART
from .tools import tool
from .waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


# One file an alert, in a folder that names its group.
FILES = sorted((CHART / "files/alerts").glob("*/*.yaml"))


# What is kept of the release's own programs, and what they add to alerts: a file a collector, and the log agent's.
SELF = {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(CHART.glob("files/self/*.yaml"))}
OWN = [SELF[entry.get("sameAs", name)] for name, entry in SELF.items()]
OWN.append(yaml.safe_load((CHART / "files/logs/self.yaml").read_text(encoding="utf-8")))
KEPT = {expression for entry in OWN for expression in entry["keep"]}


# A rule is YAML by nature.
def rule(file: Path, plan: int = 0) -> dict[str, Any]:
    """Return one alert, with the terms of the release's own programs and the series that a plan holds in place."""
    loaded: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    terms = dict.fromkeys(term.strip() for entry in OWN for term in entry["alerts"].get(file.stem, []))
    expr = loaded["expr"].replace("<terms of files/self>", "\nor\n".join(terms))
    return {**loaded, "expr": expr.replace("<xscaler.plan.activeSeries>", str(plan))}


@dataclasses.dataclass(frozen=True)
class Selector:
    """One vector selector of an expression: its metric's name, empty where a matcher says it, and all matchers."""

    name: str
    matchers: tuple[tuple[str, str, str], ...]

    def __str__(self) -> str:
        """Write it as an expression of its own, without range and offset."""
        return "{" + ",".join(f"{label}{operator}{json.dumps(value)}" for label, operator, value in self.matchers) + "}"

    def value(self, label: str) -> str:
        """Return what a label is compared with, or nothing."""
        return next((value for name, _, value in self.matchers if name == label), "")


@contextlib.contextmanager
def parser() -> Iterator[Callable[[str], tuple[Selector, ...]]]:
    """Run a Prometheus that holds nothing, and give a function from an expression to its selectors."""
    with socket.socket() as free, tempfile.TemporaryDirectory() as folder:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        free.close()
        (Path(folder) / "config.yml").write_text("global: {}\n")
        flags = [f"--config.file={folder}/config.yml", f"--storage.tsdb.path={folder}/data"]
        command = [str(tool("prometheus")), *flags, f"--web.listen-address={address}"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                _wait(address, process)
                yield lambda expression: tuple(_selectors(_parse(address, expression)))
            finally:
                process.terminate()


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    def ready() -> bool:
        assert process.poll() is None, f"Prometheus ended with {process.returncode}"
        try:
            with urllib.request.urlopen(f"http://{address}/-/ready"):
                return True
        except (urllib.error.URLError, ConnectionError):
            return False

    until(ready, "Prometheus does not start")


# Its syntax tree is JSON: Any by nature.
def _parse(address: str, expression: str) -> Any:
    query = urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(f"http://{address}/api/v1/parse_query?{query}") as answer:
        return json.load(answer)["data"]


def _selectors(node: Any) -> Iterator[Selector]:
    if isinstance(node, list):
        for child in node:
            yield from _selectors(child)
    elif isinstance(node, dict):
        if node.get("type") in ("vectorSelector", "matrixSelector"):
            matchers = ((item["name"], item["type"], item["value"]) for item in node["matchers"])
            yield Selector(node.get("name", ""), tuple(matchers))
        else:
            yield from _selectors(list(node.values()))
