"""The whole local test from the command line: yes, no, interrupted; nothing is left behind."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.plugin import test_page as page
from tests.support import waiting
from tests.support.command import script
from tests.support.paths import CHART, EXAMPLE, ROOT
from tests.support.published import published
from tests.support.tools import tool
from xscaler_istio.local.mesh import page_server
from xscaler_istio.local.network import claim
from xscaler_istio.system.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Only a failure takes all of its time.
PATIENCE = ("--timeout", f"{waiting.PATIENCE_SECONDS:.0f}")
SMALL = ("test", "--local", "-f", EXAMPLE, "--interval", "2", "--backend", "prometheus", "-o", "json", *PATIENCE)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The pinned programs, and a folder of our own for temporary files, so that leftovers show."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    return {"XSCALER_PROMETHEUS": str(tool("prometheus")), "TMPDIR": str(temporary)}


def children_of(folder: str) -> list[str]:
    """Return the processes that run in a folder or below it."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if (entry / "cwd").readlink().is_relative_to(folder):
                    found.append((entry / "comm").read_text().strip())
    return found


@contextlib.contextmanager
def nothing_left(environment: dict[str, str]) -> Iterator[None]:
    """Assert that no process and no temporary file of a run outlives it."""
    yield
    assert list(Path(environment["TMPDIR"]).iterdir()) == []
    assert children_of(environment["TMPDIR"]) == []


def test_yes(environment: dict[str, str], tmp_path: Path) -> None:
    with nothing_left(environment):
        ran = script(tool("helm4"))(*SMALL, "--output-dir", tmp_path / "kept", **environment)
    assert ran.code == 0, ran.err
    report = json.loads(ran.out)
    published("test", report)
    assert report["ok"] is True
    assert report["targets"]["expected"] == report["targets"]["found"]
    # The mesh's 18, and the collector itself.
    assert report["targets"]["found"] == 19
    assert report["targets"]["byKind"]["self"] == 1
    assert (report["targets"]["duplicate"], report["targets"]["missing"]) == (0, 0)
    assert report["samples"]["accepted"] > 1000
    assert (report["samples"]["rejected"], report["samples"]["rejectedByReason"]) == (0, {})
    assert report["metrics"]["missing"] == []
    assert "istio_request_duration_milliseconds_bucket" in report["metrics"]["required"]
    kept = {file.name for file in (tmp_path / "kept").iterdir()}
    assert {"manifests.yaml", "prometheus-0.yml", "overrides.txt", "report.json", "report.html"} <= kept
    seen = page.read((tmp_path / "kept" / "report.html").read_text())
    assert "All checks passed" in " ".join(seen.texts)
    assert {"Targets found, by kind", "Latency, by service", "Samples since the start"} <= set(seen.texts)
    # A line for each kind of target, and for each service's rate and latency.
    assert len([tag for tag, found in seen.tags if (found.get("class") or "").startswith("mark-line ")]) > 15


@pytest.mark.whole("tests/pipeline runs the same parts with log agents, and test_yes the command")
def test_yes_with_logs(environment: dict[str, str], tmp_path: Path) -> None:
    programs = {f"XSCALER_{name.upper()}": str(tool(name)) for name in ("alloy", "loki")}
    flags = ("--set", "logs.enabled=true", "--output-dir", tmp_path / "kept")
    with nothing_left(environment):
        ran = script(tool("helm4"))(*SMALL, *flags, **environment, **programs)
    report = json.loads(ran.out)
    published("test", report)
    assert ran.code == 0, ran.err
    assert report["targets"]["byKind"]["self"] == 2
    logs = report["logs"]
    assert logs["written"] == logs["once"] > 500
    assert (logs["lost"], logs["more"], logs["foreign"], logs["secretsSeen"]) == (0, 0, 0, 0)
    assert logs["withFields"] > 100
    assert "logs-0.alloy" in {file.name for file in (tmp_path / "kept").iterdir()}


