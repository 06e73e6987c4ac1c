"""Where the programs are that this tool runs, and the chart: an override, PATH, the checkout, the installed package."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from xscaler_istio.system import packages
from xscaler_istio.system.errors import SetupError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PACKAGE = Path(__file__).resolve().parents[1]


def _checkout() -> Path | None:
    root = _PACKAGE.parents[2]
    return root if root / "plugin" / "src" / "xscaler_istio" == _PACKAGE else None


# The checkout that this package lies in; None where it is installed from a wheel.
CHECKOUT = _checkout()
# The chart that a wheel carries (plugin/build_hook.py).
_CARRIED_CHART = _PACKAGE / "chart"

# Those that do not belong to a collector; Prometheus as what stores in local tests.
WHERE_TO_GET: Mapping[str, str] = {
    "helm": "install Helm (https://helm.sh/docs/intro/install/) or set HELM_BIN to its path",
    "kubectl": "https://kubernetes.io/docs/tasks/tools/",
    "kubeconform": "https://github.com/yannh/kubeconform/releases",
    "prometheus": "https://prometheus.io/download/ (3.x)",
    "loki": "https://github.com/grafana/loki/releases",
    "mimir": "https://github.com/grafana/mimir/releases, or use --backend prometheus",
}
# In a checkout `helm` is the newest major.
_TOOL_NAMES: Mapping[str, str] = {"helm": "helm4"}


def find(name: str) -> Path | None:
    """Return the program, or None. In a checkout a missing one is built, which may take minutes.

    Looked at in this order: $XSCALER_<NAME> ($HELM_BIN for Helm), PATH, tools/get of the checkout.
    """
    override = os.environ.get(variable(name), "")
    if found := shutil.which(override or name):
        return Path(found).absolute()
    return None if override else _from_checkout(_TOOL_NAMES.get(name, name))


def require(name: str, where: Mapping[str, str] = WHERE_TO_GET) -> Path:
    """Return the program; raise SetupError with where to get it."""
    if found := find(name):
        return found
    if override := os.environ.get(variable(name)):
        raise SetupError(f"{variable(name)} is {override}, which is not a program", "fix or unset the variable")
    raise SetupError(f"{name} is not on PATH", where.get(name, ""))


def given(texts: Iterable[str], known: Iterable[str]) -> dict[str, Path]:
    """Return the programs of `--program NAME=PATH`.

    Raises UsageError for another name or form, SetupError where no program is.
    """
    found = {}
    for text in texts:
        name, _, path = text.partition("=")
        if name not in known or not path:
            raise UsageError(
                f"--program {text} does not name a program", f"write NAME=PATH; NAME is one of: {', '.join(known)}"
            )
        program = shutil.which(path)
        if not program:
            raise SetupError(f"--program {text}: not a program", "name an executable file")
        found[name] = Path(program).absolute()
    return found


def require_all(names: Iterable[str], where: Mapping[str, str] = WHERE_TO_GET) -> dict[str, Path]:
    """Return programs by name; raise SetupError that says of each absent one where to get it.

    `where` adds to WHERE_TO_GET.
    """
    known = {**WHERE_TO_GET, **where}
    found = {name: find(name) for name in sorted(names)}
    absent = [name for name, path in found.items() if not path]
    if len(absent) > 1 and not any(os.environ.get(variable(name)) for name in absent):
        all_of_them = "; ".join(f"{name}: {known.get(name, '')}" for name in absent)
        raise SetupError(f"{' and '.join(absent)} are not on PATH", all_of_them)
    return {name: path or require(name, known) for name, path in found.items()}


def variable(name: str) -> str:
    """Return the environment variable that overrides where a program is."""
    return "HELM_BIN" if name == "helm" else f"XSCALER_{name.upper()}"


# Asked before each run of Helm, and a quarter of a second each time.
@functools.cache
def _from_checkout(name: str) -> Path | None:
    getter = CHECKOUT and CHECKOUT / "tools" / "get"
    if not getter or not getter.exists():
        return None
    # stderr stays the terminal's: it shows the progress of a build.
    done = subprocess.run([getter, name], check=False, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.strip()) if done.returncode == 0 else None


def chart(given: Path | None) -> Path:
    """Return the chart folder: the one given, that of the checkout, or the one carried by the installed package.

    What is given may be a packaged chart (.tgz), which is unpacked into a temporary folder.

    Raises SetupError where there is no chart.
    """
    chosen = given or (CHECKOUT / "chart" if CHECKOUT else _CARRIED_CHART)
    folder = packages.unpacked(chosen) if chosen.is_file() else chosen
    if all((folder / name).is_file() for name in ("Chart.yaml", "values.yaml", "values.schema.json")):
        return folder
    raise SetupError(
        f"{chosen} is not a folder of this chart",
        "give --chart the folder with Chart.yaml, or a package (.tgz) from `helm pull`",
    )
