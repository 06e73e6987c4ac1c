"""docs/reliability.md, written from results.json.

python -m tests.faults.page [--check]    write the page, or say whether it is fresh
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from tests.support.paths import ROOT

from . import compressed, results, rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .results import Result

PAGE = ROOT / "docs/reliability.md"
# Cells with a loss that no alert reports, and why: a defect each.
SILENT: Mapping[str, str] = yaml.safe_load((Path(__file__).parent / "silent.yaml").read_text(encoding="utf-8"))
# Alerts of an outage. They fire whether something is lost in it or not.
_OF_OUTAGE = frozenset(
    {
        "IstioMetricsAbsent",
        "XScalerIstioCollectorAbsent",
        "XScalerIstioLogLinesWaiting",
        "XScalerIstioPodDown",
        "XScalerIstioRemoteWriteLag",
    }
)
# What a scrape adds, and no program counts: whether it succeeded, and what it read.
REPORTED = ("up", "scrape_samples_scraped")

_HEAD = """\
# Reliability

What happens to metrics and access logs when something breaks: how much is lost, how much arrives twice, how long it
takes to catch up, which metric shows it and which alert fires. Each number comes from a run of the real programs with
the rendered chart. `make test-faults` writes this page and `tests/faults/results.json`.

## How it is measured

- Two pods serve ten series each, whose value is the number of the scrape. So each sample is distinct, and the account
  compares what the pods served with what the backend accepted. It does not read the program's counters. For the log
  agent, a container writes 20 distinct lines a second.
- The backend checks token, tenant and limits as xScaler does, and answers 400 to a new sample that is older than its
  series' newest. A proxy between program and backend breaks the network.
- Time is compressed: the interval between scrapes is {interval} s instead of {chart} s, and every time in the alerts
  is divided by {factor}. A fault of 40 s stands for 20 minutes. Timeouts and the time between retries are the chart's
  and are not compressed: most of the time to catch up is the wait for the next retry, at most 30 s.
- No queue becomes full in these minutes. [collectors.md](collectors.md) has the length of outage that each collector
  survives.
- *Twice* means that the backend accepted a sample or a line again with the same time. It stores it once.
- *Catch up* is the time from the end of the fault until everything that was written before it had arrived. Without a
  fault it is up to 6 s, because a collector collects a request for so long.
- An alert is listed if it began to fire after the fault began, with its `for` in compressed time.

## Run it again

```sh
{commands}
```

{cells} of {all} cells have run. `CELLS_AT_A_TIME=8` runs eight of them at once. A cell whose scrapes came too late,
because the machine was busy, runs again.
"""

_NOT_COVERED = """\
## Not covered yet

- **Backend**: a billing lock of hours, DNS that fails or changes.
- **Processes**: out of memory, a full or read-only disk, a clock that is wrong, a throttled CPU.
- **Kubernetes**: an API server that is away or slow, expired watches, lost rights, drained nodes, rollouts and
  upgrades under load, a change of shards.
- **Targets**: responses of 12 MiB, gzip bombs, counters that reset, an explosion of series, pods that live for 3 s.
- **Access logs**: many rotations under load, first lines of new pods, pods that are gone before they are read, the
  limit of one stream, `logs.source: api`. `tests/pipeline/test_log_delivery.py` has some of these.
