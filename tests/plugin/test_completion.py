"""Completion: what Helm shows for a line, in each major and from each folder that can be installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.paths import ROOT
from tests.support.tools import tool
from xscaler_istio.cli import completion

if TYPE_CHECKING:
    from pathlib import Path

NO_FILES, NO_SPACE, EXTENSIONS, FOLDERS = 4, 2, 8, 16

# The words after `helm xscaler`, the names that are offered, and the directive.
CASES = [
    ([""], ["validate", "render", "diff", "explain", "init", "schema", "lint", "test"], NO_FILES),
    (["di"], ["diff"], NO_FILES),
    (["--v"], ["--version"], NO_FILES),
    (["explain", "metrics.s"], ["metrics.scrapeInterval", "metrics.scrapeTimeout", "metrics.shards"], NO_FILES),
    (["explain", "metrics.t"], ["metrics.targets."], NO_FILES + NO_SPACE),
    (["explain", "metrics.shards", ""], [], NO_FILES),
    (["validate", "--set", "metrics.prof"], ["metrics.profile="], NO_FILES + NO_SPACE),
    (["lint", "--set", "a=b,logs.runtime="], ["a=b,logs.runtime=cri", "a=b,logs.runtime=docker"], NO_FILES),
    (["validate", "--set", "rbac.create="], ["rbac.create=true", "rbac.create=false"], NO_FILES),
    (["validate", "--set-s"], ["--set-string"], NO_FILES),
    (["render", "--config", "a"], ["alloy"], NO_FILES),
    (["render", "-f", "a.yaml", "--output-dir", ""], [], FOLDERS),
    (["validate", "-f", ""], ["yaml", "yml", "json"], EXTENSIONS),
    (["diff", "--detailed-exitcode", "a.yaml", "-o", "json", "b"], ["yaml", "yml", "json"], EXTENSIONS),
    (["diff", "a.yaml", "b.yaml", ""], [], NO_FILES),
    (["validate", "a.yaml", "b.yaml", ""], ["yaml", "yml", "json"], EXTENSIONS),
    (["validate", "--chart", "x"], [], FOLDERS),
    (["nonsense", ""], [], NO_FILES),
    # Two commands behind one name.
    (["test", "--l"], ["--logs-query-url", "--local"], NO_FILES),
    (["test", "rel", "--read"], ["--read-token-file"], NO_FILES),
    (["test", "--local", "--read"], [], NO_FILES),
    (["test", "--local", "--col"], ["--collector"], NO_FILES),
    (["test", "--local", ""], ["yaml", "yml", "json"], EXTENSIONS),
    (["test", "--local", "--only", "s"], ["scraping"], NO_FILES),
    (["test", "-f", ""], ["yaml", "yml", "json"], EXTENSIONS),
    (["test", "-f", "a.yaml", "--set", "metrics.prof"], ["metrics.profile="], NO_FILES + NO_SPACE),
    (["test", "rel", "-o", "j"], ["json", "junit"], NO_FILES),
    (["test", "--local", "-o", "j"], ["json"], NO_FILES),
]


@pytest.mark.parametrize(("words", "names", "directive"), CASES, ids=[" ".join(case[0]) for case in CASES])
def test_what_is_offered(words: list[str], names: list[str], directive: int) -> None:
    *offered, last = completion.answer(words).splitlines()
    # Other commands may be there as well.
    found = [line.split("\t")[0] for line in offered]
    assert [name for name in found if words != [""] or name in names] == names
    assert last == f":{directive}"


def test_every_offer_of_a_key_and_a_flag_has_its_words() -> None:
    lines = completion.answer(["explain", "metrics."]).splitlines()
    assert "metrics.scrapeInterval\tTime between two scrapes of a target" in lines
    assert (
        "--values\tRead values from this file or URL (repeatable; the last wins; - reads stdin)."
        in completion.answer(["lint", "-"])
    )


_OTHERS = pytest.mark.whole("what is answered is tried above; that Helm 4 asks for it from the checkout, here")


@pytest.mark.parametrize("helm", [pytest.param("helm3", marks=_OTHERS), "helm4"])
@pytest.mark.parametrize("folder", [".", pytest.param("plugin", marks=_OTHERS)])
def test_helm_asks_the_plugin(helm: str, folder: str, tmp_path: Path) -> None:
    (tmp_path / "xscaler").symlink_to((ROOT / folder).resolve())
    environment = {**os.environ, "HELM_PLUGINS": str(tmp_path), "XSCALER_PYTHON": sys.executable}

    def complete(*words: str) -> list[str]:
        command = [str(tool(helm)), "__complete", "xscaler", *words]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        return done.stdout.splitlines()

    assert complete("explain", "metrics.profi") == [
        "metrics.profile\tMetrics to keep: minimal (xScaler's six metrics and istio_build), traffic (every panel on "
        "traffic with the fewest series), dashboards (what dashboards, Kiali and the alerts read) or full (all of "
        "Istio and Envoy)",
        ":4",
    ]
    assert complete("validate", "-f", "") == ["yaml", "yml", "json", ":8"]
    assert "--set-json\tSet a value from JSON (repeatable)." in complete("validate", "--set")


def test_before_the_first_run_nothing_is_offered(tmp_path: Path) -> None:
    plugin = shutil.copytree(ROOT / "plugin", tmp_path / "plugin", ignore=shutil.ignore_patterns(".venv", "src"))
    environment = {name: value for name, value in os.environ.items() if name != "XSCALER_PYTHON"}
    command = ["sh", str(plugin / "plugin.complete"), ""]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


line = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["explain", "validate", "diff", "--set", "-f", "--chart", "metrics.", "a=", ",", "-", "--", "\x1f"]
    ),
)


@given(words=st.lists(line, max_size=6))
def test_any_line_gets_an_answer(words: list[str]) -> None:
    *_, last = completion.answer(words).splitlines()
    assert last.startswith(":")
