"""What a report says of its subject: programs, versions and values, with nothing secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.paths import ROOT
from xscaler_istio import __version__, helm
from xscaler_istio.local.about import about
from xscaler_istio.values.effective import Effective

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "xag_5f2Kq9ZrT1uVb8Ln3Wd7"  # noqa: S105 - of nobody


def program(folder: Path, name: str, prints: str) -> Path:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{prints}\n")
    file.chmod(0o755)
    return file


def test_the_subject_of_a_test(tmp_path: Path) -> None:
    arguments = helm.ValuesArguments(
        ("spooled",), (("--set", f"cluster.name=a,xscaler.auth.token={TOKEN}"),), ("v.yaml",)
    )
    found = about(
        helm.Inputs(chart=ROOT / "chart", values=arguments),
        Effective({"cluster": {"name": "a"}, "same": 1}, {"cluster": {"name": ""}, "same": 1}),
        [
            ("collector", "alloy", program(tmp_path, "alloy", "echo alloy, version v1.18.1 >&2")),
            ("log agent", "none", program(tmp_path, "none", "echo devel; exit 1")),
            ("log agent", "absent", tmp_path / "absent"),
        ],
    )
    assert [(item.role, item.name, item.version) for item in found.programs] == [
        ("collector", "alloy", "1.18.1"),
        ("log agent", "none", ""),
        ("log agent", "absent", ""),
    ]
    assert found.plugin_version == __version__
    assert f"version: {found.chart_version}" in (ROOT / "chart/Chart.yaml").read_text()
    assert found.values == ("v.yaml", "--set cluster.name", "--set xscaler.auth.token")
    assert found.changed == (("cluster.name", "a"),)
    assert TOKEN not in str(found)
