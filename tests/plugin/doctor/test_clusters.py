"""`doctor` over recorded clusters, with the real kubectl: a new situation is a new folder.

Its values.yaml says in comments what is run and what comes of it, as in ../test_cases.py; `#F ` are resources that the
user may not read. FILE stands for the values file, FOLDER for the folder.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.cases import said
from tests.support.tools import tool
from xscaler_istio.checks.registry import CLUSTER_CHECKS
from xscaler_istio.findings.rules import DOCS

from . import recorded

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.command import Ran

FOLDERS = sorted(file.parent for file in (Path(__file__).parent / "clusters").glob("*/values.yaml"))


def shown(text: str, folder: Path) -> list[str]:
    """Return the lines of a report, without those that only link to docs/rules.md."""
    short = text.replace(str(folder / "values.yaml"), "FILE").replace(str(folder), "FOLDER")
    return [line for line in short.splitlines() if not re.fullmatch(rf"XS...: {re.escape(DOCS)}#xs...", line)]


# The others show further rules; these show that a cluster is read, what is refused, and most of what is found.
_SOME = {"mesh", "no-rights", "refused-values", "network-policies", "other-collectors", "telemetry-of-the-release"}
_OTHERS = pytest.mark.whole("a cluster is read in the same way for each rule, and six clusters show it")


@pytest.mark.parametrize(
    "folder",
    [pytest.param(each, marks=[] if each.name in _SOME else [_OTHERS], id=each.name) for each in FOLDERS],
)
def test_a_recorded_cluster(folder: Path, cli4: Callable[..., Ran], tmp_path: Path) -> None:
    text = (folder / "values.yaml").read_text(encoding="utf-8")
    (command,) = said(text, "$")
    words = [word.replace("FILE", str(folder / "values.yaml")) for word in shlex.split(command)]
    kubeconfig = tmp_path / "kubeconfig"
    with recorded.serving(folder, kubeconfig, tuple(said(text, "F"))):
        ran = cli4(*words, KUBECONFIG=str(kubeconfig), XSCALER_KUBECTL=str(tool("kubectl")))
    assert shown(ran.out, folder) == [f"cluster: context recorded of kubeconfig {kubeconfig}", *said(text, ">")], (
        ran.err
    )
    assert ran.code == int(*said(text, "!") or ["0"])


# What xScaler answers: test_probe.py.
_PROBES = {f"XS45{number}" for number in range(8)}


def test_every_rule_is_shown_by_a_cluster() -> None:
    expected = "".join((folder / "values.yaml").read_text(encoding="utf-8") for folder in FOLDERS)
    assert set(re.findall(r"^#> .*\[(XS4\d\d)\]$", expected, re.MULTILINE)) == set(CLUSTER_CHECKS) - _PROBES


def test_no_cluster(cli4: Callable[..., Ran], tmp_path: Path) -> None:
    ran = cli4("doctor", KUBECONFIG=str(tmp_path / "none"), XSCALER_KUBECTL=str(tool("kubectl")))
    assert (ran.code, ran.out) == (4, "")
    assert ran.err.startswith("error: kubectl get: ")
    which = f"kubeconfig {tmp_path / 'none'}, which has no current context"
    assert ran.err.endswith(f"  fix: check that `kubectl get pods` works with {which}\n")
