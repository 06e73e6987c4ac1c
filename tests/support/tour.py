"""Writes docs/tour.md: a new user's first five minutes, as a terminal shows them, from real runs.

    make tour

Every command is run as it stands, in an empty folder, through Helm, with the plugin of this checkout; of a long output
the middle is left out, and marked. The local test runs last: the rest is the same at each run, and a test compares it.
"""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE, PICTURE = ROOT / "docs/tour.md", ROOT / "docs/tour.svg"
# What follows depends on the machine and on chance.
MEASURED = "<!-- from here on measured, and different at each run -->"
_COLUMNS = 100
HEAD = """\
# A tour

A new user's first five minutes. `make tour` writes this page from real runs
([tests/support/tour.py](../tests/support/tour.py)).
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """Words for the reader, commands of a shell, and how many lines of output are shown, first and last."""

    words: str
    commands: tuple[str, ...]
    first: int = 60
    last: int = 0
    code: int = 0


INSTALL = Step(
    words="Install the plugin, in a checkout of this repository. Helm 3 and 4 take it.",
    commands=("helm plugin install $ROOT",),
)
STEPS = (
    Step(
        words="Write a first values file. On a terminal `init` asks; here flags answer.",
        commands=(
            "helm xscaler init values.yaml --region euw1-01 --tenant-id acme --secret xscaler-token --cluster prod-1",
            "grep -v '^ *#' values.yaml",
        ),
    ),
    Step(
        words="Two mistakes creep in: a misspelt key, and a timeout that is longer than the interval.",
        commands=(
            "sed -i 's/collector: prometheus/colector: alloy/' values.yaml",
            "echo '  scrapeTimeout: 45s' >> values.yaml",
            "helm xscaler validate -f values.yaml",
        ),
        code=1,
    ),
    Step(words="The same for programs,", commands=("helm xscaler validate -f values.yaml -o json",), code=1),
    Step(words="for continuous integration,", commands=("helm xscaler validate -f values.yaml -o junit",), code=1),
    Step(
        words="and for GitHub, which shows it beside the changed lines.",
        commands=("helm xscaler validate -f values.yaml -o github",),
        code=1,
    ),
    Step(
        words="Fix both.",
        commands=(
            "sed -i -e 's/colector/collector/' -e '/scrapeTimeout/d' values.yaml",
            "helm xscaler validate -f values.yaml --mesh proxies=100,peers=5,codes=3",
        ),
    ),
    Step(
        words="What would be installed, in words.",
        commands=("helm xscaler render -f values.yaml --explain",),
        first=40,
        last=12,
    ),
)
LOCAL = Step(
    words="And the proof, without a cluster: Alloy scrapes a mesh and pushes to a local xScaler.",
    commands=("helm xscaler test --local -f values.yaml --output-dir report 2>/dev/null",),
    first=40,
    last=3,
)


def environment(folder: Path, helm: Path) -> dict[str, str]:
    """Return what a command sees: this Helm with plugins of its own, and the Python that runs this script."""
    (folder / "bin").mkdir()
    (folder / "bin" / "helm").symlink_to(helm)
    path = os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HELM_", "XSCALER_"))}
    return {
        **kept,
        "PATH": path,
        "HELM_DATA_HOME": str(folder / "data"),
        "ROOT": str(ROOT),
        "NO_COLOR": "1",
        "COLUMNS": str(_COLUMNS),
    }


def ran(step: Step, work: Path, variables: dict[str, str]) -> str:
    """Run the commands of a step and return the screen; exit where the last one's code is not the expected one."""
    screen = []
    for command in step.commands:
        done = subprocess.run(
            ["sh", "-c", command],
            check=False,
            cwd=work,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode != (step.code if command == step.commands[-1] else 0):
            raise SystemExit(f"{command}: exit code {done.returncode}\n{done.stdout}")
        screen += [f"$ {command.replace('$ROOT', '.')}", *cut(done.stdout.splitlines(), step)]
    return "\n".join(said(line, work) for line in screen)


def cut(lines: list[str], step: Step) -> list[str]:
    """Return the first and the last lines, with how many are left out between."""
    more = len(lines) - step.first - step.last
    if more <= 1:
        return lines
    return [*lines[: step.first], f"… {more} more lines", *lines[len(lines) - step.last :]]


def said(line: str, work: Path) -> str:
    """Return a line without what belongs to this machine, and to Helm rather than to the plugin."""
    return line.replace(f"{work}/", "").replace(str(ROOT), ".").rstrip()


def block(step: Step, screen: str) -> str:
    """Return a step as Markdown."""
    return f"{step.words}\n\n```console\n{screen}\n```\n"


def alike(work: Path, variables: dict[str, str]) -> str:
    """Return the part of the page that every run makes alike, with the plugin installed."""
    return "\n".join(block(step, ran(step, work, variables)) for step in STEPS)


def picture(report: str) -> str:
    """Return the charts of a report as one picture, two beside each other."""
    charts = re.findall(r"<svg .*?</svg>", report, re.DOTALL)
    heights, placed, width, gap = [0.0, 0.0], [], 580, 8
    for chart in charts:
        size = re.search(r'height="([\d.]+)"', chart)
        column = heights.index(min(heights))
        x, y = column * (width + gap), heights[column]
        placed.append(chart.replace("<svg ", f'<svg x="{x}" y="{y:g}" ', 1))
        heights[column] += float(size[1] if size else 0) + gap
    across, down = 2 * width + gap, max(heights) - gap
    inside = "\n".join(placed)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across} {down:g}" width="{across}">\n{inside}\n</svg>\n'
    )


def main(arguments: list[str]) -> int:
    """Write the page and the picture; the argument is Helm's path."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name) / "work"
        work.mkdir()
        variables = environment(Path(name), Path(arguments[0]))
        install = block(INSTALL, ran(INSTALL, work, variables))
        text = alike(work, variables)
        local = block(LOCAL, ran(LOCAL, work, variables))
        PICTURE.write_text(picture((work / "report/report.html").read_text(encoding="utf-8")), encoding="utf-8")
    shown = "`report/report.html` shows how it came about; these are its charts:\n\n![the report](tour.svg)\n"
    PAGE.write_text("\n".join([HEAD, install, text, f"{MEASURED}\n", local, shown]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
