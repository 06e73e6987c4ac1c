"""`helm xscaler test RELEASE` on real releases, through the console script."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.tools import tool
from xscaler_istio.rendered.collectors import COLLECTORS

from . import authority
from .release import NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from .release import Release

FAST = "metrics.scrapeInterval=5s,metrics.scrapeTimeout=5s"


@dataclasses.dataclass(frozen=True)
class Ran:
    """What a run of the command gave."""

    code: int
    out: str
    err: str

    def steps(self) -> dict[str, Any]:
        """Return the steps of a report in JSON by name."""
        return {step["name"]: step for step in json.loads(self.out)["steps"]}


def live(release: Release, tmp_path: Path, *flags: str, output: str = "json", token: str = "") -> Ran:
    """Run the command with the read token, asking xScaler through forwarded ports."""
    file, ca = tmp_path / "read-token", tmp_path / "ca.crt"
    file.write_text(token or release.reader)
    ca.write_bytes(authority.xscaler().cert_pem.bytes())
    command = [str(Path(sys.executable).parent / "xscaler-istio"), "test", NAME, "-n", release.namespace, "-o", output]
    asked = ["--read-token-file", str(file), "--query-url", release.backend.metrics]
    asked += ["--logs-query-url", release.backend.logs]
    programs = {"HELM_BIN": str(tool(f"helm{release.major}")), "XSCALER_KUBECTL": str(tool("kubectl"))}
    environment = {**os.environ, **programs, "SSL_CERT_FILE": str(ca)}
    done = subprocess.run(
        [*command, *asked, *flags], check=False, capture_output=True, text=True, env=environment, timeout=300
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("collector", COLLECTORS)
def test_a_good_release(collector: str, new_release: Callable[..., Release], tmp_path: Path) -> None:
    release = new_release(level="privileged")
    release.install(f"metrics.collector={collector},metrics.histograms=native,logs.enabled=true,{FAST}")
    ran = live(release, tmp_path)
    assert ran.code == 0, ran.out + ran.err
    steps = ran.steps()
    stored = ["series at xScaler", "native histograms", "lines at xScaler"]
    assert list(steps) == ["helm test", "collector", "log agents", *stored]
    assert all(step["ok"] and not step["skipped"] and step["facts"] for step in steps.values())
    count = len(release.expected())
    # The collector itself and the log agent of the one node are two more.
    assert f"{count + 2} of {count + 2} targets up" in steps["collector"]["facts"][0]
    assert steps["series at xScaler"]["facts"][0].startswith(f"{count} targets up, newest sample ")
    # What the pods of the tests said, while they ran.
    assert f"{NAME}-test-metrics: PASSED" in ran.err
    assert f"{NAME}-test-logs: PASSED" in ran.err


def test_a_wrong_token_is_named_with_the_answer(new_release: Callable[..., Release], tmp_path: Path) -> None:
    release = new_release()
    release.secret("wrong")
    release.install(f"{FAST},tests.timeout=30s")
    ran = live(release, tmp_path, output="junit")
    assert ran.code == 1
    suite = ET.fromstring(ran.out)  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures")) == ("6", "3")
    failures = {case.get("name"): case.findall("failure") for case in suite if case.find("failure") is not None}
    assert list(failures) == ["helm test", "collector", "series at xScaler"]
    (refused,) = failures["collector"]
    assert "server returned HTTP status 401" in str(refused.get("message"))
    (absent,) = failures["series at xScaler"]
    assert absent.get("message") == f'xScaler has no series with cluster="{release.cluster}"'


def test_who_cannot_read_is_told(new_release: Callable[..., Release], tmp_path: Path) -> None:
    release = new_release()
    release.install(FAST)
    ran = live(release, tmp_path, token=release.token, output="text")
    assert ran.code == 1
    assert "answered 403" in ran.out
    assert "the token lacks the read scope: create one that has it" in ran.out
    assert ran.out.endswith(f"{NAME}: 1 of 6 steps failed\n")


def test_no_release_of_that_name(new_release: Callable[..., Release], tmp_path: Path) -> None:
    release = new_release()
    ran = live(release, tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: the namespace {release.namespace} has no release {NAME}\n  fix: ")


def test_no_cluster(new_release: Callable[..., Release], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = new_release()
    with monkeypatch.context() as patched:
        patched.setenv("KUBECONFIG", str(tmp_path / "none"))
        ran = live(release, tmp_path)
    assert (ran.code, ran.out) == (4, "")
    assert "error: helm get values: " in ran.err
