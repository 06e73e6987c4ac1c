"""Where the programs are that this tool runs: an override, PATH, or the pinned ones of a checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from xscaler_istio.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Mapping

# The checkout that this package lies in, if it does: <root>/plugin/src/xscaler_istio.
CHECKOUT = Path(__file__).resolve().parents[3]

WHERE_TO_GET: Mapping[str, str] = {
    "helm": "install Helm (https://helm.sh/docs/intro/install/) or set HELM_BIN to its path",
    "kubeconform": "https://github.com/yannh/kubeconform/releases",
    "promtool": "it comes with Prometheus: https://prometheus.io/download/",
    "prometheus": "https://prometheus.io/download/ (3.x)",
    "mimir": "https://github.com/grafana/mimir/releases, or use --backend prometheus",
}
# In a checkout `helm` is the newest major.
_TOOL_NAMES: Mapping[str, str] = {"helm": "helm4"}


def find(name: str) -> Path | None:
    """Return the program, or None. In a checkout a missing one is built, which may take minutes.

    Looked at in this order: $XSCALER_<NAME> ($HELM_BIN for Helm), PATH, tools/get of the checkout.
    """
    override = os.environ.get("HELM_BIN" if name == "helm" else f"XSCALER_{name.upper()}", "")
    if found := shutil.which(override or name):
        return Path(found).absolute()
    return None if override else _from_checkout(_TOOL_NAMES.get(name, name))


def require(name: str) -> Path:
    """Return the program; raise SetupError with where to get it."""
    if found := find(name):
        return found
    raise SetupError(f"{name} is not on PATH", WHERE_TO_GET.get(name, ""))


def _from_checkout(name: str) -> Path | None:
    getter = CHECKOUT / "tools" / "get"
    if not getter.exists():
        return None
    # stderr stays the terminal's: it shows the progress of a build.
    done = subprocess.run([getter, name], check=False, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.strip()) if done.returncode == 0 else None


def default_chart() -> Path:
    """Return the chart of the checkout; raise SetupError where there is none."""
    chart = CHECKOUT / "chart"
    if (chart / "Chart.yaml").exists():
        return chart
    raise SetupError("the chart is not beside this package", "name it with --chart")
