"""docs/tour.md shows what the commands print today."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from tests.support import tour
from tests.support.tools import tool

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.whole("test_cases.py runs each command; only the words of this page are not seen to be fresh")
def test_the_page_is_fresh(tmp_path: Path) -> None:
    # `make tour` writes it. What the install hook makes is test_launcher.py's to try.
    work, plugins = tmp_path / "work", tmp_path / "plugins"
    for folder in (work, plugins):
        folder.mkdir()
    (plugins / "xscaler").symlink_to(tour.ROOT / "plugin")
    variables = tour.environment(tmp_path, tool("helm4"))
    text = tour.alike(work, {**variables, "HELM_PLUGINS": str(plugins), "XSCALER_PYTHON": sys.executable})
    page = tour.PAGE.read_text(encoding="utf-8")
    assert page.startswith(tour.HEAD)
    assert f"```\n\n{text}\n{tour.MEASURED}\n" in page


def test_the_local_test_on_the_page_said_yes() -> None:
    measured = tour.PAGE.read_text(encoding="utf-8").partition(tour.MEASURED)[2]
    assert f"$ {tour.LOCAL.commands[0]}\n" in measured
    assert re.search(r"(?m)^Samples +[1-9][0-9]* accepted, 0 rejected", measured)
    # The last line of the verdict may be in the middle that is left out; the script ends where it is no yes.
    found = re.search(r"(?m)^Targets +([0-9]+) of ([0-9]+) found", measured)
    assert found
    assert found[1] == found[2] != "0"


def test_the_picture_has_every_chart_of_the_report() -> None:
    picture = ElementTree.fromstring(tour.PICTURE.read_text(encoding="utf-8"))  # noqa: S314 - our own
    titles = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}title")]
    assert {"Targets found, by kind", "Latency, by service", "Samples since the start"} <= set(titles)


def test_the_middle_of_a_long_output_is_left_out_and_marked() -> None:
    step = tour.Step(words="", commands=(), first=2, last=1)
    assert tour.cut(list("abcdef"), step) == ["a", "b", "… 3 more lines", "f"]
    assert tour.cut(list("abcd"), step) == list("abcd")
