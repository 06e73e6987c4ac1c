"""docs/logs.md draws the path of a line: with the headings of the rendered configuration, in their order."""

from __future__ import annotations

import re

from tests.support.golden import FILES, GOLDEN
from tests.support.paths import ROOT, ci
from tests.support.rendering import log_configs, template
from xscaler_istio.rendered.manifests import LOGS

PAGE = (ROOT / "docs/logs.md").read_text(encoding="utf-8").partition("## The path of a line")[2].partition("\n## ")[0]
LEAVE_OUT, OWN = "Leave out", "Your stages"
WITH_OWN = "logs.extraStages=stage.pack {}"
# A line's way through the text, and nothing that is not on it.
ORDER = [
    "Find",
    "Read",
    "Join",
    LEAVE_OUT,
    "Redact",
    *(f"Take apart, {kind}" for kind in ("TEXT", "JSON", "ztunnel", "system", "rest")),
    OWN,
    "Label",
    "Send",
]


def headings(config: str) -> list[tuple[str, str]]:
    """Return the headings of a configuration: their names and what they say."""
    return re.findall(r"(?m)^ *// ==== ([^:]+): (.+)$", config)


def config(*sets: str) -> str:
    words = [word for pair in ("logs.enabled=true", *sets) for word in ("--set", pair)]
    (found,) = log_configs(template("helm4", "--values", str(ci("default")), *words))
    return found.text


def test_the_diagram_has_the_headings_of_the_configuration() -> None:
    drawn = re.findall(r"(?m)^  ├─ (.+?)  +(.+)$", PAGE)
    assert drawn == headings(config(WITH_OWN))
    assert [name for name, _ in drawn] == ORDER


def test_the_agent_of_the_api_leaves_out_old_lines_later() -> None:
    names = [name for name, _ in headings(config("logs.source=api", WITH_OWN))]
    later = [name for name in ORDER if name != LEAVE_OUT]
    assert names == [*later[: later.index(OWN)], LEAVE_OUT, *later[later.index(OWN) :]]


def test_a_heading_goes_with_its_step() -> None:
    names = [name for name, _ in headings(config("logs.startAt=beginning"))]
    assert names == [name for name in ORDER if name not in (LEAVE_OUT, OWN)]


def test_stages_of_the_user_keep_their_texts() -> None:
    short = "stage.replace {\n  expression = `a`\n}"
    assert "\n  stage.replace {\n    expression = `a`\n  }\n" in config(f"logs.extraStages={short}")
    long = short.replace("`a`", "`a\n  b`")
    assert f"\n{long}\n" in config(f"logs.extraStages={long}")


def test_the_excerpt_is_what_is_rendered() -> None:
    excerpt = PAGE.split("```text\n")[2].partition("```")[0]
    assert len(excerpt.splitlines()) > 3
    indented = re.sub(r"(?m)^", "    ", (GOLDEN / FILES[LOGS]).read_text(encoding="utf-8"))
    assert excerpt in indented


def test_no_template_is_written_inside_a_template() -> None:
    for file in (ROOT / "chart/templates").rglob("*"):
        assert not file.is_file() or '{{ "{{" }}' not in file.read_text(encoding="utf-8"), file.name