def refused(environment: dict[str, str], enough: Callable[[Any], bool], *flags: object) -> tuple[int, Any]:
    """Return exit code and report of a run that waits for what never comes, of one that was long enough."""
    for seconds in (10, 60, waiting.PATIENCE_SECONDS):
        with nothing_left(environment):
            ran = script(tool("helm4"))(*SMALL, *flags, "--timeout", seconds, **environment)
        report = json.loads(ran.out)
        if enough(report):
            break
    published("test", report)
    return ran.code, report


@pytest.mark.whole("test_verdict.py shows what the local xScaler rejects, and test_yes runs the command")
def test_no(environment: dict[str, str], tmp_path: Path) -> None:
    # A chart without the label budget: what the usual scrape rules do to Istio's latency.
    chart = tmp_path / "chart"
    shutil.copytree(CHART, chart)
    (chart / "files/rules/label-budget.yaml").write_text("")

    def enough(report: Any) -> bool:
        tcp = "istio_tcp_connections_opened_total" not in report["metrics"]["missing"]
        return report["targets"]["found"] == 19 and report["samples"]["rejected"] > 1000 and tcp

    code, report = refused(environment, enough, "--chart", chart)
    assert (code, report["ok"]) == (1, False)
    assert report["samples"]["rejected"] > 1000
    assert report["samples"]["rejectedByReason"].keys() == {"max_label_names_per_series"}
    assert "istio_request_duration_milliseconds_bucket" in report["metrics"]["missing"]
    # What has fewer labels arrives: this is why nobody notices.
    assert "istio_tcp_connections_opened_total" not in report["metrics"]["missing"]
    assert report["targets"]["found"] == 19


@pytest.mark.whole("tests/pipeline runs the same parts with each collector, and test_yes the command")
def test_another_collector_and_scraping_alone(environment: dict[str, str], tmp_path: Path) -> None:
    # What would be refused for its labels is not judged, and arrives.
    chart = tmp_path / "chart"
    shutil.copytree(CHART, chart)
    (chart / "files/rules/label-budget.yaml").write_text("")
    flags = ("--collector", "alloy", "--only", "scraping", "--chart", chart)
    program = f"alloy={tool('alloy')}"
    with nothing_left(environment):
        ran = script(tool("helm4"))(*SMALL, *flags, "--program", program, **environment, XSCALER_ALLOY="/nowhere")
    report = json.loads(ran.out)
    published("test", report)
    assert (ran.code, report["ok"], report["parts"]) == (0, True, ["scraping"]), ran.out
    assert (report["samples"]["rejected"], report["metrics"]["missing"]) == (0, [])
    assert "starting alloy, shard 0" in ran.err


@pytest.mark.whole("test_verdict.py shows which parts are judged, and test_yes runs the command")
def test_pushing_alone(environment: dict[str, str], tmp_path: Path) -> None:
    chart = tmp_path / "chart"
    shutil.copytree(CHART, chart)
    (chart / "files/rules/label-budget.yaml").write_text("")
    flags = ("--only", "pushing", "--chart", chart, "--set", "logs.enabled=true")
    code, report = refused(environment, lambda report: report["samples"]["rejected"] > 0, *flags)
    assert (code, report["parts"], report["logs"]) == (1, ["pushing"], None)
    # The metrics that are missing for it are not told as well.
    assert [problem["what"].split(" samples: ")[1] for problem in report["problems"]] == ["max_label_names_per_series"]


@pytest.mark.whole("tests/pipeline runs the same parts with log agents alone, and test_yes the command")
def test_logs_alone(environment: dict[str, str]) -> None:
    programs = {f"XSCALER_{name.upper()}": str(tool(name)) for name in ("alloy", "loki")}
    flags = ("--only", "logs", "--set", "logs.enabled=true,metrics.collector=none")
    with nothing_left(environment):
        ran = script(tool("helm4"))(*SMALL, *flags, **environment, **programs)
    report = json.loads(ran.out)
    published("test", report)
    assert (ran.code, report["parts"], report["samples"]["accepted"]) == (0, ["logs"], 0), ran.err
    assert report["logs"]["once"] == report["logs"]["written"] > 100
    assert "starting prometheus, shard" not in ran.err


