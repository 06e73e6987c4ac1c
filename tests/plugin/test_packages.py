"""Charts as packages: the same as their folder, and what is no package."""

from __future__ import annotations

import io
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.support.command import runner, script
from tests.support.paths import CHART, EXAMPLE
from tests.support.tools import tool
from xscaler_istio.system import packages
from xscaler_istio.system.errors import SetupError

from .test_cli import broken_chart

if TYPE_CHECKING:
    from pathlib import Path


def package(chart: Path, target: Path) -> Path:
    subprocess.run([str(tool("helm4")), "package", str(chart), "-d", str(target)], check=True, capture_output=True)
    (made,) = target.glob("*.tgz")
    return made


def written(target: Path, **files: bytes) -> Path:
    with tarfile.open(target, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return target


_HELM3 = pytest.mark.whole("what is unpacked is a folder, and test_helms.py has both majors of that")


@pytest.mark.parametrize("name", [pytest.param("helm3", marks=_HELM3), "helm4"])
def test_a_package_renders_as_helm_renders_it(tmp_path: Path, name: str) -> None:
    made, helm = package(CHART, tmp_path), str(tool(name))
    done = subprocess.run([helm, "template", "rel", str(made), "-f", str(EXAMPLE)], check=True, capture_output=True)
    (tmp_path / "temporary").mkdir()
    # What is unpacked goes with the process.
    ran = script(helm)("render", "rel", "-f", EXAMPLE, "--chart", made, TMPDIR=str(tmp_path / "temporary"))
    assert ran.out == done.stdout.decode()
    assert list((tmp_path / "temporary").iterdir()) == []
    assert runner(helm)("validate", "-f", EXAMPLE, "--chart", made).code == 0


def test_two_versions_are_compared(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    newer = broken_chart(tmp_path, "values.yaml", "scrapeTimeout: 10s", "scrapeTimeout: 9s")
    old, new = package(CHART, tmp_path / "old"), package(newer, tmp_path / "new")
    run = runner(tool("helm4"))
    same = run("diff", EXAMPLE, "--chart", old, "--against-chart", CHART, "--detailed-exitcode")
    assert (same.code, same.err) == (0, "")
    ran = run("diff", EXAMPLE, "--chart", old, "--against-chart", new, "--detailed-exitcode")
    assert ran.code == 1
    assert "9s" in ran.out


def test_what_is_no_package_of_a_chart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text.tgz").write_text("no archive")
    with pytest.raises(SetupError, match=r"text.tgz is not a packaged chart: not a gzip file"):
        packages.unpacked(tmp_path / "text.tgz")
    with pytest.raises(SetupError, match=r"two.tgz contains 2 charts"):
        packages.unpacked(written(tmp_path / "two.tgz", **{"a/Chart.yaml": b"", "b/Chart.yaml": b""}))
    with pytest.raises(SetupError, match=r"out.tgz is not a packaged chart: '../out' would be extracted"):
        packages.unpacked(written(tmp_path / "out.tgz", **{"../out": b"x"}))
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(packages, "MAX_BYTES", 2**20)
    with pytest.raises(SetupError, match=r"large.tgz unpacks to more than 1 MiB or 10000 files"):
        packages.unpacked(written(tmp_path / "large.tgz", **{"a/Chart.yaml": bytes(2**20 + 1)}))
    ran = runner(tool("helm4"))("validate", "-f", EXAMPLE, "--chart", tmp_path / "text.tgz")
    assert (ran.code, ran.err.splitlines()[-1]) == (3, "  fix: name a .tgz of `helm package`")