- What `helm test` and `helm xscaler test RELEASE` report in each cell.
"""


def text(found: Mapping[str, Result]) -> str:
    """Return the page."""
    example = next(iter(found), rows.CELLS[0].name)
    row, _, contestant = example.partition("/")
    commands = {
        "make test-faults": "every cell, in about an hour; writes the results and this page",
        f"make test-faults CELL={example}": "one cell",
        f"make test-faults CELL={row}": "a row",
        f"make test-faults CELL=/{contestant}": "a column",
    }
    width = max(map(len, commands))
    head = _HEAD.format(
        interval=rows.INTERVAL,
        chart=rows.CLUSTER_INTERVAL,
        factor=rows.FACTOR,
        commands="\n".join(f"{command:<{width}}  # {what}" for command, what in commands.items()),
        cells=len(found),
        all=len(rows.CELLS),
    )
    parts = [
        head,
        *_versions(found),
        "## The matrix\n",
        _LEGEND,
        *_matrix(found),
        *_shown(found),
        *_silent(found),
        *_early(found),
    ]
    return "\n".join([*parts, _NOT_COVERED])


_LEGEND = """\
Each cell: lost of written; twice; time to catch up. The name of a row and of a column is the name of a cell.
"""


def _versions(found: Mapping[str, Result]) -> Iterator[str]:
    yield "| column | version | runs of | cells | without loss |"
    yield "|---|---|---|--:|--:|"
    for contestant in rows.CONTESTANTS:
        own = [item for item in found.values() if item.contestant == contestant]
        for version in sorted({item.version for item in own}):
            dates = sorted({item.date for item in own if item.version == version})
            span = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
            of_version = [item for item in own if item.version == version]
            without = sum(not item.lost for item in of_version)
            yield f"| `{contestant}` | {version} | {span} | {len(of_version)} | {without} |"
    yield ""


def _matrix(found: Mapping[str, Result]) -> Iterator[str]:
    for group, members in itertools.groupby(rows.ROWS, key=lambda row: row.group):
        of_group = list(members)
        columns = of_group[0].contestants
        yield f"### {group}\n"
        yield f"| fault | row | {' | '.join(f'`{name}`' for name in columns)} |"
        yield f"|---|---|{'---|' * len(columns)}"
        for row in of_group:
            cells = (_cell(found.get(f"{row.name}/{name}")) for name in columns)
            yield f"| {row.title} | `{row.name}` | {' | '.join(cells)} |"
        yield ""


def _cell(result: Result | None) -> str:
    if result is None:
        return "not run"
    parts = [f"**{result.lost}** of {result.written}" if result.lost else "nothing lost"]
    parts += [f"{result.doubled} twice"] if result.doubled else []
    parts.append(f"{result.catch_up:.0f} s")
    return "; ".join(parts)


def shown_by(result: Result) -> list[tuple[str, list[str]]]:
    """Return the alerts that reported a loss in a cell, each with the metrics by which it did."""
    changed = [*result.metrics, *REPORTED]
    found = ((alert, compressed.metrics_of([alert], changed)) for alert in result.alerts if alert not in _OF_OUTAGE)
    return [(alert, metrics) for alert, metrics in found if metrics]


def _shown(found: Mapping[str, Result]) -> Iterator[str]:
    yield "## What shows it\n"
    yield "The metrics that counted something or have a gap, and the alerts that fired. Loss is in bold.\n"
    yield "| cell | lost | metrics | alerts |"
    yield "|---|---|---|---|"
    for item in found.values():
        if item.lost or item.alerts or item.metrics:
            lost = f"**{item.lost}**" if item.lost else "0"
            # The alerts' own metrics include whether a scrape succeeded, and with it whether anything arrived.
            names = dict.fromkeys([*item.metrics, *(name for _, read in shown_by(item) for name in read)])
            metrics = ", ".join(f"`{name}`" for name in names) or "none"
            yield f"| `{item.name}` | {lost} | {metrics} | {_alerts(item.alerts)} |"
    yield ""
    followed = [item for item in found.values() if item.followed]
    if followed:
        yield "### What followed a redirect\n"
        yield "| cell | requests to the place that the redirect names |"
        yield "|---|---|"
        for item in followed:
            yield f"| `{item.name}` | {', '.join(item.followed)} |"
        yield ""


# Alerts that say that something is lost.
_OF_LOSS = frozenset(
    {
        "XScalerIstioSamplesRefused",
        "XScalerIstioSamplesDropped",
        "XScalerIstioLogLinesRefused",
        "XScalerIstioMetricsMissing",
    }
)


def _early(found: Mapping[str, Result]) -> Iterator[str]:
    early = [item for item in found.values() if not item.lost and _OF_LOSS.intersection(item.alerts)]
    if not early:
        return
    yield "## Alerts of a loss where nothing was lost\n"
    yield "| cell | alert |"
    yield "|---|---|"
    for item in early:
        yield f"| `{item.name}` | {_alerts(sorted(_OF_LOSS.intersection(item.alerts)))} |"
    yield ""


def _alerts(names: Sequence[str]) -> str:
    return ", ".join(f"[{name}](runbooks.md#{name.lower()})" for name in names) or "none"


def _silent(found: Mapping[str, Result]) -> Iterator[str]:
    yield "## Loss that no alert reports\n"
    yield "Alerts of the outage itself do not count: they fire whether something is lost in it or not.\n"
    silent = [item for item in found.values() if item.lost and not shown_by(item)]
    if not silent:
        yield "None in the cells that have run.\n"
        return
    yield "| cell | lost | why |"
    yield "|---|---|---|"
    for item in silent:
        yield f"| `{item.name}` | {item.lost} of {item.written} | {SILENT.get(item.name, 'not known yet')} |"
    yield ""


def main() -> int:
    """Write the page, or check it."""
    fresh = text(results.load())
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(fresh, encoding="utf-8")
        return 0
    if PAGE.read_text(encoding="utf-8") == fresh:
        return 0
    sys.stderr.write("docs/reliability.md is not fresh: python -m tests.faults.page\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
