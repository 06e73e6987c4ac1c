"""The configurations of the ten-line values, one for each collector and the log agents'; `make golden` writes them.

What native histograms change in them is one file of differences.

Of the log agents with every feature on there is also what each attribute evaluates to, one a line: a change of form
does not change it.
"""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING

from xscaler_istio.rendered.alloy_syntax import Reference, evaluated, parse
from xscaler_istio.rendered.collectors import COLLECTORS
from xscaler_istio.rendered.manifests import LOGS
from xscaler_istio.rendered.release import Release

from .paths import ROOT, ci
from .rendering import template

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from xscaler_istio.rendered.alloy_syntax import Blocks

GOLDEN = ROOT / "tests/chart/golden"
FILES: Mapping[str, str] = {**{name: entry.config_file for name, entry in COLLECTORS.items()}, LOGS: "logs.alloy"}
VALUES = "logs.values"
NATIVE = "native.diff"
# A DaemonSet that reads Docker's files, and a Deployment that reads through the API server.
_EVERYTHING = (
    "logs.source=filesAndFargate",
    "logs.runtime=docker",
    "logs.maskForwardedFor=true",
    "logs.streamLabels={protocol,request_method,response_code}",
    "logs.containers.istiod=true",
    "logs.containers.cni=true",
    "xscaler.extraHeaders.X-Team=mesh",
)
_SAMPLED = ("--set-json", "logs.sampling.successPercent=50", "--set-json", 'logs.redact=["/reset/([^/ ]+)"]')


def text(name: str, helm: str, *sets: str) -> str:
    """Return the configuration of a collector, or of the log agents, with further values."""
    chosen = [word for pair in sets for word in ("--set", pair)]
    chosen += [] if name == LOGS else ["--set", f"metrics.collector={name}"]
    rendered = template(helm, "--values", str(ci("default")), "--set", "logs.enabled=true", *chosen)
    return Release.of(rendered).config_text(name, 0)


def native(helm: str) -> str:
    """Return what native histograms change in the configuration of each collector, without lines around it."""
    found = []
    for name in COLLECTORS:
        classic = (GOLDEN / FILES[name]).read_text(encoding="utf-8").splitlines()
        changed = text(name, helm, "metrics.histograms=native").splitlines()
        lines = difflib.unified_diff(classic, changed, FILES[name], FILES[name], lineterm="", n=0)
        # Without numbers of lines, which other changes move.
        found += ["@@" if line.startswith("@@") else line for line in lines]
    return "\n".join([*found, ""])


def values(helm: str) -> str:
    """Return what the attributes of the log agents' configurations evaluate to, with every feature on."""
    words = [word for pair in ("logs.enabled=true", *_EVERYTHING) for word in ("--set", pair)]
    rendered = template(helm, "--values", str(ci("default")), *words, *_SAMPLED)
    lines = (line for config in Release.of(rendered).log_agents for line in _lines(parse(config.text)))
    return "\n".join([*lines, ""])


def _lines(blocks: Blocks, place: str = "") -> Iterator[str]:
    for key, value in blocks.items():
        path = f"{place}.{key.partition('#')[0]}" if place else key
        if isinstance(value, dict):
            yield from _lines(value, path)
        else:
            yield f"{path} = {json.dumps(evaluated(value), ensure_ascii=False, default=_reference)}"


def _reference(value: Reference) -> dict[str, str]:
    return {"reference": value.text}


def write(folder: Path) -> None:
    """Write them all."""
    (folder / VALUES).write_text(values("helm4"), encoding="utf-8")
    for name, file in FILES.items():
        (folder / file).write_text(text(name, "helm4"), encoding="utf-8")
    (folder / NATIVE).write_text(native("helm4"), encoding="utf-8")


if __name__ == "__main__":
    write(GOLDEN)
