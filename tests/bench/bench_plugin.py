"""What a command of the plugin costs beside Helm's own start, and beside the same job by other programs.

    PYTHONPATH=. python tests/bench/bench_plugin.py [RUNS]

Each is run 20 times (ct 5 times), warm, in turns with what it is compared with; printed is the median in milliseconds.
How often each command starts Helm is in tests/plugin/test_answer.py.
`wall` is what a person waits, `cpu` what the machine works: on a busy machine the second is the one to read. The own
time of a command is what it takes beyond `helm version`, for those that render beyond the `helm template` of the file.

check-jsonschema is looked for on PATH or as $XSCALER_CHECK_JSONSCHEMA, and left out where it is not.
"""

from __future__ import annotations

import dataclasses
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support.paths import CHART, ROOT
from tests.support.tools import tool

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 20
EXAMPLE = ROOT / "examples" / "values.yaml"
FULL = ROOT / "examples" / "full-values.yaml"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """One command line; `beside` names the job whose time is not its own, `budget` is in milliseconds of own time."""

    name: str
    command: tuple[str, ...]
    beside: str = ""
    budget: int = 0
    runs: int = RUNS


# Of four shapes that were tried, what takes longest for its size, as large as values may be.
SLOWEST = "x-slowest: [" + "1," * (2**19 - 100) + "1]\n"


def jobs(helm: Path, slowest: Path) -> list[Job]:
    """Return the plugin's commands and their peers; `slowest` is the file of 1 MiB."""
    plugin, values = (str(helm), "xscaler"), ("-f", str(EXAMPLE))
    template = (str(helm), "template", "xscaler-istio", str(CHART), *values)
    checker = shutil.which(os.environ.get("XSCALER_CHECK_JSONSCHEMA", "check-jsonschema"))
    schema = str(CHART / "values.schema.json")
    peers = [
        Job(name="helm lint", command=(str(helm), "lint", str(CHART), "--strict", *values), beside="helm version"),
        Job(name="ct lint", command=(str(tool("ct")), "lint", "--config", "ct.yaml", "--charts", "chart"), runs=5),
    ]
    if checker:
        peers.append(Job(name="check-jsonschema", command=(checker, "--schemafile", schema, str(EXAMPLE))))
    return [
        Job(name="helm version", command=(str(helm), "version", "--short")),
        Job(name="helm template", command=template, beside="helm version"),
        Job(name="xscaler --help", command=(*plugin, "--help"), beside="helm version", budget=100),
        Job(
            name="completion",
            command=(str(helm), "__complete", "xscaler", "explain", "metrics."),
            beside="helm version",
            budget=250,
        ),
        Job(name="xscaler validate", command=(*plugin, "validate", *values), beside="helm version", budget=250),
        Job(name="helm template, 1 MiB", command=(*template, "-f", str(slowest)), beside="helm version", runs=2),
        Job(
            name="xscaler validate, 1 MiB",
            command=(*plugin, "validate", *values, "-f", str(slowest)),
            beside="helm version",
            runs=2,
        ),
        Job(name="xscaler render", command=(*plugin, "render", *values), beside="helm template", budget=300),
        Job(name="xscaler render --explain", command=(*plugin, "render", *values, "--explain"), beside="helm template"),
        Job(name="xscaler diff", command=(*plugin, "diff", str(EXAMPLE), str(FULL)), beside="helm template"),
        Job(
            name="xscaler explain KEY",
            command=(*plugin, "explain", "metrics.shards"),
            beside="helm template",
            budget=250,
        ),
        *peers,
    ]


def run(job: Job, environment: dict[str, str]) -> tuple[float, float]:
    """Return wall and processor time of one run, in milliseconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(job.command, check=False, capture_output=True, cwd=ROOT, env=environment)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{job.name} failed: {done.stderr.decode()}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall * 1000, cpu * 1000


def measured(helm: Path) -> dict[str, tuple[float, float]]:
    """Return the medians of wall and processor time by the job's name."""
    times: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as plugins:
        (Path(plugins) / "xscaler").symlink_to(ROOT / "plugin")
        slowest = Path(plugins) / "slowest.yaml"
        slowest.write_text(SLOWEST, encoding="utf-8")
        folders = (str(helm.parent), str(Path(sys.executable).parent), os.environ["PATH"])
        environment = {
            **os.environ,
            "HELM_PLUGINS": plugins,
            "XSCALER_PYTHON": sys.executable,
            "PATH": os.pathsep.join(folders),
        }
        # The first round warms caches; in turns, so that a busy minute is everybody's.
        for number in range(RUNS + 1):
            for job in jobs(helm, slowest):
                if number > job.runs:
                    continue
                found = run(job, environment)
                if number:
                    times.setdefault(job.name, []).append(found)
    return {
        name: (statistics.median(wall for wall, _ in all_), statistics.median(cpu for _, cpu in all_))
        for name, all_ in times.items()
    }


def main() -> None:
    """Print the table."""
    helm = tool("helm4")
    medians = measured(helm)
    print(f"{'':26}{'wall':>7}{'cpu':>7}   own wall   own cpu   budget")
    for job in jobs(helm, Path()):
        wall, cpu = medians[job.name]
        line = f"{job.name:26}{wall:7.0f}{cpu:7.0f}"
        if job.beside:
            base_wall, base_cpu = medians[job.beside]
            line += f"{wall - base_wall:11.0f}{cpu - base_cpu:10.0f}{job.budget or '':>9}  beside {job.beside}"
        print(line)


if __name__ == "__main__":
    main()
