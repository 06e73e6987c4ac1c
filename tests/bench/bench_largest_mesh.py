"""The largest mesh that this machine carries: mesh, Prometheus, gateway and Mimir together, scraped every 15 s.

    PYTHONPATH=. python tests/bench/bench_largest_mesh.py [PROXIES...]

Runs `xscaler-istio test --local` with more and more proxies of 500 series until a run is not perfect, and prints each
run: a mesh is carried when every target and sample arrives within three minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT
from tests.support.tools import tool

SERIES = 500
SIZES = (100, 250, 500, 1000, 2000)


def run(proxies: int) -> bool:
    command = [str(Path(sys.executable).parent / "xscaler-istio"), "test", "--local", "-f", "examples/values.yaml"]
    command += ["--backend", "mimir", "--interval", "15", "--timeout", "180", "-o", "json"]
    command += ["--proxies", str(proxies), "--series", str(SERIES)]
    programs = {f"XSCALER_{name.upper()}": str(tool(name)) for name in ("prometheus", "mimir")}
    done = subprocess.run(
        command,
        check=False,
        cwd=ROOT,
        env={**os.environ, **programs, "HELM_BIN": str(tool("helm4"))},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    report = json.loads(done.stdout)
    targets, samples = report["targets"], report["samples"]
    print(
        f"{proxies} proxies x {SERIES} series: {'carried' if report['ok'] else 'NOT carried'}; "
        f"{targets['found']} of {targets['expected']} targets, {samples['accepted']} samples accepted, "
        f"{samples['rejected']} refused",
        flush=True,
    )
    return bool(report["ok"])


if __name__ == "__main__":
    for size in [int(word) for word in sys.argv[1:]] or SIZES:
        if not run(size):
            break
