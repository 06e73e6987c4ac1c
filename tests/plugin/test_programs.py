"""Where programs are found, and what is said when they are not."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest

from xscaler_istio.local.command import known_programs
from xscaler_istio.rendered.log_agent import LOG_AGENT
from xscaler_istio.system import programs
from xscaler_istio.system.errors import SetupError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def empty_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Nothing on PATH, no checkout, and none of the variables."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(programs, "CHECKOUT", tmp_path)
    # With a memory of its own: what is absent here must not be remembered for other tests.
    monkeypatch.setattr(programs, "_from_checkout", functools.cache(programs._from_checkout.__wrapped__))
    for name in known_programs():
        monkeypatch.delenv(programs.variable(name), raising=False)
    return tmp_path


def program(folder: Path, name: str) -> Path:
    file = folder / name
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


def test_all_that_is_absent_is_said_at_once_with_where_to_get_it() -> None:
    with pytest.raises(SetupError) as refused:
        programs.require_all(("prometheus", "alloy"), LOG_AGENT.where_to_get)
    assert refused.value.message == "alloy and prometheus are not on PATH"
    assert "alloy: https://github.com/grafana/alloy/releases" in refused.value.fix
    assert "prometheus: https://prometheus.io/download/" in refused.value.fix


def test_one_that_is_absent(empty_machine: Path) -> None:
    program(empty_machine, "alloy")
    with pytest.raises(SetupError, match="prometheus is not on PATH") as refused:
        programs.require_all(("prometheus", "alloy"), LOG_AGENT.where_to_get)
    assert refused.value.fix.startswith("https://prometheus.io/download/")


def test_path_and_the_variable_before_it(empty_machine: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    on_path = program(empty_machine, "loki")
    assert programs.require_all(("loki",)) == {"loki": on_path}
    (tmp_path / "other").mkdir()
    other = program(tmp_path / "other", "loki")
    monkeypatch.setenv("XSCALER_LOKI", str(other))
    assert programs.require_all(("loki",)) == {"loki": other}
    monkeypatch.setenv("XSCALER_LOKI", "/nowhere")
    with pytest.raises(SetupError, match="XSCALER_LOKI is /nowhere, which is not a program"):
        programs.require_all(("loki", "mimir"))


def test_given_by_a_flag(empty_machine: Path) -> None:
    file = program(empty_machine, "my-alloy")
    assert programs.given((f"alloy={file}",), known_programs()) == {"alloy": file}
    with pytest.raises(SetupError, match="--program alloy=/nowhere: not a program"):
        programs.given(("alloy=/nowhere",), known_programs())
    for text in ("helm=/bin/true", "alloy", "alloy=", ""):
        with pytest.raises(UsageError, match="does not name a program"):
            programs.given((text,), known_programs())