def started(environment: dict[str, str], *flags: str) -> subprocess.Popen[str]:
    """Start a run in the background; ^C reaches it as it does on a terminal."""
    command = [str(Path(sys.executable).parent / "xscaler-istio"), *map(str, SMALL), *flags]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment, "HELM_BIN": str(tool("helm4"))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell lets its background jobs ignore ^C, and these tests may run in one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    )


def until(process: subprocess.Popen[str], words: str) -> str:
    """Return what is said until these words come."""
    said = ""
    assert process.stderr
    while words not in said:
        line = process.stderr.readline()
        assert line, f"it ended by itself: {said}"
        said += line
    return said


@pytest.mark.whole("a longer test_yes, and its end is that of test_interrupted_in_the_middle")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_kept_for_a_look_around(environment: dict[str, str], number: signal.Signals) -> None:
    with nothing_left(environment):
        process = started(environment, "--keep")
        said = until(process, "stop it with Ctrl-C")
        assert f"kill {process.pid}" in said
        where = {line[2:17].strip(): line[17:] for line in said.splitlines() if line.startswith("  ")}
        up = json.loads(asked(where["metrics"]))["data"]["result"]
        assert len(up) == 19
        assert len(json.loads(asked(where["pods"]))["items"]) > 19
        assert "istio_requests_total" in asked(where["a proxy"])
        # The pinned build has no user interface at this address, and the API beside it.
        assert "activeTargets" in asked(f"curl -s {where['prometheus 0']}api/v1/targets")
        folder = Path(where["files"].partition(":")[0])
        assert (folder / "prometheus-0.yml").exists()
        # Who may read the folder is who may read the secrets in it.
        assert folder.stat().st_mode & 0o777 == 0o700
        process.send_signal(number)
        out, rest = process.communicate(timeout=waiting.PATIENCE_SECONDS)
    # The verdict is that of test_yes; here it counts that its exit code outlives the look around.
    assert process.returncode == (0 if json.loads(out)["ok"] else 1)
    assert rest == "stopping all processes\n"


def asked(command: str) -> str:
    """Return what a command that was printed for people to paste gives."""
    return subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True).stdout


_OTHER = pytest.mark.whole("one handler takes all signals; SIGINT shows what it does")


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=_OTHER)])
def test_interrupted_in_the_middle(environment: dict[str, str], number: signal.Signals) -> None:
    with nothing_left(environment):
        process = started(environment)
        until(process, "waiting for")
        waiting.until(lambda: len(children_of(environment["TMPDIR"])) >= 5, "its programs do not run")
        process.send_signal(number)
        _, rest = process.communicate(timeout=waiting.PATIENCE_SECONDS)
    assert process.returncode == 130
    assert "all started processes have been stopped" in rest
    assert "Traceback" not in rest


def test_killed_in_the_middle_leaves_no_process(environment: dict[str, str]) -> None:
    process = started(environment)
    until(process, "waiting for")
    process.kill()
    process.communicate()
    waiting.until(lambda: not children_of(environment["TMPDIR"]), "what it started lives on")


def test_two_runs_do_not_meet() -> None:
    with claim() as one, claim() as two:
        assert one.octet != two.octet


def test_a_port_in_use_is_named() -> None:
    with claim() as network:
        taken = page_server.listen(network.pod(0), 15020)
        with taken, pytest.raises(SetupError, match=rf"port 15020 on {network.pod(0)} is in use") as refused:
            page_server.listen(network.pod(0), 15020)
        assert "ss -ltnp" in str(refused.value.fix)


def test_another_system_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SetupError, match="needs Linux"), claim():
        pass
