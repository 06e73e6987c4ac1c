"""JUnit's XML, the one writer of it: what continuous integrations read, as Jenkins and GitLab take it."""

from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# What XML 1.0 admits.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TestCase:
    """One verdict: its failures as (message, details), why it was skipped, its output, and seconds."""

    name: str
    failures: tuple[tuple[str, str], ...] = ()
    skipped: str = ""
    output: str = ""
    seconds: float = 0.0
    classname: str = ""


def suite(name: str, cases: Sequence[TestCase]) -> str:
    """Return a test suite."""
    failures, skipped = sum(bool(case.failures) for case in cases), sum(bool(case.skipped) for case in cases)
    counts = {"tests": str(len(cases)), "failures": str(failures), "skipped": str(skipped)}
    root = ET.Element("testsuite", {"name": _clean(name), **counts})
    for case in cases:
        attributes = {"name": _clean(case.name), "time": f"{case.seconds:.3f}"}
        if case.classname:
            attributes["classname"] = _clean(case.classname)
        element = ET.SubElement(root, "testcase", attributes)
        if case.skipped:
            ET.SubElement(element, "skipped", {"message": _clean(case.skipped)})
        for message, details in case.failures:
            ET.SubElement(element, "failure", {"message": _clean(message)}).text = _clean(details)
        if case.output:
            ET.SubElement(element, "system-out").text = _clean(case.output)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("�", text)
