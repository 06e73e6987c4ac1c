"""`helm xscaler fit` on a real cluster: its estimate is what xScaler stores, before and after its proposal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.tools import tool

from . import kubectl
from .release import VALUES, eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from .release import Release

FAST = "metrics.scrapeInterval=5s,metrics.scrapeTimeout=5s"
# Traffic goes on between the estimate and the query.
SHARE = 0.05


def fit(release: Release, *flags: str) -> tuple[int, dict[str, Any]]:
    """Run the command; return its exit code and its report."""
    command = [str(Path(sys.executable).parent / "xscaler-istio"), "fit", "-n", release.namespace, "-o", "json"]
    programs = {"HELM_BIN": str(tool(f"helm{release.major}")), "XSCALER_KUBECTL": str(tool("kubectl"))}
    done = subprocess.run(
        [*command, "-f", str(VALUES), "--set", FAST, *flags],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **programs},
        timeout=kubectl.SECONDS,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def stored(release: Release, estimate: int) -> None:
    """Wait until xScaler has as many series of the mesh as were estimated."""

    def share() -> float:
        found = release.query(f'count({{job="integrations/istio",cluster="{release.cluster}"}})')
        return abs(sum(float(sample["value"][1]) for sample in found) / estimate - 1)

    eventually(lambda: share() <= SHARE or share(), True)


def test_the_estimate_is_what_is_stored_before_and_after(new_release: Callable[..., Release]) -> None:
    release = new_release()
    release.install(FAST)
    eventually(release.found, release.expected())
    code, today = fit(release)
    assert (code, today["notRead"]) == (0, [])
    stored(release, today["today"]["series"])

    native = today["proposals"][0]
    assert native["values"] == {"metrics": {"histograms": "native"}}
    code, limited = fit(release, "--max-series", str(int(native["series"] * 1.1)))
    assert (code, limited["chosen"]) == (1, native["values"])
    release.install(FAST, "metrics.histograms=native")
    stored(release, native["series"])
